// A node's facts below its charts: heard or not, counts by day, heartbeat, errors and events.
import type { ComponentChildren } from "preact";
import type { NodeDay, NodeDetail } from "../api/types";
import { bytes_text, count_text, share_text, value_text } from "../lib/format";
import { cause_text } from "../lib/gaps";
import { heard_share, stretches, type Stretch } from "../lib/presence";
import { day, instant, minute, span, stamp, start_of_day, weekday, weekday_date } from "../lib/time";
import { box_now, zone } from "../state/link";
import { words } from "../words";

const text = words.node;
const strip_px = 28;
const silences_shown_max = 6, told_shown_max = 20, data_shown_max = 160;

function Section({ title, children }: { title: string; children: ComponentChildren }) {
  return <section class="al-section"><h2>{title}</h2>{children}</section>;
}

// Heard is tall, silent half, off a thin line: the height says it, the colour repeats it.
const heights: Record<Stretch["state"], number> = { online: 28, stale: 14, offline: 4, never_seen: 4, unknown: 4 };

function Strip({ parts, from, now }: { parts: Stretch[]; from: number; now: number }) {
  const share = (t: number): number => Math.round(((t - from) / (now - from)) * 1e4) / 100;
  const midnights: number[] = [];
  for (let t = start_of_day(from + day, zone.value); t < now; t = start_of_day(t + 1.5 * day, zone.value)) midnights.push(t);
  const noons = midnights.map((t) => t + day / 2).filter((t) => share(t) < 95);
  return (
    <svg class="al-strip" aria-hidden="true" focusable="false">
      {parts.map((part) => (
        <rect key={part.from} data-state={part.state} x={`${share(part.from)}%`} y={strip_px - heights[part.state]} width={`${Math.max(0.1, share(part.to) - share(part.from))}%`} height={heights[part.state]} />
      ))}
      {midnights.map((t) => <rect key={t} class="al-midnight" x={`${share(t)}%`} y="0" width="1" height={strip_px} />)}
      {noons.map((t) => <text key={t} x={`${share(t)}%`} y={strip_px + 19} text-anchor="middle">{weekday(t, zone.value)}</text>)}
    </svg>
  );
}

export function Heard({ changes }: { changes: NodeDetail["presence_changes"] }) {
  const now = box_now.value, from = now - 7 * day;
  const parts = stretches(changes, from, now);
  const share = heard_share(parts);
  const when = (t: number): string => (t >= now - 1000 ? text.until_now : stamp(t, zone.value, now));
  return (
    <Section title={text.presence}>
      <div class="al-card">
        <p>{share.known_ms > 0 ? text.heard_share(share_text(share.heard_ms, share.known_ms), share.silences.length, share.known_ms >= now - from - minute) : words.presence.state.unknown}</p>
        <Strip parts={parts} from={from} now={now} />
        <div class="al-strip-key al-soft">{(["online", "stale", "offline", "unknown"] as const).map((state) => <span key={state}><span class="al-state" data-state={state} aria-hidden="true" />{words.presence.state[state]}</span>)}</div>
        {share.silences.length > 0 && (
          <ul class="al-plain al-soft">
            {share.silences.slice(-silences_shown_max).reverse().map((s) => <li key={s.from}>{text.silence(when(s.from), when(s.to), span(s.to - s.from), words.presence.state[s.state])}</li>)}
          </ul>
        )}
      </div>
    </Section>
  );
}

const day_text = (date: string): string => {
  const [y = 0, m = 1, d = 1] = date.split("-").map(Number);
  return weekday_date(instant(y, m, d, 12, zone.value), zone.value);
};

// What it sent is known of a node that numbers its messages; of others, what its rhythm lets expect.
const sent_of = (one: NodeDay, numbered: boolean): number => one.stored + one.rejected + (numbered ? one.lost : one.missing);
const day_gaps_shown_max = 3;

