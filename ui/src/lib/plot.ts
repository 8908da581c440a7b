// One panel as uPlot takes it: its data, its series, what is painted behind and over them.
import uPlot from "uplot";
import { to_columns } from "./columns";
import { value_text } from "./format";
import { clip, gap_text } from "./gaps";
import type { Panel } from "./panels";
import { tick_text, time_ticks, value_scale } from "./ticks";

export interface Paint { ink: string; soft: string; line: string; grey: string; amber: string; font: string; colors: string[] }
export interface PlotView { panel: Panel; from: number; to: number; zone: string; show_time: boolean; paint: Paint }

const axis_px = 58, tick_px_min = 80, pad_top = 28, pad_right = 12, time_px = 30;

export function plot_data(panel: Panel): uPlot.AlignedData {
  const tables = panel.lines.map((line) => {
    const c = to_columns(line.history);
    return [c.x, c.max, c.min, c.avg] as uPlot.AlignedData;
  });
  return tables.length === 1 ? (tables[0] as uPlot.AlignedData) : uPlot.join(tables);
}

// A reading with gaps on both sides has no line: it gets a dot.
function lonely(u: uPlot, index: number): number[] {
  const column = u.data[index] ?? [];
  const out: number[] = [];
  let before: number | null | undefined = null;
  for (let i = 0; i < column.length; i += 1) {
    if (column[i] === undefined) continue;  // another series' time
    let next = i + 1;
    while (next < column.length && column[next] === undefined) next += 1;
    if (column[i] !== null && before === null && (column[next] ?? null) === null) out.push(i);
    before = column[i];
  }
  return out;
}

function series_of({ panel, paint }: PlotView): { series: uPlot.Series[]; bands: uPlot.Band[] } {
  const series: uPlot.Series[] = [{}], bands: uPlot.Band[] = [];
  panel.lines.forEach((line, i) => {
    const color = paint.colors[line.color % paint.colors.length] as string;
    const edge: uPlot.Series = { stroke: "transparent", width: 0, points: { show: false } };
    bands.push({ series: [3 * i + 1, 3 * i + 2], fill: `${color}2e` });
    series.push(edge, { ...edge }, {
      stroke: color, width: 1.6, points: { show: true, size: 5, fill: color, width: 0, filter: (u: uPlot, index: number) => lonely(u, index) },
    });
  });
  return { series, bands };
}

// Grey stretches behind the lines.
function paint_gaps(u: uPlot, view: PlotView): void {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.fillStyle = view.paint.grey;
  for (const line of view.panel.lines) {
    for (const gap of clip(line.history.gaps, view.from, view.to)) {
      const left = u.valToPos(gap.from / 1000, "x", true), right = u.valToPos(gap.to / 1000, "x", true);
      ctx.fillRect(left, bbox.top, Math.max(right - left, devicePixelRatio), bbox.height);
    }
  }
  ctx.restore();
}

// Their reasons above, as far as they don't touch each other; all of them stand in words below the charts.
function paint_reasons(u: uPlot, view: PlotView): void {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.font = `${13 * devicePixelRatio}px ${view.paint.font}`;
  ctx.fillStyle = view.paint.amber;
  ctx.textBaseline = "bottom"; ctx.textAlign = "left";
  const gaps = view.panel.lines.flatMap((line) => clip(line.history.gaps, view.from, view.to)).sort((a, b) => a.from - b.from);
  let free_from = bbox.left;
  for (const gap of gaps) {
    const text = gap_text(gap), width = ctx.measureText(text).width;
    const middle = u.valToPos((gap.from + gap.to) / 2000, "x", true);
    const left = Math.min(Math.max(middle - width / 2, bbox.left), bbox.left + bbox.width - width);
    if (left < free_from || Math.abs(left + width / 2 - middle) > width) continue;
    ctx.fillText(text, left, bbox.top - 5 * devicePixelRatio);
    free_from = left + width + 12 * devicePixelRatio;
  }
  ctx.restore();
}

function scale_of(panel: Panel, from: number, to: number): ReturnType<typeof value_scale> {
  let low = Infinity, high = -Infinity;
  for (const { history } of panel.lines) {
    history.t.forEach((t, i) => {
      if (t + history.bucket_ms < from || t > to) return;
      low = Math.min(low, history.min[i] ?? low); high = Math.max(high, history.max[i] ?? high);
    });
  }
  const decimals = panel.lines.map((line) => line.series.decimals ?? 9);
  return low <= high ? value_scale(low, high, 10 ** -Math.max(...decimals)) : value_scale(0, 1);
}

// view(): the newest; uPlot keeps the functions for its whole life.
export function plot_options(width: number, height: number, view: () => PlotView): uPlot.Options {
  const { paint, show_time } = view();
  const scale = (): ReturnType<typeof value_scale> => scale_of(view().panel, view().from, view().to);
  const font = `13px ${paint.font}`;
  const grid = { stroke: paint.line, width: 1 };
  const decimals_of = (ticks: number[]): number => Math.max(0, ...ticks.map((tick) => (String(tick).split(".")[1] ?? "").length));
  return {
    width, height: height + (show_time ? time_px : 4), padding: [pad_top, pad_right, 0, 0], ...series_of(view()),
    legend: { show: false }, pxAlign: 1,
    scales: {
      x: { time: false, range: () => [view().from / 1000, view().to / 1000] },
      y: { range: () => { const s = scale(); return [s.min, s.max]; } },
    },
    axes: [
      {
        show: true, size: show_time ? time_px : 4, stroke: paint.soft, font, gap: 8, ticks: { show: false }, grid: { show: false },
        splits: (u) => time_ticks(view().from, view().to, Math.max(2, plot_px(u) / tick_px_min), view().zone).map((t) => t / 1000),
        values: (u, splits) => (show_time ? splits.map((s) => edge_text(u, s, view())) : splits.map(() => "")),
      },
      {
        size: axis_px, stroke: paint.soft, font, gap: 8, ticks: { show: false }, grid,
        splits: () => scale().ticks,
        values: (_, splits) => splits.map((s) => value_text(s, decimals_of(splits))),
      },
    ],
    cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false, dist: 6 } },
    hooks: { drawClear: [(u) => paint_gaps(u, view())], draw: [(u) => paint_reasons(u, view())] },
  };
}

// Known before the plot has been laid out, which is when the first ticks are asked for.
const plot_px = (u: uPlot): number => u.width - axis_px - pad_right;

// A label that would run over the right edge is left out rather than cut.
function edge_text(u: uPlot, split: number, view: PlotView): string {
  const text = tick_text(split * 1000, view.to - view.from, view.zone);
  const room = pad_right + plot_px(u) * (1 - (split * 1000 - view.from) / (view.to - view.from));
  return room < text.length * 3.8 ? "" : text;
}
