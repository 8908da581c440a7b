// Answers before it shows: one sentence, what needs a person, the house, what happened, the box.
import type { ComponentChildren } from "preact";
import type { Finding, Overview } from "../api/types";
import { node_label } from "../lib/format";
import { node_silent, presence_word, seen_text } from "../lib/freshness";
import { headline } from "../lib/headline";
import { span, stamp } from "../lib/time";
import { node_link } from "../lib/view";
import { ClockSet } from "../parts/clock_set";
import { WhatToDo } from "../parts/runbook_link";
import { Empty, FailureBox, Loading } from "../parts/states";
import { Spark } from "../parts/spark";
import { Told } from "../parts/told";
import { Value } from "../parts/value";
import { house } from "../state/house";
import { box_now, unreachable_since, zone } from "../state/link";
import { last_visit } from "../state/visit";
import { words } from "../words";

const text = words.overview;
type HouseNode = Overview["nodes"][number];

function Sentence({ data }: { data: Overview }) {
  const said = headline(data);
  const below = [
    last_visit === null ? "" : text.visit(span(Date.now() - last_visit)),
    text.stored(data.readings_stored), text.refused(data.rejected_today),
    !data.broker_connected ? text.deaf_why : "",
  ].filter(Boolean);
  const cut_off = unreachable_since.value;
  if (cut_off !== null) return (
    <div class="al-sentence">
      <h1>{words.failure.unreachable.what}</h1>
      <p class="al-soft">{text.last_word(stamp(cut_off, zone.value, box_now.value), said.before + said.accent + said.after)}</p>
    </div>
  );
  return (
    <div class="al-sentence">
      <h1>{said.before}{said.accent && <span data-tone={said.tone}>{said.accent}</span>}{said.after}</h1>
      <p class="al-soft">{below.join(" · ")}</p>
    </div>
  );
}

function FindingBox({ finding, nodes }: { finding: Finding; nodes: HouseNode[] }) {
  const node = nodes.find((one) => one.id === finding.node);
  return (
    <section class="al-note" data-tone={finding.level}>
      <div>
        <h3>{finding.level === "being_lost" && <span class="al-tag" data-tone={finding.level}>{text.being_lost}</span>}{finding.what}</h3>
        <p>{finding.why} <Told text={finding.todo} /> {finding.since !== null && <span class="al-since">{text.since(stamp(finding.since, zone.value, box_now.value))}</span>}</p>
      </div>
      {finding.id === "clock" ? <ClockSet><WhatToDo id={finding.id} button /></ClockSet> : (
        <div class="al-actions">
          {finding.id.startsWith("backup") && <a class="al-button" data-main="" href="#/system">{words.backups.look}</a>}
          {finding.id === "no_nodes" && <a class="al-button" data-main="" href="#/settings">{words.settings.add_node}</a>}
          {node && <a class="al-button" data-main="" href={node_link(node.id)}>{text.look(node_label(node))}</a>}
          <WhatToDo id={finding.id} button />
        </div>
      )}
    </section>
  );
}

function NodeCard({ node }: { node: HouseNode }) {
  const now = box_now.value;
  const word = presence_word(node, now);
  return (
    <article class="al-card al-node" data-node={node.id} data-age={node_silent(node) ? "old" : "fresh"}>
      <h3><a href={node_link(node.id)}>{node_label(node)}</a>{word && <span class="al-tag" data-tone="needs_you">{word}</span>}</h3>
      {!word && <span class="al-age">{seen_text(node.last_seen, now, unreachable_since.value !== null)}</span>}
      {node.series.map((series) => (
        <div class="al-row" key={series.id}>
          <Value node={node} series={series} now={now} />
          <Spark node={node} series={series} trend={node.trend.find((one) => one.series === series.id)} now={now} />
        </div>
      ))}
      {node.series.length === 0 && <p class="al-soft">{words.node.no_series}</p>}
    </article>
  );
}

function Section({ title, children }: { title: string; children: ComponentChildren }) {
  return <section class="al-section"><h2>{title}</h2>{children}</section>;
}

function places(nodes: HouseNode[]): [string, HouseNode[]][] {
  const out = new Map<string, HouseNode[]>();
  for (const node of nodes) {
    const place = node.place.trim() || text.elsewhere;
    out.set(place, [...(out.get(place) ?? []), node]);
  }
  return [...out].sort(([a], [b]) => Number(a === text.elsewhere) - Number(b === text.elsewhere));
}

function Happened({ recent }: { recent: Overview["recent"] }) {
  const now = box_now.value;
  const before = last_visit === null ? null : now - (Date.now() - last_visit);
  const is_new = (t: number): boolean => before !== null && t > before;
  return (
    <Section title={recent.some((one) => is_new(one.t)) ? text.away : text.happened}>
      {recent.length === 0 ? <p class="al-soft">{text.nothing}</p> : (
        <ul class="al-card al-list">
          {recent.map((one) => (
            <li key={`${one.t} ${one.text}`}>
              <time>{stamp(one.t, zone.value, now)}</time><span>{one.text}</span>
              {is_new(one.t) && <strong>{text.fresh}</strong>}
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

function BoxLine({ data }: { data: Overview }) {
  const facts: [string, string][] = [
    [text.clock, data.clock_trusted ? text.clock_ok : text.clock_bad],
    [text.broker, data.broker_connected ? text.broker_ok : text.broker_bad],
    [text.running, stamp(data.started, zone.value, box_now.value)],
  ];
  return (
    <dl class="al-box" aria-label={text.box}>
      {facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}
    </dl>
  );
}

function Picture({ data }: { data: Overview }) {
  return (
    <>
      <Sentence data={data} />
      {data.findings.length > 0 && (
        <section aria-label={text.needs} class="al-notes">
          <h2 class="al-hidden">{text.needs}</h2>
          {data.findings.map((finding) => <FindingBox key={finding.id} finding={finding} nodes={data.nodes} />)}
        </section>
      )}
      {data.nodes.length === 0 && <Empty next={text.empty.next} command={text.empty.command} />}
      {places(data.nodes).map(([place, nodes]) => (
        <Section key={place} title={place}><div class="al-grid">{nodes.map((node) => <NodeCard key={node.id} node={node} />)}</div></Section>
      ))}
      <Happened recent={data.recent} />
      <BoxLine data={data} />
    </>
  );
}

export function OverviewPage() {
  const view = house.view.value;
  switch (view.state) {
    case "loading": return <Loading />;
    case "failed": return <FailureBox failure={view.failure} retry={() => void house.load()} />;
    case "ready": return <Picture data={view.data} />;
  }
}
