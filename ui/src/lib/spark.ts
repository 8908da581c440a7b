// The path of a tiny trend and its grey stretches, in the units of its own small box.
import type { History } from "../api/types";

export interface SparkBox { width: number; height: number; pad: number }
export interface SparkShape { path: string; end: { x: number; y: number } | null; grey: { x: number; width: number }[] }

// old_from: since when the value is old, or null; from there on the line stops and the ground is grey.
export function spark_shape(trend: History, from: number, to: number, box: SparkBox, old_from: number | null): SparkShape {
  const x = (t: number): number => Math.round(((Math.min(Math.max(t, from), to) - from) / (to - from)) * (box.width - 2 * box.pad) * 10) / 10 + box.pad;
  const grey = trend.gaps.filter((gap) => gap.to > from && gap.from < to).map((gap) => ({ from: gap.from, to: gap.to }));
  if (old_from !== null) grey.push({ from: Math.max(old_from, from), to });
  const shape: SparkShape = { path: "", end: null, grey: merge(grey).map((g) => ({ x: x(g.from), width: Math.max(1, x(g.to) - x(g.from)) })) };
  const low = Math.min(...trend.avg), high = Math.max(...trend.avg);
  const flat = high - low < Math.max(Math.abs(high), 1) * 1e-6;
  const y = (v: number): number => Math.round((flat ? box.height / 2 : box.height - box.pad - ((v - low) / (high - low)) * (box.height - 2 * box.pad)) * 10) / 10;
  let pen_up = true, before = -Infinity;
  trend.t.forEach((start, i) => {
    const t = start + trend.bucket_ms / 2, v = trend.avg[i];
    if (v === undefined || t < from || t > to + trend.bucket_ms) return;
    if (trend.gaps.some((gap) => (gap.from + gap.to) / 2 > before && (gap.from + gap.to) / 2 < t)) pen_up = true;
    shape.path += `${pen_up ? "M" : "L"}${x(t)} ${y(v)}`;
    pen_up = false; before = t;
    shape.end = { x: x(t), y: y(v) };
  });
  return shape;
}

function merge(parts: { from: number; to: number }[]): { from: number; to: number }[] {
  const out: { from: number; to: number }[] = [];
  for (const part of parts.sort((a, b) => a.from - b.from)) {
    const last = out[out.length - 1];
    if (last && part.from <= last.to) last.to = Math.max(last.to, part.to);
    else out.push({ ...part });
  }
  return out;
}

