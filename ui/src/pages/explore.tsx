// Any series together over any stretch of time. The address is the view: every button only changes it.
import { signal } from "@preact/signals";
import { useEffect, useMemo, useState } from "preact/hooks";
import { get_history } from "../api/client";
import type { Overview, SeriesInfo } from "../api/types";
import { label_inside, node_label, series_label } from "../lib/format";
import { to_panels, type Line, type Panel } from "../lib/panels";
import { second, span, stamp } from "../lib/time";
import { window_of, type ExploreView } from "../lib/view";
import { Chart } from "../parts/chart";
import { GapList, HistoryTable, EveryReading } from "../parts/explore_facts";
import { Bar, Picker } from "../parts/explore_bar";
import { Key } from "../parts/key";
import { Empty, FailureBox, Loading } from "../parts/states";
import { use_histories, type Histories } from "../state/histories";
import { house } from "../state/house";
import { box_now, unreachable_since, zone } from "../state/link";
import { go_explore } from "../state/route";
import { words } from "../words";

const text = words.explore;
const points = 500, probe_points = 60, refresh_ms_min = 15 * second, panel_px = 170;

export interface Known { series: SeriesInfo; name: string; node_name: string; place: string }

export function known_series(nodes: Overview["nodes"]): Map<number, Known> {
  return new Map(nodes.flatMap((node) => node.series.map((series) => {
    const node_name = node_label(node);
    return [series.id, { series, node_name, name: `${node_name}, ${label_inside(series_label(series))}`, place: node.place }] as const;
  })));
}

// The oldest bucket's start; asked a second time from there, for over all of time a bucket is months long.
async function first_of(id: number): Promise<number | null> {
  let first: number | null = null;
  for (let from = 0, round = 0; round < 2; round += 1) {
    const answer = await get_history(id, from, box_now.value, probe_points);
    if (!answer.ok || answer.data.t[0] === undefined) return first;
    first = from = Math.max(answer.data.t[0], from);
  }
  return first;
}

// Where the oldest of these series begins; asked only for "all", for nobody else needs it.
function use_first(ids: number[], wanted: boolean): { asking: boolean; first: number | null } {
  const [found, set_found] = useState<{ key: string; first: number | null }>({ key: "", first: null });
  const key = wanted ? ids.join() : "";
  useEffect(() => {
    if (key === "") return undefined;
    let alive = true;
    void Promise.all(ids.map(first_of)).then((found_starts) => {
      const starts = found_starts.filter((t): t is number => t !== null);
      if (alive) set_found({ key, first: starts.length > 0 ? Math.min(...starts) : null });
    });
    return () => { alive = false; };
  }, [key]);
  return { asking: key !== "" && found.key !== key, first: found.key === key ? found.first : null };
}

const cursor_at = signal<number | null>(null);
const set_cursor = (t: number | null): void => { cursor_at.value = t; };

function KeyAtCursor({ panels, shown }: { panels: Panel[]; shown: Histories }) {
  const idle = text.from_to(stamp(shown.from, zone.value, box_now.value), stamp(shown.to, zone.value, box_now.value));
  return <Key panels={panels} at={cursor_at.value} zone={zone.value} now={box_now.value} idle={idle} />;
}

