// Series side by side: one panel for each unit, in the order in which they were chosen.
import type { History, SeriesInfo } from "../api/types";
import { unit_text } from "./format";

export interface Line { series: SeriesInfo; name: string; node_name: string; color: number; history: History }
export interface Panel { unit: string; lines: Line[] }

export function to_panels(lines: Line[]): Panel[] {
  const out = new Map<string, Panel>();
  for (const line of lines) {
    const unit = unit_text(line.series.unit);
    const panel = out.get(unit) ?? { unit, lines: [] };
    panel.lines.push(line);
    out.set(unit, panel);
  }
  return [...out.values()];
}
