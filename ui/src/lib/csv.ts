// The CSV of what is shown: one row per drawn bucket and series.
import type { History, SeriesInfo } from "../api/types";
import { iso } from "./time";

// A node's strings are hostile in a spreadsheet too: a cell that begins like a formula is made text.
export function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function to_csv(parts: { series: SeriesInfo; history: History }[], zone: string): string {
  const rows = ["time,unix_ms,node,sensor,unit,min,mean,max,readings"];
  for (const { series, history } of parts) {
    const name = [series.node, series.sensor, series.unit].map(cell).join(",");
    history.t.forEach((t, i) => rows.push(`${iso(t, zone)},${t},${name},${history.min[i]},${history.avg[i]},${history.max[i]},${history.n[i]}`));
  }
  return `${rows.join("\r\n")}\r\n`;
}
