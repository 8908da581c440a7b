// One node: its values over time, when it was heard, what arrived, what it told.
import { useEffect, useMemo, useState } from "preact/hooks";
import { get_node } from "../api/client";
import type { NodeDetail, NodeInfo } from "../api/types";
import { node_label, series_label } from "../lib/format";
import { node_silent, presence_word } from "../lib/freshness";
import { to_panels } from "../lib/panels";
import { with_present } from "../lib/presence";
import { day, minute, span } from "../lib/time";
import { explore_link, series_shown_max } from "../lib/view";
import { Chart } from "../parts/chart";
import { Heard, Days, Heartbeat, Told } from "../parts/node_facts";
import { Empty, FailureBox, Loading } from "../parts/states";
import { Spark } from "../parts/spark";
import { Value } from "../parts/value";
import { use_histories } from "../state/histories";
import { house } from "../state/house";
import { box_now, on_live, zone } from "../state/link";
import { resource } from "../state/loaded";
import { words } from "../words";

const text = words.node;
const points = 300, chart_px = 120;

// What the stream keeps fresh comes from the house; the rest from the node's own answer.
function merged(detail: NodeDetail): NodeDetail {
  const view = house.view.value;
  const live = view.state === "ready" ? view.data.nodes.find((one) => one.id === detail.id) : undefined;
  if (!live) return detail;
  const { presence, presence_since, last_seen, series, interval_ms } = live;
  return { ...detail, presence, presence_since, last_seen, series, interval_ms };
}

function Head({ node }: { node: NodeInfo }) {
  const word = presence_word(node, box_now.value);
  const below = [node.place, node.id, node.interval_ms === null ? "" : text.interval(span(node.interval_ms)), node.may_lose ? words.presence.may_lose : ""].filter((part) => part !== "");
  return (
    <div class="al-sentence">
      <p class="al-crumb"><a href="#/nodes">‹ {text.back}</a></p>
      <h1>{node_label(node)} <span class="al-tag" data-tone={node_silent(node) ? "needs_you" : "well"}>{word || words.presence.online}</span></h1>
      <p class="al-soft">{below.join(" · ")}</p>
    </div>
  );
}

function Charts({ node, days }: { node: NodeInfo; days: number }) {
  const to = Math.floor(box_now.value / minute) * minute;  // a new picture each minute; values above are live
  const from = to - days * day;
  const ids = node.series.map((one) => one.id);
  const shown = use_histories(ids, from, to, points, 0);
  const trends = house.view.value.state === "ready" ? house.view.value.data.nodes.find((one) => one.id === node.id)?.trend : undefined;
  const [, set_cursor] = useState<number | null>(null);
  const panels = useMemo(() => node.series.map((series) => {
    const history = shown.by_series.get(series.id);
    return history ? to_panels([{ series, name: series_label(series), node_name: node_label(node), color: 0, history }])[0] : undefined;
  }), [shown.by_series, ids.join()]);
  if (shown.failure) return <FailureBox failure={shown.failure} />;
  return (
    <div class="al-series">
      {node.series.map((series, i) => {
        const panel = panels[i];
        return (
          <article class="al-card al-one" key={series.id}>
            <div class="al-row">
              <Value node={node} series={series} now={box_now.value} />
              {!panel && <Spark node={node} series={series} trend={trends?.find((one) => one.series === series.id)} now={box_now.value} />}
              <a class="al-link" href={explore_link({ series: [series.id], range: { preset: days === 1 ? "day" : "week" } })}>{text.explore}<span class="al-hidden">: {series_label(series)}</span></a>
            </div>
            {panel
              ? <Chart panel={panel} from={shown.from} to={shown.to} zone={zone.value} show_time height={chart_px} cursor_group={node.id} on_cursor={set_cursor} on_select={(a, b) => { location.hash = explore_link({ series: [series.id], range: { from: a, to: b } }); }} />
              : <div class="al-chart-room" />}
          </article>
        );
      })}
    </div>
  );
}

function Picture({ detail }: { detail: NodeDetail }) {
  const node = merged(detail);
  const [days, set_days] = useState(1);
  return (
    <>
      <Head node={node} />
      <section class="al-section">
        <div class="al-bar">
          <h2>{text.values}</h2>
          <div class="al-segments" role="group" aria-label={text.range}>
            {[1, 7].map((n) => <button key={n} type="button" aria-pressed={days === n} onClick={() => set_days(n)}>{n === 1 ? text.day_range : text.week_range}</button>)}
          </div>
          {node.series.length > 1 && <a class="al-link" href={explore_link({ series: node.series.slice(0, series_shown_max).map((one) => one.id), range: { preset: "day" } })}>{text.explore}</a>}
        </div>
        {node.series.length === 0 ? <Empty what={text.no_series} next="" /> : <Charts node={node} days={days} />}
      </section>
      <Heard changes={with_present(detail.presence_changes, node)} />
      <Days days={detail.days} numbered={detail.numbered} />
      <Heartbeat heartbeat={detail.heartbeat} />
      <Told errors={detail.errors} events={detail.events} />
    </>
  );
}

export function NodePage({ id }: { id: string }) {
  const detail = useMemo(() => resource(() => get_node(id)), [id]);
  useEffect(() => {
    void detail.load();
    const timer = setInterval(() => void detail.load(), minute);
    const stop = on_live((message) => { if (message.event === "presence" && message.data.node === id) void detail.load(); });
    return () => { clearInterval(timer); stop(); detail.forget(); };
  }, [detail]);
  const view = detail.view.value;
  switch (view.state) {
    case "loading": return <Loading />;
    case "failed": return view.failure.kind === "missing"
      ? <><p class="al-crumb"><a href="#/nodes">‹ {text.back}</a></p><Empty what={text.unknown} next={text.unknown_next} /></>
      : <FailureBox failure={view.failure} retry={() => void detail.load()} />;
    case "ready": return <Picture detail={view.data} />;
  }
}
