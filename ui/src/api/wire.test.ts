import assert from "node:assert/strict";
import { test } from "node:test";
import { Mismatch } from "./check";
import { by_day } from "./client";
import { extend, take_readings } from "../lib/live";
import * as wire from "./wire";

const history = { series: 1, from: 0, to: 9, bucket_ms: 10, t: [1], min: [1], avg: [1], max: [1], n: [1], gaps: [], more_gaps: false };

test("a message of another shape is named by its place", () => {
  assert.throws(() => wire.history({ ...history, gaps: [{ from: 0, to: "9", cause: "" }] }, "history"), (e: Mismatch) => e.where === "history.gaps[0].to");
  assert.throws(() => wire.history({ ...history, n: [] }, "history"), Mismatch);
  assert.throws(() => wire.session(null, "session"), Mismatch);
  assert.throws(() => wire.live.readings({ now: 1, readings: [[1, 2]] }, "readings"), Mismatch);
});

test("days come with their ends, one for each", () => {
  assert.deepEqual(wire.history({ ...history, end: [9] }, "history").end, [9]);
  assert.throws(() => wire.history({ ...history, end: [] }, "history"), Mismatch);
});

test("days of the place are asked for where the box would choose a day", () => {
  const day = 86_400_000;
  assert.deepEqual([7, 249, 250, 365, 498, 499, 1000].map((days) => by_day(0, days * day, 500)), [false, false, true, true, true, false, false]);
});

test("a box that was never checked has no health, and one that isn't sure of its time says who told it", () => {
  const system = {
    now: 1, version: "1", libraries: [{ name: "sqlite", version: "3" }], started: 0, clock: { trusted: false, source: null, timezone: "UTC", accept_browser: true }, can: [], upgrade: { offer: null, trouble: null, former: null, last: null }, reached: { name: null, address: "192.168.4.1" }, health: null, starts: null, wear: [],
    disk: { known: false, total: 0, free: 0, step: "ample", since: null, device: null, written_today: null, reserve: 0, forecast: { days_left: null, bytes_a_day: null, why: "not known" } },
  };
  assert.deepEqual(wire.system(system, "system"), system);
  const check = { id: "core", state: "ok", what: "", next: "", since: 1 };
  assert.deepEqual(wire.system({ ...system, health: { at: 1, checks: [check] } }, "system").health, { at: 1, checks: [check] });
  assert.throws(() => wire.system({ ...system, health: { at: 1, checks: [{ ...check, state: "fine" }] } }, "system"), (e: Mismatch) => e.where === "system.health.checks[0].state");
  const start = { at: 2, at_known: false, before: "power", last: 1, dark_ms: null };
  assert.deepEqual(wire.system({ ...system, starts: [start] }, "system").starts, [start]);
  assert.throws(() => wire.system({ ...system, starts: [{ ...start, before: "magic" }] }, "system"), (e: Mismatch) => e.where === "system.starts[0].before");
  assert.throws(() => wire.system({ ...system, clock: { ...system.clock, source: "gps" } }, "system"), Mismatch);
});

test("a login without its password is none", () => {
  const login = { id: "a", user: "a", password: "p", unproven: null, host: "h", host_name: "n", port: 1, snippet: "", esphome: "", nvs_csv: "", uri: "", qr: ["1"] };
  assert.deepEqual(wire.credentials(login, "login"), login);
  assert.throws(() => wire.credentials({ ...login, password: undefined }, "login"), (e: Mismatch) => e.where === "login.password");
});

test("fields of a newer box are left out", () => {
  assert.deepEqual(wire.history({ ...history, more: 1 }, "history"), history);
});

test("a live reading joins its bucket or begins the next, and one from before changes nothing", () => {
  const trend = { ...history, t: [0], min: [4], avg: [4], max: [4], n: [1] };
  assert.deepEqual(extend(trend, 9, 6, 9).avg, [5]);
  assert.deepEqual(extend(trend, 12, 6, 12).t, [0, 10]);
  assert.equal(extend({ ...trend, t: [20] }, 12, 6, 20).t.length, 1);
});

test("live readings reach their node, and an older one never replaces a newer", () => {
  const last = { t: 50, value: 1, quality: "node" as const, late: false };
  const data = {
    now: 50, site: "", timezone: "UTC", clock_trusted: true, broker_connected: true, started: 0, readings_stored: 7, rejected_today: 0, findings: [], recent: [],
    nodes: [{ id: "a", name: "", place: "", created: 0, presence: "online" as const, presence_since: 0, last_seen: 50, interval_ms: 1, may_lose: false, trend: [],
      series: [{ id: 3, node: "a", sensor: "s", unit: "m", label: "", decimals: 1, last }] }],
  };
  const next = take_readings(data, { now: 70, readings: [[3, 60, 2, 2, 0x20], [3, 40, 9, 0, 0], [99, 60, 1, 0, 0]] });
  assert.deepEqual(next.nodes[0]?.series[0]?.last, { t: 60, value: 2, quality: "provisional", late: true });
  assert.equal(next.readings_stored, 10);
});
