import assert from "node:assert/strict";
import { test } from "node:test";
import { age, day, hour, instant, iso, known_zone, minute, moment, offset_text, span, stamp, start_of_day } from "./time";

const berlin = "Europe/Berlin";
const spring = Date.UTC(2026, 2, 29, 1);  // clocks jump from 02:00 to 03:00
const autumn = Date.UTC(2026, 9, 25, 1);  // clocks fall from 03:00 back to 02:00

test("a moment reads in the site's zone, whatever this device's is", () => {
  assert.equal(moment(Date.UTC(2026, 10, 24, 17, 42), berlin), "Tue 24 Nov, 18:42");
  assert.equal(moment(Date.UTC(2026, 10, 24, 17, 42), "Asia/Kolkata"), "Tue 24 Nov, 23:12");
});

test("the year is said only where it isn't this one", () => {
  const now = Date.UTC(2026, 5, 1);
  assert.equal(stamp(Date.UTC(2026, 1, 3, 4, 5), berlin, now), "3 Feb 05:05");
  assert.equal(stamp(Date.UTC(2025, 1, 3, 4, 5), berlin, now), "3 Feb 2025 05:05");
});

test("the offset follows the clock change", () => {
  assert.equal(offset_text(spring - 1, berlin), "+01:00");
  assert.equal(offset_text(spring, berlin), "+02:00");
  assert.equal(offset_text(autumn, berlin), "+01:00");
  assert.equal(offset_text(0, "America/St_Johns"), "-03:30");
  assert.equal(iso(spring, berlin), "2026-03-29T03:00:00.000+02:00");
});

test("a day of the clock change has 23 or 25 hours", () => {
  assert.equal(start_of_day(spring + day, berlin) - start_of_day(spring, berlin), 23 * hour);
  assert.equal(start_of_day(autumn + day, berlin) - start_of_day(autumn, berlin), 25 * hour);
});

test("Vienna's days are right over both changes of 2026, and the day after begins at its own midnight", () => {
  const vienna = "Europe/Vienna";
  const noon = (month: number, date: number): number => Date.UTC(2026, month - 1, date, 12);
  const length = (month: number, date: number): number => (start_of_day(noon(month, date + 1), vienna) - start_of_day(noon(month, date), vienna)) / hour;
  assert.deepEqual([28, 29, 30].map((date) => length(3, date)), [24, 23, 24]);
  assert.deepEqual([24, 25, 26].map((date) => length(10, date)), [24, 25, 24]);
  assert.equal(start_of_day(noon(3, 30), vienna), Date.UTC(2026, 2, 29, 22));
  assert.equal(start_of_day(noon(10, 26), vienna), Date.UTC(2026, 9, 25, 23));
});

test("a skipped time becomes the instant after, a doubled one the first", () => {
  assert.equal(instant(2026, 3, 29, 2, berlin), spring);
  assert.equal(instant(2026, 10, 25, 2, berlin), autumn - hour);
});

test("an unknown zone reads as UTC instead of breaking the page", () => {
  assert.equal(known_zone("Mars/Olympus"), "UTC");
  assert.equal(known_zone(berlin), berlin);
});

test("spans round down and never go below nothing", () => {
  const cases: [number, string][] = [[-5, "0 s"], [59_999, "59 s"], [minute, "1 min"], [hour - 1, "59 min"], [3 * hour, "3 h"], [47 * hour, "47 h"], [2 * day, "2 days"], [800 * day, "2 years"]];
  for (const [ms, text] of cases) assert.equal(span(ms), text);
});

test("below a minute an age is now", () => {
  assert.equal(age(59_000), "now");
  assert.equal(age(-3000), "now");
  assert.equal(age(2 * minute), "2 min");
});
