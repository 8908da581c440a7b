// What the charts show, in words and figures: gaps, a table, and the way to every single reading.
import { export_address } from "../api/client";
import type { Gap } from "../api/types";
import { count_text, unit_text, value_text } from "../lib/format";
import { cause_text, clip } from "../lib/gaps";
import type { Line } from "../lib/panels";
import { minute, span, stamp, stamp_exact } from "../lib/time";
import { words } from "../words";

const text = words.explore;
const gaps_shown_max = 8, rows_shown_max = 500;

// A silent node is one gap, not one for each of its series.
function shared_gaps(lines: Line[], from: number, to: number): (Gap & { name: string })[] {
  const out = new Map<string, Gap & { name: string }>();
  for (const line of lines) {
    for (const gap of clip(line.history.gaps, from, to)) {
      const key = `${line.series.node} ${gap.from} ${gap.to} ${gap.cause}`;
      out.set(key, { ...gap, name: out.has(key) ? line.node_name : line.name });
    }
  }
  return [...out.values()].sort((a, b) => b.from - a.from);
}

export function GapList({ lines, from, to, zone, now }: { lines: Line[]; from: number; to: number; zone: string; now: number }) {
  const gaps = shared_gaps(lines, from, to);
  const cut = lines.some((line) => line.history.more_gaps);  // the box tells only the longest
  return (
    <section class="al-section">
      <h2>{text.gaps}</h2>
      {gaps.length === 0 ? <p class="al-soft">{text.no_gaps}</p> : (
        <ul class="al-card al-list">
          {gaps.slice(0, gaps_shown_max).map((gap) => (
            <li key={`${gap.name} ${gap.from}`}>
              <time>{stamp(gap.from, zone, now)}</time>
              <span>{gap.name}: {cause_text(gap.cause)}</span>
              <strong>{span(gap.to - gap.from)}</strong>
            </li>
          ))}
          {(gaps.length > gaps_shown_max || cut) && <li><span class="al-soft">{cut ? text.many_gaps : text.more_gaps(gaps.length - gaps_shown_max)}</span></li>}
        </ul>
      )}
    </section>
  );
}

export function HistoryTable({ line, zone }: { line: Line; zone: string }) {
  const { history, series } = line;
  const show = (v: number | undefined): string => value_text(v ?? NaN, series.decimals);
  const now = history.to, moment_of = history.bucket_ms < minute ? stamp_exact : stamp;
  return (
    <div class="al-card al-flush al-scroll" tabIndex={0} role="region" aria-label={line.name}>
      <table class="al-table">
        <caption>{line.name}, {unit_text(series.unit)}{history.t.length > rows_shown_max && `. ${text.rows_cut(rows_shown_max)}`}</caption>
        <thead><tr><th scope="col">{text.time}</th>{[text.low, text.mean, text.high].map((name) => <th key={name} scope="col" class="al-right">{name}</th>)}<th scope="col" class="al-right">n</th></tr></thead>
        <tbody>
          {history.t.slice(0, rows_shown_max).map((t, i) => (
            <tr key={t}><th scope="row">{moment_of(t, zone, now)}</th><td class="al-right">{show(history.min[i])}</td><td class="al-right">{show(history.avg[i])}</td><td class="al-right">{show(history.max[i])}</td><td class="al-right">{count_text(history.n[i] ?? 0)}</td></tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function EveryReading({ lines, from, to }: { lines: Line[]; from: number; to: number }) {
  return (
    <p class="al-every al-soft">
      {text.every}: {lines.map((line) => <a key={line.series.id} class="al-link" href={export_address(line.series, from, to)} download={`${line.series.node}_${line.series.sensor}.csv`}>{line.name}</a>)}
    </p>
  );
}
