// The key above the charts: what each line is, with its values under the cursor.
import type { Panel, Line } from "../lib/panels";
import { nearest } from "../lib/columns";
import { unit_text, value_text } from "../lib/format";
import { cause_text } from "../lib/gaps";
import { clock, stamp, stamp_exact } from "../lib/time";
import { words } from "../words";

function under(line: Line, t: number): { value: string; range: string } {
  const gap = line.history.gaps.find((one) => one.from <= t && t < one.to);
  const i = nearest(line.history, t);
  if (gap || i < 0) return { value: "–", range: gap ? cause_text(gap.cause) : "" };
  const show = (v: number | undefined): string => value_text(v ?? NaN, line.series.decimals);
  const raw = (line.history.n[i] ?? 1) <= 1;
  return { value: show(line.history.avg[i]), range: raw ? "" : `${show(line.history.min[i])} to ${show(line.history.max[i])}` };
}

function when(panels: Panel[], t: number, zone: string, now: number): string {
  const first = panels[0]?.lines[0]?.history;
  if (!first) return "";
  const i = nearest(first, t);
  const start = first.t[i];
  if (first.bucket_ms === 0) return stamp_exact(start ?? t, zone, now);
  if (start === undefined || Math.abs(start - t) > 2 * first.bucket_ms) return stamp(t, zone, now);
  return `${stamp(start, zone, now)}–${clock(first.end?.[i] ?? start + first.bucket_ms, zone)}, ${words.explore.readings(first.n[i] ?? 0)}`;
}

export function Key({ panels, at, zone, now, idle }: { panels: Panel[]; at: number | null; zone: string; now: number; idle: string }) {
  return (
    <>
    <div class="al-key">
      {panels.flatMap((panel) => panel.lines).map((line) => {
        const last = line.history.t.length - 1;
        const told = at === null ? null : under(line, at);
        return (
          <span class="al-key-item" key={line.series.id}>
            <span class="al-swatch" data-color={line.color + 1} aria-hidden="true" />
            <span class="al-soft al-key-name" title={line.name}>{line.name}</span>
            <strong>{told ? told.value : last < 0 ? "–" : value_text(line.history.avg[last] ?? NaN, line.series.decimals)} {unit_text(line.series.unit)}</strong>
            {told?.range && <span class="al-soft al-range">{told.range}</span>}
          </span>
        );
      })}
    </div>
    <p class="al-soft al-when">{at === null ? idle : when(panels, at, zone, now)}</p>
    </>
  );
}
