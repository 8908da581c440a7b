"""What comes out again: `alona export` and `alona rejects`."""
import csv
import io
import json
import subprocess

import pytest

from box import ALONA, Box, wait_for

HEADER = "time,node,sensor,value,unit,quality\r\n"
T0 = 1_700_000_000  # 2023-11-14T22:13:20Z


def reading(sensor, value, unit="C", ts=None):
    return json.dumps({"v": 1, "sensor": sensor, "value": value, "unit": unit} | ({"ts": ts} if ts else {}))


@pytest.fixture(scope="module")
def filled():
    """Two nodes with readings at known times; the core is stopped, as an export doesn't need it."""
    with Box() as box:
        roof, well = box.client(box.add_node("roof")), box.client(box.add_node("well"))
        sent = [(f"alona/roof/telemetry/{sensor}", reading(sensor, value, unit, ts))
                for sensor, value, unit, ts in [("t", -4.5, "°C", T0), ("t", 0.1, "°C", T0 + 1.25),
                                                ("h", 1e15, '%,"x', T0 + 2), ("t", 1 / 3, "°C", T0 + 86_400)]]
        box.publish(roof, sent + [("alona/roof/telemetry/n", reading("n", 7))])  # the last at its receipt
        box.publish(well, [("alona/well/telemetry/t", reading("t", 2, "m", T0 + 3))])
        wait_for(lambda: box.counts("roof")["stored"] + box.counts("well")["stored"] == 6, "the readings")
        box.add_node("silent")
        box.stop_core()
        yield box


def export(box, *words):
    return box.run("export", *words).stdout


def rows(box, *words):
    """(time, node, sensor) of each."""
    return [tuple(json.loads(line)[name] for name in ("time", "node", "sensor"))
            for line in export(box, "--format", "ndjson", *words).splitlines()]


def test_csv_and_ndjson_say_the_same(filled):
    text = subprocess.run([ALONA, "export", "--config", str(filled.config_file)], capture_output=True,
                          check=True).stdout.decode()
    assert text.startswith(HEADER) and text.count("\r\n") == 7
    from_csv = list(csv.DictReader(io.StringIO(text, newline="")))
    lines = export(filled, "--format", "ndjson")
    assert lines == export(filled, "--json")
    from_json = [json.loads(line) for line in lines.splitlines()]
    assert [row | {"value": float(row["value"])} for row in from_csv] == from_json
    # Series by series: the receipt of "n" is whenever it was.
    assert [row for row in from_json if row["sensor"] != "n"] == [
        {"time": time, "node": node, "sensor": sensor, "value": value, "unit": unit, "quality": quality}
        for time, node, sensor, value, unit, quality in [
            ("2023-11-14T22:13:22.000Z", "roof", "h", 1e15, '%,"x', "node"),
            ("2023-11-14T22:13:20.000Z", "roof", "t", -4.5, "°C", "node"),
            ("2023-11-14T22:13:21.250Z", "roof", "t", 0.1, "°C", "node"),
            ("2023-11-15T22:13:20.000Z", "roof", "t", 1 / 3, "°C", "node"),
            ("2023-11-14T22:13:23.000Z", "well", "t", 2, "m", "node")]]
    # Without a time of the node's: the receipt, or provisional where the machine's clock isn't known to be right.
    assert from_json[1]["sensor"] == "n" and from_json[1]["quality"].split("+")[0] in ("receipt", "provisional")


def test_filters(filled):
    every = rows(filled)
    early = [row for row in every if row[0].startswith("2023-11-14")]
    assert rows(filled, "--node", "well") == [row for row in every if row[1] == "well"]
    assert rows(filled, "--sensor", "t") == [row for row in every if row[2] == "t"]
    assert rows(filled, "--node", "roof", "--sensor", "h") == [every[0]]
    assert rows(filled, "--from", "2023-11-15") == [row for row in every if row not in early]
    assert rows(filled, "--to", "2023-11-15") == rows(filled, "--to", "2023-11-15T00:00:00Z") == early
    # --from is taken in, --to is left out, to the millisecond.
    assert rows(filled, "--from", "2023-11-14T22:13:21.250Z", "--to", "2023-11-14 22:13:23") == [every[0], every[3]]
    assert rows(filled, "--from", "2023-11-14T22:13:21.251Z", "--to", "2023-11-14T22:13:23.001Z") == [every[0], every[5]]


