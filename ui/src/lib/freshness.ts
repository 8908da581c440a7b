// Whether a value may look fresh. Never old as new: in doubt it is old.
import type { NodeInfo, SeriesInfo } from "../api/types";
import { words } from "../words";
import { age, hour, minute, span } from "./time";

// A node's series need not all come with each message, so a single series may lag longer than the node before it counts as old.
const lag_intervals = 10, lag_min_ms = 15 * minute, lag_unknown_ms = 2 * hour;

export function node_silent(node: Pick<NodeInfo, "presence">): boolean {
  return node.presence !== "online";
}

// cut_off: the box itself doesn't answer, so nothing here is known to be fresh.
export function series_old(node: Pick<NodeInfo, "presence" | "interval_ms">, series: Pick<SeriesInfo, "last">, now: number, cut_off = false): boolean {
  if (!series.last || cut_off || node_silent(node)) return true;
  const allowed = node.interval_ms === null ? lag_unknown_ms : Math.max(lag_intervals * node.interval_ms, lag_min_ms);
  return now - series.last.t > allowed;
}

// The word beside a silent node: "silent 3 h". Empty when it is heard.
export function presence_word(node: Pick<NodeInfo, "presence" | "presence_since" | "last_seen">, now: number): string {
  const since = node.last_seen ?? node.presence_since;  // a last will comes late: silence counts from the last message
  switch (node.presence) {
    case "online": return "";
    case "stale": return words.presence.stale(span(now - since));
    case "offline": return words.presence.offline(span(now - since));
    case "never_seen": return words.presence.never_seen;
  }
}

export function seen_text(last_seen: number | null, now: number, cut_off = false): string {
  if (last_seen === null) return words.age.never;
  return cut_off ? words.presence.old(span(now - last_seen)) : age(now - last_seen);
}
