// One panel: a uPlot that lives as long as its lines stay the same, told of new data and new stretches.
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { extent } from "../lib/columns";
import { value_text } from "../lib/format";
import { clip } from "../lib/gaps";
import { stretch_ms_min } from "../lib/view";
import { plot_data, plot_options, type Paint, type PlotView } from "../lib/plot";
import type { Panel } from "../lib/panels";
import { words } from "../words";
import { select_by_touch } from "./touch";

export interface ChartProps {
  panel: Panel; from: number; to: number; zone: string; show_time: boolean; height: number; cursor_group: string;
  on_cursor(t: number | null): void; on_select?: (from: number, to: number) => void;
}

const dark = matchMedia("(prefers-color-scheme: dark)");

function read_paint(): Paint {
  const style = getComputedStyle(document.documentElement);
  const of = (name: string): string => style.getPropertyValue(name).trim();
  return {
    ink: of("--ink"), soft: of("--soft"), line: of("--line"), grey: of("--grey"), amber: of("--amber"), font: of("--font"),
    colors: [1, 2, 3, 4, 5, 6, 7, 8].map((i) => of(`--series-${i}`)),
  };
}

function use_dark(): boolean {
  const [is, set] = useState(dark.matches);
  useEffect(() => {
    const changed = (): void => set(dark.matches);
    dark.addEventListener("change", changed);
    return () => dark.removeEventListener("change", changed);
  }, []);
  return is;
}

export function summary({ panel, from, to }: Pick<ChartProps, "panel" | "from" | "to">): string {
  return panel.lines.map(({ name, series, history }) => {
    const range = extent(history);
    if (!range) return words.chart.empty(name);
    return words.chart.summary(name, value_text(range.low, series.decimals), value_text(range.high, series.decimals), panel.unit, clip(history.gaps, from, to).length);
  }).join(" ");
}

function create(host: HTMLElement, latest: () => ChartProps, view: () => PlotView): uPlot {
  const choose = (u: uPlot, left: number, right: number): void => {
    const from = u.posToVal(left, "x") * 1000, to = u.posToVal(right, "x") * 1000;
    if (to - from >= stretch_ms_min) latest().on_select?.(Math.round(from), Math.round(to));
  };
  const options = plot_options(host.clientWidth, latest().height, view);
  options.cursor = { ...options.cursor, sync: { key: latest().cursor_group, scales: ["x", null] } };
  options.hooks = {
    ...options.hooks,
    setCursor: [(u) => { const left = u.cursor.left ?? -1; latest().on_cursor(left < 0 ? null : u.posToVal(left, "x") * 1000); }],
    setSelect: [(u) => {
      const { left, width } = u.select;
      if (width <= 0) return;
      u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
      choose(u, left, left + width);
    }],
  };
  const u = new uPlot(options, plot_data(latest().panel), host);
  select_by_touch(u, (left, right) => choose(u, left, right));
  return u;
}

export function Chart(props: ChartProps) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const is_dark = use_dark();
  const latest = useRef(props);
  latest.current = props;
  const lines = props.panel.lines.map((line) => `${line.series.id}:${line.color}`).join();
  useEffect(() => {
    const element = host.current;
    if (!element) return undefined;
    const paint = read_paint();
    const u = create(element, () => latest.current, () => ({ ...latest.current, paint }));
    plot.current = u;
    const watcher = new ResizeObserver(() => { if (element.clientWidth > 0 && element.clientWidth !== u.width) u.setSize({ width: element.clientWidth, height: u.height }); });
    watcher.observe(element);
    return () => { watcher.disconnect(); u.destroy(); plot.current = null; };
  }, [lines, props.show_time, props.height, props.cursor_group, is_dark]);
  useEffect(() => { plot.current?.setData(plot_data(props.panel)); }, [props.panel, props.from, props.to, props.zone]);
  return <div class="al-chart" ref={host} role="img" aria-label={summary(props)} />;
}
