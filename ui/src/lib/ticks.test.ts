import assert from "node:assert/strict";
import { test } from "node:test";
import { day, hour, minute, wall } from "./time";
import { tick_text, time_ticks, value_scale } from "./ticks";

const berlin = "Europe/Berlin";

test("a narrow day still has ticks", () => {
  const from = Date.UTC(2026, 10, 24, 1, 45);
  assert.deepEqual(time_ticks(from, from + day, 3, berlin).map((t) => tick_text(t, day, berlin)), ["12:00", "25 Nov"]);
  assert.deepEqual(time_ticks(from, from + day, 2, berlin).map((t) => tick_text(t, day, berlin)), ["12:00", "25 Nov"]);
});

test("ticks of hours stay on the wall clock over both clock changes", () => {
  for (const noon of [Date.UTC(2026, 2, 28, 11), Date.UTC(2026, 9, 24, 10)]) {
    const ticks = time_ticks(noon, noon + 2 * day, 9, berlin);
    assert.ok(ticks.length >= 8);
    for (const t of ticks) assert.equal(wall(t, berlin).hour % 6, 0);
  }
});

test("ticks of days and months are midnights", () => {
  const from = Date.UTC(2026, 2, 20, 7);
  for (const length of [14 * day, 400 * day, 4000 * day]) {
    const ticks = time_ticks(from, from + length, 8, berlin);
    assert.ok(ticks.length >= 3 && ticks.length <= 9);
    for (const t of ticks) assert.deepEqual([wall(t, berlin).hour, wall(t, berlin).minute], [0, 0]);
  }
});

test("never many more ticks than fit, however long the stretch", () => {
  for (const length of [5 * minute, hour, day, 9 * day, 90 * day, 3650 * day, 36500 * day]) {
    assert.ok(time_ticks(0, length, 6, berlin).length <= 8, String(length));
  }
  assert.deepEqual(time_ticks(5, 5, 6, berlin), []);
});

test("value scales end on round ticks and hold their values", () => {
  for (const [low, high] of [[18.7, 23.9], [413, 2076], [-3, 4], [0, 0], [5, 5], [1e-4, 3e-4], [1e6, 1.2e6], [-0.2, -0.1]] as const) {
    const scale = value_scale(low, high);
    assert.ok(scale.min <= low && scale.max >= high && scale.max > scale.min, `${low} ${high}`);
    assert.ok(scale.ticks.length >= 2 && scale.ticks.length <= 7);
  }
  assert.deepEqual(value_scale(413, 2076).ticks, [500, 1000, 1500, 2000]);
  assert.deepEqual(value_scale(18.7, 23.9), { min: 18, max: 24, ticks: [18, 20, 22, 24] });
  assert.deepEqual(value_scale(17.9, 23.9).ticks, [18, 20, 22, 24], "most of a step empty below is cut off");
  assert.deepEqual(value_scale(3.51, 3.51, 0.01).ticks.map((t) => t.toFixed(3)), ["3.500", "3.510", "3.520"], "no finer than the sensor");
});
