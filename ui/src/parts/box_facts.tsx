// The box itself: room on its disk, what is written to it, its clock, its versions.
import type { ComponentChildren } from "preact";
import type { System } from "../api/types";
import { bytes_text } from "../lib/format";
import { date_short, moment, offset_text, stamp } from "../lib/time";
import { bars, mean_written, type Bar } from "../lib/wear";
import { box_now, zone } from "../state/link";
import { words } from "../words";
import { ClockSet } from "./clock_set";
import { WhatToDo } from "./runbook_link";

const text = words.system;

function Card({ title, children }: { title: string; children: ComponentChildren }) {
  return <section class="al-card al-fact" aria-label={title}><h2>{title}</h2>{children}</section>;
}

function Rows({ rows }: { rows: [string, ComponentChildren][] }) {
  return <dl class="al-lines">{rows.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;
}

function lasts({ days_left, why }: System["disk"]["forecast"]): string {
  if (days_left === null) return why ?? text.unknown;
  return days_left > 730 ? text.years(Math.floor(days_left / 365.25)) : text.days(days_left);
}

function Room({ disk }: { disk: System["disk"] }) {
  if (!disk.known) return <Card title={text.disk}><p class="al-soft">{text.disk_unknown}</p></Card>;
  const used = disk.total - disk.free, low = disk.step !== "ample";
  return (
    <Card title={text.disk}>
      <p class="al-main-fact" data-tone={low ? "needs_you" : undefined}>{text.free(bytes_text(disk.free))} <span class="al-unit">{text.of_total(bytes_text(disk.total))}</span></p>
      <svg class="al-meter" data-low={low ? "" : undefined} role="img" aria-label={text.used(Math.round(100 * used / Math.max(1, disk.total)))}><rect width="100%" height="8" rx="4" /><rect class="al-meter-used" width={`${Math.round(1000 * used / Math.max(1, disk.total)) / 10}%`} height="8" rx="4" /></svg>
      {low && <p class="al-step" data-tone="needs_you">{text.steps[disk.step] ?? disk.step}{disk.since !== null && `, ${text.since(stamp(disk.since, zone.value, box_now.value))}`}. <WhatToDo id="room" /></p>}
      <Rows rows={[[text.lasts, lasts(disk.forecast)], [text.reserve, bytes_text(disk.reserve)]]} />
    </Card>
  );
}

function Bars({ days }: { days: Bar[] }) {
  const wide = 100 / days.length;
  return (
    <>
      <svg class="al-bars" aria-hidden="true" focusable="false">
        {days.map((one, i) => <rect key={one.day} x={`${i * wide + wide * 0.12}%`} width={`${wide * 0.76}%`} y={`${100 - Math.max(1, 100 * one.height)}%`} height={`${Math.max(1, 100 * one.height)}%`} data-today={i === days.length - 1 ? "" : undefined} />)}
      </svg>
      <p class="al-ends al-soft" aria-hidden="true"><span>{days[0] && date_short(Date.parse(days[0].day), "UTC")}</span><span>{days.length > 1 && text.today}</span></p>
      <table class="al-hidden">
        <caption>{text.written_by_day}</caption>
        <thead><tr><th scope="col">{text.day}</th><th scope="col">{text.written}</th></tr></thead>
        <tbody>{days.map((one) => <tr key={one.day}><th scope="row">{one.day}</th><td>{bytes_text(one.bytes)}</td></tr>)}</tbody>
      </table>
    </>
  );
}

function Wear({ system }: { system: System }) {
  const { disk, wear } = system, mean = mean_written(wear);
  return (
    <Card title={text.wear}>
      <p class="al-main-fact">{disk.written_today === null ? text.unknown : bytes_text(disk.written_today)} <span class="al-unit">{text.today}</span></p>
      {wear.length > 0 && <Bars days={bars(wear)} />}
      <Rows rows={[[text.mean, mean === null ? text.no_day : text.a_day(bytes_text(mean))], [text.counted, disk.device === null ? text.core_only : text.whole_disk(disk.device)]]} />
    </Card>
  );
}

function Clock({ clock }: { clock: System["clock"] }) {
  return (
    <Card title={text.clock}>
      <p class="al-main-fact" data-tone={clock.trusted ? undefined : "needs_you"}>{clock.trusted ? text.trusted : text.untrusted}</p>
      <Rows rows={[
        [text.now, moment(box_now.value, zone.value)],
        [text.source, clock.source === null ? text.unknown : text.sources[clock.source]],
        [text.zone, `${clock.timezone}, UTC${offset_text(box_now.value, zone.value)}`],
      ]} />
      {!clock.trusted && (clock.accept_browser ? <ClockSet /> : <p class="al-soft">{text.no_browser}</p>)}
    </Card>
  );
}

function Lan({ reached }: { reached: System["reached"] }) {
  return (
    <Card title={text.lan}>
      <p class="al-main-fact">{reached.name ?? reached.address}</p>
      {reached.name !== null && <Rows rows={[[text.by_address, reached.address]]} />}
      <p class="al-soft">{reached.name === null ? text.no_name : text.name_kept}</p>
    </Card>
  );
}

function Versions({ system }: { system: System }) {
  return (
    <Card title={text.versions}>
      <p class="al-main-fact">Alona {system.version}</p>
      <Rows rows={[[text.running, stamp(system.started, zone.value, box_now.value)], ...system.libraries.map((one): [string, string] => [text.libraries[one.name] ?? one.name, one.version])]} />
    </Card>
  );
}

export function BoxFacts({ system }: { system: System }) {
  return (
    <div class="al-facts-grid">
      <Room disk={system.disk} />
      <Wear system={system} />
      <Clock clock={system.clock} />
      <Lan reached={system.reached} />
      <Versions system={system} />
    </div>
  );
}
