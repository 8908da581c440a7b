import assert from "node:assert/strict";
import { test } from "node:test";
import type { Finding, History, NodeInfo } from "../api/types";
import { nearest, to_columns } from "./columns";
import { cell, to_csv } from "./csv";
import { label_inside, series_label, share_text, unit_text, value_text } from "./format";
import { presence_word, series_old } from "./freshness";
import { cause_text, clip, gap_text } from "./gaps";
import { headline } from "./headline";
import { words } from "../words";
import { heard_share, stretches, with_present } from "./presence";
import { spark_shape } from "./spark";
import { day, hour, minute } from "./time";
import { explore_link, parse_route, parse_view, step, window_of, zoom } from "./view";

const berlin = "Europe/Berlin";
const some = (changes: Partial<History>): History => ({ series: 1, from: 0, to: 100, bucket_ms: 10, t: [], min: [], avg: [], max: [], n: [], gaps: [], ...changes });
const node = (changes: Partial<NodeInfo>): NodeInfo => ({
  id: "n", name: "", place: "", created: 0, presence: "online", presence_since: 0, last_seen: 0, interval_ms: minute, may_lose: false, series: [], ...changes,
});
const finding = (level: Finding["level"]): Finding => ({ id: level, level, what: "", why: "", todo: "", since: null, node: null });

test("values keep the sensor's decimals and a real minus", () => {
  assert.equal(value_text(21.4, 2), "21.40");
  assert.equal(value_text(-0.001, 1), "0.0");
  assert.equal(value_text(-4.5, 1), "−4.5");
  assert.equal(value_text(12.93456, null), "12.93");
  assert.equal(value_text(1204118, 0), "1,204,118");
  assert.equal(value_text(NaN, 0), "–");
});

test("units and labels read as the owner reads them", () => {
  assert.equal(unit_text("C"), "°C");
  assert.equal(unit_text("ppm"), "ppm");
  assert.equal(series_label({ label: " ", sensor: "water_level" }), "Water level");
  assert.equal(series_label({ label: "soil_moisture", sensor: "soil_moisture" }), "Soil moisture", "a label that only repeats the sensor");
  assert.deepEqual(["Water level", "CO₂", "Temperature"].map(label_inside), ["water level", "CO₂", "temperature"]);
});

test("complete is said only when nothing is missing", () => {
  assert.equal(share_text(99_999, 100_000), "99.9 %");
  assert.equal(share_text(5, 5), "100 %");
  assert.equal(share_text(0, 0), "–");
});

test("the headline says the worst first", () => {
  const said = (findings: Finding[], nodes = [node({})], broker_connected = true): string => {
    const { before, accent, after } = headline({ findings, nodes: nodes.map((n) => ({ ...n, trend: [] })), broker_connected });
    return before + accent + after;
  };
  assert.equal(said([]), "All is well.");
  assert.equal(said([finding("needs_you")]), "All is well, except one thing.");
  assert.equal(said([finding("needs_you"), finding("needs_you")]), "2 things need you.");
  assert.equal(said([finding("being_lost"), finding("needs_you")]), "Readings are being lost, and 1 thing needs you.".replace("1 thing", "1 more thing"));
  assert.equal(said([], [node({})], false), "The box can't hear its nodes.");
  assert.equal(said([], []), "No nodes yet.");
  assert.equal(said([], [node({ presence: "never_seen" })]), "Waiting for the first reading.");
});

test("a silent node is old at once, a lagging series after ten intervals", () => {
  const last = { t: 0, value: 1, quality: "node" as const, late: false };
  assert.equal(series_old(node({ presence: "stale" }), { last }, 1), true);
  assert.equal(series_old(node({ interval_ms: 2 * minute }), { last }, 20 * minute), false);
  assert.equal(series_old(node({ interval_ms: 2 * minute }), { last }, 20 * minute + 1), true);
  assert.equal(series_old(node({}), { last: null }, 1), true);
});

test("silence counts from the last message, not from when it was noticed", () => {
  assert.equal(presence_word(node({ presence: "stale", last_seen: hour, presence_since: 2 * hour }), 4 * hour), "silent 3 h");
  assert.equal(presence_word(node({}), 0), "");
});

test("gaps are named in words and cut to the window", () => {
  assert.equal(gap_text({ from: 0, to: 14 * hour, cause: "power" }), "power dark 14 h");
  assert.equal(cause_text("moon_phase"), "moon phase");
  assert.deepEqual(clip([{ from: 0, to: 10, cause: "" }, { from: 20, to: 30, cause: "" }], 5, 20), [{ from: 5, to: 10, cause: "" }]);
});

test("every cause that the box tells has words", () => {
  const causes = ["damaged", "power", "core", "disk_full", "storage", "broker", "node_restart", "node_off", "node_silent", "network", "clock", "rejected", "excluded", "unknown"];
  for (const cause of causes) assert.ok(words.cause[cause], cause);
});

