// Gaps in words, and where a line has to break.
import type { Gap } from "../api/types";
import { words } from "../words";
import { span } from "./time";

export function cause_text(cause: string): string {
  return words.cause[cause] ?? cause.replace(/[_-]+/g, " ");
}

// "power dark 14 h"
export const gap_text = (gap: Gap): string => `${cause_text(gap.cause)} ${span(gap.to - gap.from)}`;

// Only what lies inside the window; nothing of no length.
export function clip(gaps: Gap[], from: number, to: number): Gap[] {
  return gaps.map((gap) => ({ ...gap, from: Math.max(gap.from, from), to: Math.min(gap.to, to) })).filter((gap) => gap.to > gap.from);
}
