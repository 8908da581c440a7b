// Round ticks: time in the site's zone, values in steps of 1, 2 or 5.
import { clock, date_short, day, hour, instant, minute, month_year, offset_ms, second, start_of_day, wall } from "./time";

const clock_steps = [second, 2 * second, 5 * second, 10 * second, 30 * second, minute, 2 * minute, 5 * minute, 10 * minute, 30 * minute, hour, 2 * hour, 3 * hour, 6 * hour, 12 * hour];
const day_steps = [1, 2, 4, 7, 14];
const month_steps = [1, 2, 3, 6, 12, 24, 60, 120, 240];
const month = 30.4 * day;

function clock_ticks(from: number, to: number, step: number, zone: string): number[] {
  const out: number[] = [];
  // Counted on the wall clock of each tick's own offset, so that 06:00 stays 06:00 over a DST change.
  for (let t = from - (((from + offset_ms(from, zone)) % step) + step) % step; t <= to; ) {
    if (t >= from) out.push(t);
    const plain = t + step;
    const shift = offset_ms(t, zone) - offset_ms(plain, zone);
    t = step > hour && shift !== 0 ? plain + shift : plain;
  }
  return out;
}

function day_ticks(from: number, to: number, step: number, zone: string): number[] {
  const out: number[] = [];
  const w = wall(from, zone);
  // Counted in days since 1970, so that a stretch moved by a day keeps its ticks.
  for (let number = Math.floor(Date.UTC(w.year, w.month - 1, w.day) / day); ; number += 1) {
    if (number % step !== 0) continue;
    const at = new Date(number * day);
    const t = instant(at.getUTCFullYear(), at.getUTCMonth() + 1, at.getUTCDate(), 0, zone);
    if (t > to) return out;
    if (t >= from) out.push(t);
  }
}

function month_ticks(from: number, to: number, step: number, zone: string): number[] {
  const out: number[] = [];
  const w = wall(from, zone);
  for (let number = Math.floor((w.year * 12 + w.month - 1) / step) * step; ; number += step) {
    const t = instant(Math.floor(number / 12), (number % 12) + 1, 1, 0, zone);
    if (t > to) return out;
    if (t >= from) out.push(t);
  }
}

export function time_ticks(from: number, to: number, count_max: number, zone: string): number[] {
  const length = to - from;
  if (!(length > 0)) return [];
  const fits = (step: number): boolean => length / step <= count_max;
  const clock_step = clock_steps.find(fits);
  if (clock_step) return clock_ticks(from, to, clock_step, zone);
  const day_step = day_steps.find((n) => fits(n * day));
  if (day_step) return day_ticks(from, to, day_step, zone);
  const month_step = month_steps.find((n) => fits(n * month)) ?? 600;
  return month_ticks(from, to, month_step, zone);
}

export function tick_text(t: number, length: number, zone: string): string {
  if (length > 100 * day) return month_year(t, zone);
  if (length > 4 * day || start_of_day(t, zone) === t) return date_short(t, zone);
  if (length <= 6 * minute) return `${clock(t, zone)}:${String(wall(t, zone).second).padStart(2, "0")}`;
  return clock(t, zone);
}

// About four round steps of 1, 2 or 5 times a power of ten. The ends are ticks too, unless that leaves most of a step empty.
// step_min: what the sensor can tell apart; finer ticks would invent precision.
const steps_wanted = 4, empty_max = 0.6, margin = 0.25;
export function value_scale(low: number, high: number, step_min = 0): { min: number; max: number; ticks: number[] } {
  const middle = (low + high) / 2;
  const width_min = Math.max(Math.abs(middle) * 1e-3, 1e-9);  // a flat line must not fill the panel with noise
  const width = Math.max(high - low, width_min);
  const bottom = middle - width / 2, top = middle + width / 2;
  const rough = Math.max(width / steps_wanted, step_min);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((m) => m * power >= rough * 0.999) ?? 10) * power;
  const first = Math.floor(bottom / step + 1e-9), last = Math.max(Math.ceil(top / step - 1e-9), first + 1);
  const ticks: number[] = [];
  for (let i = first; i <= last; i += 1) ticks.push(Number((i * step).toPrecision(12)));
  let min = ticks[0] as number, max = ticks[ticks.length - 1] as number;
  if (low - min > empty_max * step) min = low - margin * step;
  if (max - high > empty_max * step) max = high + margin * step;
  const inside = ticks.filter((tick) => tick >= min && tick <= max);
  return inside.length < 2 ? { min: ticks[0] as number, max: ticks[ticks.length - 1] as number, ticks } : { min, max, ticks: inside };
}
