// A node's new login, shown once, in each form that its builder may want; and whether the node has come with it.
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import type { NodeCredentials } from "../api/types";
import { qr_path, quiet } from "../lib/qr";
import { span } from "../lib/time";
import { node_link } from "../lib/view";
import { put_away, type Given } from "../state/given";
import { house } from "../state/house";
import { box_now } from "../state/link";
import { words } from "../words";
import { CopyBlock, CopyRow } from "./copy";

const text = words.settings;

function Qr({ rows }: { rows: string[] }) {
  const size = rows.length + 2 * quiet;
  return (
    <figure class="al-qr">
      <svg viewBox={`0 0 ${size} ${size}`} role="img" aria-label={text.qr} shape-rendering="crispEdges">
        <rect width={size} height={size} /><path d={qr_path(rows)} />
      </svg>
      <figcaption class="al-soft">{text.qr_for}</figcaption>
    </figure>
  );
}

// Told by the live stream: only a message later than the login counts.
function Seen({ shown }: { shown: Given }) {
  const view = house.view.value;
  const node = view.state === "ready" ? view.data.nodes.find((one) => one.id === shown.login.id) : undefined;
  const last = node?.last_seen ?? null;
  const seen = last !== null && last > shown.at;
  return (
    <div class="al-waiting" data-seen={seen ? "" : undefined}>
      <span class="al-beat" aria-hidden="true" />
      {seen
        ? <p><strong>{text.seen}</strong>, {words.age.ago(span(Math.max(0, box_now.value - last)))}. <a class="al-link" href={node_link(shown.login.id)}>{text.look}</a></p>
        : <p>{shown.again ? text.waiting_again : text.waiting}</p>}
      <span class="al-hidden" role="status">{seen ? text.seen : ""}</span>
    </div>
  );
}

function Forms({ login }: { login: NodeCredentials }) {
  return (
    <div class="al-forms">
      <CopyBlock title={text.header} about={text.header_for} file="alona_node.h" value={login.snippet} />
      <CopyBlock title={text.esphome} about={text.esphome_for} file={`${login.id}.yaml`} value={login.esphome} />
      <CopyBlock title={text.nvs} about={text.nvs_for} file={`${login.id}-nvs.csv`} value={login.nvs_csv} />
      <CopyBlock title={text.uri} about={text.uri_for} file={`${login.id}.txt`} value={login.uri} />
    </div>
  );
}

export function NodeGiven({ shown }: { shown: Given }) {
  const { login, again } = shown;
  const id = useId();
  const head = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => { head.current?.focus(); head.current?.scrollIntoView({ block: "nearest" }); }, [shown]);
  return (
    <section class="al-card al-given" aria-labelledby={id}>
      <h3 id={id} ref={head} tabIndex={-1}>{again ? text.given_again(login.id) : text.given(login.id)}</h3>
      <p class="al-soft">{text.once}</p>
      <Seen shown={shown} />
      {login.unproven && <p class="al-wrong" role="alert"><strong>{text.unproven(login.unproven.what)}</strong> {login.unproven.next}</p>}
      <div class="al-given-body">
        {login.qr.length > 0 && <Qr rows={login.qr} />}
        <dl class="al-rows">
          <CopyRow name={text.user} value={login.user} />
          <CopyRow name={text.password} value={login.password} />
          <CopyRow name={text.host} value={login.host} />
          {login.host_name !== "" && <CopyRow name={text.host_name} value={login.host_name} />}
          <CopyRow name={text.port} value={String(login.port)} />
        </dl>
      </div>
      <Forms login={login} />
      <button type="button" class="al-button" data-main="" onClick={() => put_away(login.id)}>{text.put_away}</button>
    </section>
  );
}
