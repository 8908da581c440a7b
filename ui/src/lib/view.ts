// What the address says: which page, and in Explore which series over which time. The link is the whole state.
import { day, hour, instant, minute, wall } from "./time";

export type Preset = "day" | "week" | "month" | "year" | "all";
export const presets: Preset[] = ["day", "week", "month", "year", "all"];
export type Range = { preset: Preset } | { from: number; to: number };
export interface ExploreView { series: number[]; range: Range }
export type Route = { page: "overview" } | { page: "nodes" } | { page: "system" } | { page: "settings" } | { page: "runbook"; at: string } | { page: "node"; id: string } | { page: "explore"; view: ExploreView };

export const series_shown_max = 8;  // as many as there are colours that can be told apart
export const stretch_ms_min = 10 * 1000;
const preset_days: Record<Exclude<Preset, "all">, number> = { day: 1, week: 7, month: 30, year: 365 };

const is_preset = (text: string): text is Preset => (presets as string[]).includes(text);

export function parse_view(query: string): ExploreView {
  const params = new URLSearchParams(query);
  const ids = (params.get("series") ?? "").split(",").filter((text) => /^\d{1,15}$/.test(text)).map(Number);
  const series = [...new Set(ids)].slice(0, series_shown_max);
  const from = Number(params.get("from") ?? NaN), to = Number(params.get("to") ?? NaN);
  if (Number.isSafeInteger(from) && Number.isSafeInteger(to) && to - from >= stretch_ms_min) return { series, range: { from, to } };
  const preset = params.get("range") ?? "";
  return { series, range: { preset: is_preset(preset) ? preset : "day" } };
}

export function parse_route(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
  if (path === "system") return { page: "system" };
  if (path === "settings") return { page: "settings" };
  if (path === "runbook" || path.startsWith("runbook/")) return { page: "runbook", at: path.slice("runbook/".length) };
  if (path === "nodes") return { page: "nodes" };
  if (path.startsWith("nodes/")) {
    try { return { page: "node", id: decodeURIComponent(path.slice("nodes/".length)) }; } catch { return { page: "nodes" }; }
  }
  if (path === "explore") return { page: "explore", view: parse_view(query) };
  return { page: "overview" };
}

export const runbook_link = (paragraph = ""): string => (paragraph === "" ? "#/runbook" : `#/runbook/${encodeURIComponent(paragraph)}`);
export const node_link = (id: string): string => `#/nodes/${encodeURIComponent(id)}`;

export function explore_link(view: ExploreView): string {
  const range = "preset" in view.range ? `range=${view.range.preset}` : `from=${Math.round(view.range.from)}&to=${Math.round(view.range.to)}`;
  return `#/explore?series=${view.series.join(",")}&${range}`;
}

// The stretch a range means now. "all" begins where the readings do.
export function window_of(range: Range, now: number, first: number | null): { from: number; to: number } {
  if (!("preset" in range)) return range;
  if (range.preset === "all") return { from: Math.min(first ?? now - day, now - hour), to: now };
  return { from: now - preset_days[range.preset] * day, to: now };
}

// ‹ and › move by the stretch's length; whole days by the zone's calendar, so that 24 h over a DST change keeps its hours.
export function step(range: { from: number; to: number }, direction: -1 | 1, now: number, zone: string): { from: number; to: number } {
  const length = range.to - range.from;
  const days = length / day;
  const move = (t: number): number => {
    if (Math.abs(days - Math.round(days)) > 1e-6) return t + direction * length;
    const w = wall(t, zone);
    const rest = t - instant(w.year, w.month, w.day, w.hour, zone);
    return instant(w.year, w.month, w.day + direction * Math.round(days), w.hour, zone) + (rest < hour ? rest : 0);
  };
  const moved = { from: move(range.from), to: move(range.to) };
  return moved.to > now + minute ? { from: now - length, to: now } : moved;
}

export function zoom(range: { from: number; to: number }, factor: number, now: number): { from: number; to: number } {
  const middle = (range.from + range.to) / 2, half = Math.max(((range.to - range.from) * factor) / 2, stretch_ms_min / 2);
  const to = Math.min(middle + half, Math.max(now, range.to));
  return { from: Math.round(to - 2 * half), to: Math.round(to) };
}