function DayRow({ one, numbered }: { one: NodeDay; numbered: boolean }) {
  const sent = sent_of(one, numbered);
  return (
    <>
      <tr>
        <th scope="row">{day_text(one.day)}</th>
        <td class="al-right">{count_text(one.stored)}<span class="al-of">{text.of(count_text(sent))}</span></td>
        {[one.lost, one.rejected, one.repeated].map((n, i) => <td key={i} class="al-right" data-zero={n === 0 ? "" : undefined}>{count_text(n)}</td>)}
        <td class="al-right">{share_text(one.stored, sent)}</td>
      </tr>
      {one.gaps.length > 0 && (
        <tr class="al-day-gaps"><td colSpan={6}>{one.gaps.slice(0, day_gaps_shown_max).map((gap) => text.day_gap(cause_text(gap.cause), span(gap.ms))).join(", ")}</td></tr>
      )}
    </>
  );
}

export function Days({ days, numbered }: { days: NodeDetail["days"]; numbered: boolean }) {
  if (days.length === 0) return <Section title={text.complete}><p class="al-soft">{text.no_days}</p></Section>;
  return (
    <Section title={text.complete}>
      <div class="al-card al-flush">
        <table class="al-table al-days">
          <thead><tr>{[text.day, <>{text.stored}<span class="al-of">{numbered ? text.of_sent : text.of_expected}</span></>, text.lost, text.rejected, text.repeated, text.share].map((name, i) => <th key={i} scope="col" class={i > 0 ? "al-right" : ""}>{name}</th>)}</tr></thead>
          <tbody>
            {days.map((one) => <DayRow key={one.day} one={one} numbered={numbered} />)}
          </tbody>
        </table>
      </div>
      <p class="al-soft al-below">{numbered ? text.counted : text.estimated}</p>
    </Section>
  );
}

export function Heartbeat({ heartbeat }: { heartbeat: NodeDetail["heartbeat"] }) {
  if (!heartbeat) return <Section title={text.heartbeat}><p class="al-soft">{text.no_heartbeat}</p></Section>;
  const facts: [string, string][] = [
    [text.at, stamp(heartbeat.t, zone.value, box_now.value)],
    [text.uptime, span(heartbeat.uptime_s * 1000)],
    [text.rssi, `${value_text(heartbeat.rssi_dbm, 0)} dBm, ${text.rssi_word(heartbeat.rssi_dbm)}`],
    [text.battery, heartbeat.battery_v === null ? "" : `${heartbeat.battery_v.toFixed(2)} V`],
    [text.firmware, heartbeat.firmware],
    [text.heap, heartbeat.heap_bytes === null ? "" : bytes_text(heartbeat.heap_bytes)],
    [text.gave_up, heartbeat.lost === null || heartbeat.lost === 0 ? "" : text.gave_up_count(count_text(heartbeat.lost))],
    [text.reset, heartbeat.reset],
  ];
  return <Section title={text.heartbeat}><dl class="al-card al-facts">{facts.filter(([, value]) => value !== "").map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl></Section>;
}

function event_data(data: unknown): string {
  const said = typeof data === "string" ? data : JSON.stringify(data) ?? "";
  return said.length > data_shown_max ? `${said.slice(0, data_shown_max)}…` : said;
}

function Lines({ rows }: { rows: { t: number; head: string; body: string }[] }) {
  return (
    <ul class="al-card al-list">
      {rows.slice(0, told_shown_max).map((row, i) => <li key={i}><time>{stamp(row.t, zone.value, box_now.value)}</time><span><strong>{row.head}</strong> {row.body}</span></li>)}
    </ul>
  );
}

export function Told({ errors, events }: Pick<NodeDetail, "errors" | "events">) {
  return (
    <>
      <Section title={text.errors}>{errors.length === 0 ? <p class="al-soft">{text.no_errors}</p> : <Lines rows={errors.map((e) => ({ t: e.t, head: e.code, body: e.message }))} />}</Section>
      <Section title={text.events}>{events.length === 0 ? <p class="al-soft">{text.no_events}</p> : <Lines rows={events.map((e) => ({ t: e.t, head: e.type.replace(/[_-]+/g, " "), body: event_data(e.data) }))} />}</Section>
    </>
  );
}