test("columns sit in the middle of their bucket and break inside a gap", () => {
  const columns = to_columns(some({ t: [0, 10, 60], min: [1, 2, 3], avg: [1, 2, 3], max: [1, 2, 3], n: [1, 1, 1], gaps: [{ from: 22, to: 58, cause: "" }] }));
  assert.deepEqual(columns.x, [0.005, 0.015, 0.04, 0.065]);
  assert.deepEqual(columns.avg, [1, 2, null, 3]);
});

test("columns rise even where the box sent a time twice", () => {
  assert.deepEqual(to_columns(some({ bucket_ms: 0, t: [1, 1, 2], min: [1, 1, 1], avg: [1, 2, 3], max: [1, 1, 1], n: [1, 1, 1] })).x, [0.001, 0.002]);
});

test("the nearest bucket is found, and none where there is none", () => {
  const history = some({ t: [0, 10, 50] });
  assert.equal(nearest(history, 14), 1);
  assert.equal(nearest(history, 34), 1);
  assert.equal(nearest(history, 99), 2);
  assert.equal(nearest(some({}), 5), -1);
});

test("a spark stops where the value grew old, with grey after it", () => {
  const shape = spark_shape(some({ t: [0, 10], avg: [1, 2] }), 0, 100, { width: 108, height: 36, pad: 4 }, 20);
  assert.equal(shape.path, "M9 32L19 4");
  assert.deepEqual(shape.grey, [{ x: 24, width: 80 }]);
});

test("a cell that begins like a formula becomes text", () => {
  assert.equal(cell("=1+1"), "'=1+1");
  assert.equal(cell('a,"b"'), '"a,""b"""');
  const series = { id: 1, node: "n", sensor: "s", unit: "@x", label: "", decimals: 1, last: null };
  assert.equal(to_csv([{ series, history: some({ t: [0], min: [1], avg: [2], max: [3], n: [4] }) }], "UTC"),
    "time,unix_ms,node,sensor,unit,min,mean,max,readings\r\n1970-01-01T00:00:00.000+00:00,0,n,s,'@x,1,2,3,4\r\n");
});

test("presence before the first change is not claimed", () => {
  const parts = stretches([{ t: 20, state: "online" }, { t: 50, state: "stale" }], 0, 100);
  assert.deepEqual(parts.map((p) => [p.from, p.to, p.state]), [[0, 20, "unknown"], [20, 50, "online"], [50, 100, "stale"]]);
  const share = heard_share(parts);
  assert.deepEqual([share.heard_ms, share.known_ms, share.silences.length], [30, 80, 1]);
  assert.deepEqual(with_present([], { presence: "online", presence_since: -9 }), [{ t: -9, state: "online" }], "no change for a week is no mystery");
  assert.deepEqual(with_present([{ t: 5, state: "online" }], { presence: "online", presence_since: 5 }).length, 1);
  assert.deepEqual(stretches([{ t: -50, state: "online" }], 0, 100), [{ from: 0, to: 100, state: "online" }]);
});

test("the address holds the view and survives nonsense", () => {
  const view = { series: [3, 1], range: { from: 1000, to: 99_000 } };
  assert.deepEqual(parse_route(explore_link(view)), { page: "explore", view });
  assert.deepEqual(parse_view("series=1,x,1,2&from=9&to=3&range=century"), { series: [1, 2], range: { preset: "day" } });
  assert.deepEqual(parse_route("#/nodes/a%2Fb"), { page: "node", id: "a/b" });
  assert.deepEqual(parse_route("#/nodes/%"), { page: "nodes" });
  assert.deepEqual(parse_route("#/elsewhere"), { page: "overview" });
});

test("stepping by a day keeps the hour over the clock change and never passes now", () => {
  const noon = Date.UTC(2026, 2, 29, 10);  // 12:00 in Berlin, on the day of the change
  const moved = step({ from: noon - day, to: noon }, -1, noon, berlin);
  assert.equal(moved.to, Date.UTC(2026, 2, 28, 11));
  assert.deepEqual(step({ from: noon - day, to: noon }, 1, noon, berlin), { from: noon - day, to: noon });
});

test("zooming out stops at now, zooming in at ten seconds", () => {
  assert.deepEqual(zoom({ from: 0, to: 100_000 }, 2, 100_000), { from: -100_000, to: 100_000 });
  assert.equal(zoom({ from: 0, to: 11_000 }, 0.1, 0).to - zoom({ from: 0, to: 11_000 }, 0.1, 0).from, 10_000);
  assert.deepEqual(window_of({ preset: "all" }, 5 * day, day), { from: day, to: 5 * day });
});
