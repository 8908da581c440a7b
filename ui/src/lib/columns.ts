// History as uPlot wants it: columns over one x in seconds, null where the line must break.
import type { History } from "../api/types";

export type Column = (number | null)[];
export interface Columns { x: number[]; avg: Column; min: Column; max: Column; n: number[] }

// One null inside each gap. Buckets that overlap a gap's edges stay: they hold readings.
export function to_columns(history: History): Columns {
  const out: Columns = { x: [], avg: [], min: [], max: [], n: [] };
  const breaks = history.gaps.map((gap) => (gap.from + gap.to) / 2).sort((a, b) => a - b);
  let next = 0;
  const put = (t: number, avg: number | null, min: number | null, max: number | null, n: number): void => {
    out.x.push(t / 1000); out.avg.push(avg); out.min.push(min); out.max.push(max); out.n.push(n);
  };
  history.t.forEach((start, i) => {
    const t = start + history.bucket_ms / 2;  // a mean belongs to the middle of its bucket
    for (; next < breaks.length && (breaks[next] as number) < t; next += 1) put(breaks[next] as number, null, null, null, 0);
    if (out.x.length > 0 && t / 1000 <= (out.x[out.x.length - 1] as number)) return;  // x must rise
    put(t, history.avg[i] ?? null, history.min[i] ?? null, history.max[i] ?? null, history.n[i] ?? 0);
  });
  for (; next < breaks.length; next += 1) put(breaks[next] as number, null, null, null, 0);
  return out;
}

export function extent(history: History): { low: number; high: number } | null {
  if (history.t.length === 0) return null;
  let low = Infinity, high = -Infinity;
  for (const v of history.min) if (v < low) low = v;
  for (const v of history.max) if (v > high) high = v;
  return { low, high };
}

// The bucket that is drawn nearest to t, or -1.
export function nearest(history: History, t: number): number {
  let low = 0, high = history.t.length - 1;
  if (high < 0) return -1;
  const middle_of = (i: number): number => (history.t[i] as number) + history.bucket_ms / 2;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (middle_of(middle) < t) low = middle + 1; else high = middle;
  }
  return low > 0 && t - middle_of(low - 1) < middle_of(low) - t ? low - 1 : low;
}