def test_nothing_to_export_is_a_header_and_no_failure(filled):
    for words in (["--node", "silent"], ["--sensor", "nothing"], ["--from", "2100-01-01"]):
        done = subprocess.run([ALONA, "export", *words, "--config", str(filled.config_file)], capture_output=True)
        assert (done.stdout.decode(), done.stderr, done.returncode) == (HEADER, b"", 0)
        assert export(filled, "--format", "ndjson", *words) == ""
    unknown = filled.run("export", "--node", "rof", check=False)
    assert (unknown.returncode, unknown.stdout) == (3, "") and "there is no node rof" in unknown.stderr


def test_a_reader_that_has_seen_enough_ends_it_quietly(box):
    client = box.client(box.add_node("roof"))
    many = [("alona/roof/telemetry", '{"v":1,"readings":[' + ",".join(
        reading("t", n, ts=T0 + k * 1_000 + n) for n in range(200)) + "]}") for k in range(50)]
    box.publish(client, many)
    wait_for(lambda: box.counts("roof")["stored"] == 10_000, "the readings")  # far more than a pipe holds
    for form in ("csv", "ndjson"):
        with subprocess.Popen([ALONA, "export", "--format", form, "--config", str(box.config_file)],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
            assert running.stdout.readline().startswith((b"time,", b'{"time":'))
            running.stdout.close()
            assert running.stderr.read() == b"" and running.wait(30) == 0


def test_rejects_are_listed_and_shown_with_their_bytes(box):
    client = box.client(box.add_node("roof"))
    assert box.run("rejects", "list").stdout == "No rejects.\n"
    assert json.loads(box.run("rejects", "list", "--json").stdout) == []
    latin = '{"v":1,"sensor":"t","value":1,"unit":"°C"}'.encode("latin-1")
    escape = b'{"v":1,"x":"\x1b[31mred\x07"'
    long = b'{"v":1,"sensor":"t","x":"' + b"y" * 2_000
    box.publish(client, [("alona/roof/telemetry/latin", latin), ("alona/roof/telemetry/escape", escape),
                         ("alona/roof/telemetry/long", long), ("alona/roof/telemetry/long", long)])
    wait_for(lambda: box.counts("roof")["rejected"] == 4, "the rejects")

    listed = {row["topic"].split("/")[-1]: row for row in json.loads(box.run("rejects", "list", "--json").stdout)}
    assert {name: (row["reason"], row["count"], row["bytes"]) for name, row in listed.items()} == {
        "latin": ("encoding", 1, len(latin)), "escape": ("json", 1, len(escape)), "long": ("json", 2, len(long))}
    text = box.run("rejects", "list").stdout
    for row in listed.values():
        assert all(str(row[key]) in text for key in ("id", "time", "topic", "reason", "detail"))
    assert len(json.loads(box.run("rejects", "list", "--json", "--max", "2").stdout)) == 2

    def show(name):
        """Text, and what --json says of the payload."""
        shown = [box.run("rejects", "show", str(listed[name]["id"]), *more).stdout for more in ([], ["--json"])]
        one = json.loads(shown[1])
        assert {key: one[key] for key in listed[name]} == listed[name]
        assert all(str(part) in shown[0] for part in (listed[name]["reason"], listed[name]["topic"], one["payload"]))
        return shown[0], one["payload"]

    assert show("latin")[1] == '{"v":1,"sensor":"t","value":1,"unit":"\\xb0C"}'
    text, payload = show("escape")
    assert payload == '{"v":1,"x":"\\x1b[31mred\\x07"' and "\x1b" not in text and "\x07" not in text
    text, payload = show("long")
    assert payload == long.decode()[:1_024] and f"({len(long) - 1_024} more bytes were not kept)" in text
    for unknown in ("999999", "-1", "0"):
        done = box.run("rejects", "show", unknown, check=False)
        assert (done.returncode, done.stdout) == (3, "")
        assert f"there is no reject {unknown}\n`alona rejects list`" in done.stderr