function Charts({ panels, shown, view }: { panels: Panel[]; shown: Histories; view: ExploreView }) {
  const [table, set_table] = useState(false);
  const bucket = Math.max(0, ...panels.flatMap((p) => p.lines.map((l) => l.history.bucket_ms)));
  const select = (from: number, to: number): void => go_explore({ ...view, range: { from, to } });
  const lines = panels.flatMap((panel) => panel.lines);
  return (
    <>
      <section class="al-card al-panels" aria-busy={shown.loading} aria-label={text.title}>
        <KeyAtCursor panels={panels} shown={shown} />
        {panels.map((panel, i) => (
          <div class="al-panel" key={panel.unit}>
            <span class="al-panel-unit">{panel.unit}</span>
            <Chart panel={panel} from={shown.from} to={shown.to} zone={zone.value} show_time={i === panels.length - 1} height={panel_px} cursor_group="explore" on_cursor={set_cursor} on_select={select} />
          </div>
        ))}
        {lines.every((line) => line.history.t.length === 0) && <p class="al-soft al-center">{text.nothing}</p>}
      </section>
      <p class="al-soft al-legend">{bucket === 0 ? text.legend_raw : text.legend(span(bucket))}</p>
      <button type="button" class="al-button" aria-pressed={table} onClick={() => set_table(!table)}>{table ? text.chart : text.table}</button>
      {table && lines.map((line) => <HistoryTable key={line.series.id} line={line} zone={zone.value} />)}
      <GapList lines={lines} from={shown.from} to={shown.to} zone={zone.value} now={box_now.value} />
      <EveryReading lines={lines} from={shown.from} to={shown.to} />
    </>
  );
}

function Picture({ known, view }: { known: Map<number, Known>; view: ExploreView }) {
  const ids = view.series.filter((id) => known.has(id));
  const all = "preset" in view.range && view.range.preset === "all";
  const { asking, first } = use_first(ids, all);
  const rolling = "preset" in view.range && unreachable_since.value === null;
  const step_ms = refresh_ms_min;
  const tick = Math.floor(box_now.value / step_ms);
  // Rolling views move with the clock; the others stand still.
  const window = useMemo(() => window_of(view.range, (tick + 1) * step_ms, first), [JSON.stringify(view.range), first, rolling ? tick : 0]);
  const shown = use_histories(asking ? [] : ids, window.from, window.to, points, 0);
  const panels = useMemo(() => to_panels(ids.flatMap((id): Line[] => {
    const history = shown.by_series.get(id), one = known.get(id);
    return history && one ? [{ series: one.series, name: one.name, node_name: one.node_name, color: view.series.indexOf(id), history }] : [];
  })), [shown, ids.join()]);
  const [picking, set_picking] = useState(false);
  const gone = view.series.length - ids.length;
  return (
    <>
      <Bar view={view} window={window} panels={panels} picking={picking} toggle_picking={() => set_picking(!picking)} />
      {(picking || ids.length === 0) && <Picker known={known} view={view} done={() => set_picking(false)} />}
      <p class="al-hidden" role="status">{shown.loading && ids.length > 0 ? text.loading : ""}</p>
      {gone > 0 && <p class="al-soft">{text.gone(gone)}</p>}
      {shown.failure && <FailureBox failure={shown.failure} retry={() => go_explore({ ...view, range: { from: window.from, to: window.to } })} />}
      {ids.length === 0 ? <Empty what={text.none.what} next={text.none.next} /> : panels.length > 0 ? <Charts panels={panels} shown={shown} view={view} /> : !shown.failure && <Loading />}
    </>
  );
}

// With no series in the address the first node that speaks is a better greeting than an empty page.
function greeting(nodes: Overview["nodes"]): number[] {
  const node = nodes.find((one) => one.presence === "online" && one.series.length > 0) ?? nodes.find((one) => one.series.length > 0);
  return node ? node.series.slice(0, 2).map((one) => one.id) : [];
}

export function ExplorePage({ view }: { view: ExploreView }) {
  const found = house.view.value;
  const asked = location.hash.includes("series=");
  return (
    <>
      <h1 class="al-hidden">{text.title}</h1>
      {found.state === "loading" && <Loading />}
      {found.state === "failed" && <FailureBox failure={found.failure} retry={() => void house.load()} />}
      {found.state === "ready" && (found.data.nodes.every((node) => node.series.length === 0)
        ? <Empty what={words.overview.empty.what} next={words.overview.empty.next} command={words.overview.empty.command} />
        : <Picture known={known_series(found.data.nodes)} view={asked ? view : { ...view, series: greeting(found.data.nodes) }} />)}
    </>
  );
}
