import type { NodeInfo } from "../api/types";
import { node_label } from "../lib/format";
import { node_silent, presence_word, seen_text } from "../lib/freshness";
import { node_link } from "../lib/view";
import { Empty, FailureBox, Loading } from "../parts/states";
import { house } from "../state/house";
import { box_now, unreachable_since } from "../state/link";
import { words } from "../words";

const text = words.nodes;

function Row({ node }: { node: NodeInfo }) {
  const now = box_now.value;
  return (
    <tr data-node={node.id} data-age={node_silent(node) ? "old" : "fresh"}>
      <th scope="row"><a href={node_link(node.id)}>{node_label(node)}</a>{node_label(node) !== node.id && <span class="al-id">{node.id}</span>}</th>
      <td>{node.place}</td>
      <td>{node_silent(node) ? <span class="al-tag" data-tone="needs_you">{presence_word(node, now)}</span> : words.presence.online}</td>
      <td>{seen_text(node.last_seen, now, unreachable_since.value !== null)}</td>
      <td class="al-right">{node.series.length}</td>
    </tr>
  );
}

function Table({ nodes }: { nodes: NodeInfo[] }) {
  const silent = nodes.filter(node_silent).length;
  return (
    <>
      <p class="al-soft">{text.count(nodes.length)}, {silent === 0 ? text.all_heard : text.silent(silent)}</p>
      <div class="al-card al-flush">
        <table class="al-table al-nodes">
          <thead><tr><th scope="col">{text.name}</th><th scope="col">{text.place}</th><th scope="col">{text.state}</th><th scope="col">{text.heard}</th><th scope="col" class="al-right">{text.series}</th></tr></thead>
          <tbody>{nodes.map((node) => <Row key={node.id} node={node} />)}</tbody>
        </table>
      </div>
    </>
  );
}

export function NodesPage() {
  const view = house.view.value;
  return (
    <>
      <div class="al-sentence"><h1>{text.title}</h1></div>
      {view.state === "loading" && <Loading />}
      {view.state === "failed" && <FailureBox failure={view.failure} retry={() => void house.load()} />}
      {view.state === "ready" && (view.data.nodes.length === 0
        ? <Empty what={words.overview.empty.what} next={words.overview.empty.next} command={words.overview.empty.command} />
        : <Table nodes={view.data.nodes} />)}
    </>
  );
}
