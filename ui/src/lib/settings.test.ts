import runbook from "alona:runbook";
import assert from "node:assert/strict";
import { test } from "node:test";
import { words } from "../words";
import { check_name, check_title } from "./checks";
import { change_of, number_wrong, plain_number } from "./counters";
import { id_of, id_wrong } from "./node_id";
import { qr_path, quiet } from "./qr";
import { parse_route, runbook_link } from "./view";
import { bars, mean_written } from "./wear";

test("an id is checked by the box's rules, and proposed from a name", () => {
  for (const good of ["a", "north-wall", "1", "a_b", "x".repeat(32)]) assert.equal(id_wrong(good, ["roof"]), "", good);
  for (const bad of ["", "x".repeat(33), "Roof", "a b", "dach/1", "-a", "_a", "core", "canary", "alona", "alona-2", "roof"]) assert.notEqual(id_wrong(bad, ["roof"]), "", bad);
  assert.equal(id_of("North wall"), "north-wall");
  assert.equal(id_of("  Küche & Straße! "), "kuche-strasse");
  assert.equal(id_of("—"), "");
  assert.ok(id_of(`${"a".repeat(31)} b`).length <= 32);
  assert.equal(id_wrong(id_of(`${"a".repeat(31)} b`), []), "");
});

test("a QR code is drawn run by run, inside its margin", () => {
  assert.equal(quiet, 4);
  assert.equal(qr_path(["101", "011"]), "M4 4h1v1h-1zM6 4h1v1h-1zM5 5h2v1h-2z");
});

test("the runbook is whole, without markup left in it, and every paragraph has a title", () => {
  assert.ok(runbook.sections.length > 20 && runbook.intro.length > 0);
  for (const { id, text } of runbook.sections) {
    assert.ok(words.checks[id], `words.checks lacks ${id}`);
    assert.ok(text.length > 0, id);
    for (const piece of text.flat()) if (typeof piece === "string") assert.doesNotMatch(piece, /[`\]\n]/, id);
  }
  assert.deepEqual(Object.keys(words.checks).sort(), runbook.sections.map((one) => one.id).sort());
});

test("a check's name is its id up to the colon, and leads to its paragraph", () => {
  assert.equal(check_name("silent:roof"), "silent");
  assert.equal(check_title("silent:roof"), "A silent node");
  assert.equal(check_title("of_tomorrow"), "of tomorrow");
  assert.deepEqual(parse_route(runbook_link("silent")), { page: "runbook", at: "silent" });
  assert.deepEqual(parse_route(runbook_link()), { page: "runbook", at: "" });
  assert.deepEqual(parse_route("#/settings"), { page: "settings" });
});

test("what is written counts the whole disk where it is known, and only whole days for the mean", () => {
  const day = (name: string, device_bytes: number | null, process_bytes: number) => ({ day: name, device_bytes, process_bytes, free: 0 });
  const days = [day("a", null, 10), day("b", 40, 5), day("c", 20, 5)];
  assert.deepEqual(bars(days).map((one) => one.height), [0.25, 1, 0.5]);
  assert.equal(mean_written(days), 25);
  assert.equal(mean_written([day("a", 1, 1)]), null);
  assert.deepEqual(bars([]), []);
});

test("a meter's number keeps its digits, and a comma is a point", () => {
  for (const good of ["0", "1234.5", "12,5", " -4.25 ", "+3", ".5", "1e3"]) assert.equal(number_wrong(good), "", good);
  for (const bad of ["", "NaN", "Infinity", "1e400", "2e15", "12,345,6", "1 2", "0x10", "many", "-"]) assert.notEqual(number_wrong(bad), "", bad);
  assert.equal(plain_number("12,50"), "12.50");
  const info = { series: 1, sensor: "energy", unit: "kWh", label: "", decimals: 1, kind: "rises" as const, last: { t: 1, value: 1234.5 }, base: 0, changed: null, undo: false };
  assert.deepEqual(change_of(info, { counts: false, goes_on_from: "1", begins_at: "0" }), []);
  assert.deepEqual(change_of(info, { counts: true, goes_on_from: "1234.5", begins_at: "0,7" }), [{ sensor: "energy", unit: "kWh", begins_at: "0.7" }], "untouched: what is stored last when it is done");
  assert.deepEqual(change_of(info, { counts: true, goes_on_from: "1240", begins_at: "0" }), [{ sensor: "energy", unit: "kWh", begins_at: "0", goes_on_from: "1240" }]);
});
