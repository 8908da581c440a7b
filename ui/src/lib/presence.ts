// The last days of a node as stretches of one state.
import type { NodeDetail, NodeInfo, Presence } from "../api/types";

export interface Stretch { from: number; to: number; state: Presence | "unknown" }

// The box tells the changes of some days. Where there were none, or the last is newer than the answer, the present state fills in.
export function with_present(changes: NodeDetail["presence_changes"], node: Pick<NodeInfo, "presence" | "presence_since">): NodeDetail["presence_changes"] {
  const last = changes[changes.length - 1];
  if (node.presence === "never_seen" || (last && last.t >= node.presence_since)) return changes;
  return [...changes, { t: node.presence_since, state: node.presence }];
}

// Before the first known change nothing is claimed.
export function stretches(changes: NodeDetail["presence_changes"], from: number, now: number): Stretch[] {
  const out: Stretch[] = [];
  const put = (start: number, end: number, state: Stretch["state"]): void => {
    const last = out[out.length - 1];
    if (end <= start) return;
    if (last && last.state === state) last.to = end;
    else out.push({ from: start, to: end, state });
  };
  put(from, Math.min(changes[0]?.t ?? now, now), "unknown");
  changes.forEach((change, i) => {
    put(Math.max(change.t, from), Math.min(changes[i + 1]?.t ?? now, now), change.state);
  });
  return out;
}

export interface HeardShare { heard_ms: number; known_ms: number; silences: Stretch[] }

export function heard_share(parts: Stretch[]): HeardShare {
  const length = (some: Stretch[]): number => some.reduce((sum, part) => sum + part.to - part.from, 0);
  const silences = parts.filter((part) => part.state === "stale" || part.state === "offline");
  const heard_ms = length(parts.filter((part) => part.state === "online"));
  return { heard_ms, known_ms: heard_ms + length(silences), silences };
}
