// Times as the place reads them: in its zone, right over DST changes. All instants are milliseconds UTC.
import { locale, words } from "../words";

export const second = 1000, minute = 60 * second, hour = 60 * minute, day = 24 * hour;

const formatters = new Map<string, Intl.DateTimeFormat>();
function formatter(zone: string, style: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${zone} ${style}`;
  let found = formatters.get(key);
  if (!found) {
    found = new Intl.DateTimeFormat(locale, { timeZone: zone, ...options });
    formatters.set(key, found);
  }
  return found;
}

// A zone this browser doesn't know must not blank the page: it reads UTC, and the offset shown says so.
export function known_zone(zone: string): string {
  try { new Intl.DateTimeFormat(locale, { timeZone: zone }); return zone; } catch { return "UTC"; }
}

export interface Wall { year: number; month: number; day: number; hour: number; minute: number; second: number }  // month from 1

export function wall(t: number, zone: string): Wall {
  const parts = formatter(zone, "wall", { hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" }).formatToParts(t);
  const of = (type: string): number => Number(parts.find((p) => p.type === type)?.value ?? 0);
  return { year: of("year"), month: of("month"), day: of("day"), hour: of("hour"), minute: of("minute"), second: of("second") };
}

// How far the zone's clocks are ahead of UTC at t, in ms.
export function offset_ms(t: number, zone: string): number {
  const w = wall(t, zone);
  return Date.UTC(w.year, w.month - 1, w.day, w.hour, w.minute, w.second) - Math.floor(t / second) * second;
}

// The instant at which the zone's clocks show this. A time skipped by DST becomes the instant just after; one shown twice, the first.
export function instant(year: number, month: number, day_of_month: number, hour_of_day: number, zone: string): number {
  const as_utc = Date.UTC(year, month - 1, day_of_month, hour_of_day);
  const before = as_utc - offset_ms(as_utc - day, zone);
  const after = as_utc - offset_ms(as_utc + day, zone);
  const fits = (t: number): boolean => t + offset_ms(t, zone) === as_utc;
  if (fits(before)) return before;
  return fits(after) ? after : before;
}

export function start_of_day(t: number, zone: string): number {
  const w = wall(t, zone);
  return instant(w.year, w.month, w.day, 0, zone);
}

export const clock = (t: number, zone: string): string =>
  formatter(zone, "clock", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(t);
export const date_short = (t: number, zone: string): string => formatter(zone, "date", { day: "numeric", month: "short" }).format(t);
export const date_year = (t: number, zone: string): string => formatter(zone, "dateyear", { day: "numeric", month: "short", year: "numeric" }).format(t);
export const month_year = (t: number, zone: string): string => formatter(zone, "monthyear", { month: "short", year: "numeric" }).format(t);
export const weekday = (t: number, zone: string): string => formatter(zone, "day", { weekday: "short" }).format(t);
// Put together here: browsers differ on a comma after the weekday.
export const weekday_date = (t: number, zone: string): string => `${weekday(t, zone)} ${date_short(t, zone)}`;

// "Tue 24 Nov, 18:42"
export const moment = (t: number, zone: string): string => `${weekday_date(t, zone)}, ${clock(t, zone)}`;
// "24 Nov 18:42", with the year where it isn't this one
export function stamp(t: number, zone: string, now: number): string {
  const same_year = wall(t, zone).year === wall(now, zone).year;
  return `${same_year ? date_short(t, zone) : date_year(t, zone)} ${clock(t, zone)}`;
}

// To the second, for single readings.
export const stamp_exact = (t: number, zone: string, now: number): string => `${stamp(t, zone, now)}:${String(wall(t, zone).second).padStart(2, "0")}`;

// "+02:00"
export function offset_text(t: number, zone: string): string {
  const total = Math.round(offset_ms(t, zone) / minute);
  const size = Math.abs(total);
  const two = (n: number): string => String(n).padStart(2, "0");
  return `${total < 0 ? "-" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

// ISO 8601 with the zone's offset, for the CSV.
export function iso(t: number, zone: string): string {
  return new Date(t + offset_ms(t, zone)).toISOString().replace("Z", offset_text(t, zone));
}

// A length of time in one unit, rounded down: "45 s", "2 min", "3 h", "4 d".
export function span(ms: number): string {
  const positive = Math.max(0, ms);
  if (positive < minute) return `${Math.floor(positive / second)} s`;
  if (positive < hour) return `${Math.floor(positive / minute)} min`;
  if (positive < 2 * day) return `${Math.floor(positive / hour)} h`;
  if (positive < 730 * day) return `${Math.floor(positive / day)} days`;
  return `${Math.floor(positive / (365.25 * day))} years`;
}

// Below a minute is "now": a ticking second hand would only make the page restless.
export const age = (ms: number): string => (ms < minute ? words.age.now : span(ms));
