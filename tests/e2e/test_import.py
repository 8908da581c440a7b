"""`alona import`: what an export has written comes in again, once, wholly or not at all."""
import json
import os
import random
import signal
import sqlite3
import subprocess
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from box import ALONA, PROJECT, Box, wait_for

ROOM = PROJECT.parent / "shared/data/room.csv"
HEADER = "time,node,sensor,value,unit,quality\n"
T0 = datetime(2023, 11, 14, tzinfo=timezone.utc)


def iso(seconds):
    return (T0 + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def lines(n, node="well", seed=1):
    rng = random.Random(seed)
    return HEADER + "".join(f"{iso(i * 7)},{node},level,{rng.randrange(10**6) / 1000!r},m,node\n" for i in range(n))


def run_import(box, text, *words, check=True):
    """`text` by standard input; the report, or the finished process if it isn't to be checked."""
    done = box.run("import", "-", "--json", *words, check=check, input=text)
    return json.loads(done.stdout) if check else done


def export_text(box, form="csv"):
    return box.run("export", "--format", form).stdout


def test_an_export_comes_back_equal_and_twice_is_nothing_new(box, tmp_path):
    client = box.client(box.add_node("roof"))
    values = [-0.0, 0.1, 1 / 3, 1e15, -4.5, 5e-324]
    box.publish(client, [(f"alona/roof/telemetry/t{k}", json.dumps(
        {"v": 1, "sensor": f"t{k}", "value": value, "unit": '°C,"x'} | ({"ts": 1_700_000_000 + k} if k % 2 else {})))
        for k, value in enumerate(values)])
    run_import(box, lines(5_000))
    wait_for(lambda: box.counts("roof")["stored"] == len(values), "the readings")
    assert run_import(box, lines(5_000))["known"] == 5_000
    for form in ("csv", "ndjson"):
        text = export_text(box, form)
        with Box(start=form == "csv") as empty:  # once through the core, once without it
            file = tmp_path / f"export.{form}"
            file.write_text(text)
            report = json.loads(empty.run("import", str(file), "--json", "--dry-run").stdout)
            assert (report["new"], report["dry_run"]) == (5_006, True) and export_text(empty, form).count("\n") <= 1
            report = json.loads(empty.run("import", str(file), "--json").stdout)
            assert (report["new"], report["known"], report["corrected"], report["refused"]) == (5_006, 0, 0, 0)
            assert report["nodes_made"] == ["roof", "well"] and len(report["series"]) == 7
            assert export_text(empty, form) == text
            again = json.loads(empty.run("import", str(file), "--json").stdout)
            assert (again["new"], again["known"], again["nodes_made"]) == (0, 5_006, [])
            assert export_text(empty, form) == text
            if form == "csv":
                assert empty.counts("roof")["stored"] == 0  # no message was sent
                node = next(n for n in empty.overview()["nodes"] if n["id"] == "roof")
                assert node["last_seen"] is None, node
    with_login = json.loads(box.run("import", str(tmp_path / "export.csv"), "--json").stdout)
    assert with_login["known"] == 5_006


def test_who_imported_what_is_noted(tmp_path):
    file = tmp_path / "well.csv"
    file.write_text(lines(100))
    with Box(start=False) as box:
        def audit():
            with sqlite3.connect(f"file:{box.data}/live/db/alona.sqlite3?mode=ro", uri=True) as shell:
                rows = shell.execute("SELECT who, what FROM audit ORDER BY id").fetchall()
            shell.close()
            return rows

        box.run("import", str(file), "--dry-run")
        box.run("import", str(file))
        box.start_broker()
        box.start_core()
        wait_for(lambda: box.api("/api/v1/session"), "the core")
        box.run("import", str(file))
        noted = audit()
        assert [what for _, what in noted] == [f"imported {file}: 100 readings, 100 new, 0 corrected, 0 known",
                                               f"imported {file}: 100 readings, 0 new, 0 corrected, 100 known"]
        assert noted[0][0] == noted[1][0] != ""


def test_one_wrong_line_refuses_all(box):
    good = lines(50)
    bad = good + f"{iso(9)},well,level,21;5,m,node\n" + good.split("\n", 1)[1] + f"{iso(1)},WELL,level,1,m,node\n"
    done = run_import(box, bad, check=False)
    report = json.loads(done.stdout)
    assert done.returncode == 3 and report["refused"] == 2 and [e["line"] for e in report["errors"]] == [52, 103]
    text = box.run("import", "-", check=False, input=bad)
    assert (text.returncode, text.stdout) == (3, "")
    assert "nothing was imported: 2 of 102 lines of standard input are refused" in text.stderr
    assert 'line 52: value "21;5" isn\'t a number. Write it such as -4.5 or 1e-3.' in text.stderr
    many = run_import(box, HEADER + "x,y,z\n" * 1_000, check=False)
    assert len(json.loads(many.stdout)["errors"]) == 20 and json.loads(many.stdout)["refused"] == 1_000
    assert box.export() == [] and box.api("/api/v1/nodes")["nodes"] == []


def test_wrong_words_and_files(box, tmp_path):
    def said(*words):
        done = box.run("import", *words, check=False)
        assert done.stdout == ""
        return done.returncode, done.stderr
    assert said(str(tmp_path / "none"))[0] == 3
    assert said(str(tmp_path))[0] == 2
    (tmp_path / "semicolons").write_text("Datum;Wert\n1;2\n")
    code, text = said(str(tmp_path / "semicolons"))
    assert code == 3 and "--separator ';'" in text
    assert said("x", "--map", "zeit=Datum")[0] == said("x", "--zone", "Mars")[0] == said("x", "--separator", ",,")[0] == 2
    (tmp_path / "binary").write_bytes(os.urandom(100_000))
    code, text = said(str(tmp_path / "binary"))
    assert code == 3 and "\x00" not in text


def test_limits_refuse_the_whole_file():
    for running in (True, False):
        with Box(config={"limits": "nodes = 2\nseries = 3"}, start=running) as box:
            three = lines(1, "a") + lines(1, "b").split("\n", 1)[1] + lines(1, "c").split("\n", 1)[1]
            done = run_import(box, three, check=False)
            assert done.returncode == 3 and "there would be 3 nodes, 2 are allowed" in done.stderr
            many = HEADER + "".join(f"{iso(1)},a,s{k},1,m,node\n" for k in range(4))
            done = run_import(box, many, check=False)
            assert done.returncode == 3 and "there would be 4 series, 3 are allowed" in done.stderr
            assert box.export() == []
            assert run_import(box, many.replace("s3", "s2"))["new"] == 3


def test_a_correction_counts_and_the_last_word_holds(box):
    run_import(box, lines(10))
    report = run_import(box, HEADER + f"{iso(7)},well,level,-1,m,receipt\n{iso(7)},well,level,-2,m,node+late\n")
    assert (report["new"], report["corrected"]) == (0, 2)
    row = box.export()[1]
    assert (row.value, row.quality) == (-2, "node+late") and len(box.export()) == 10


@pytest.mark.skipif(not ROOM.exists(), reason="the recorded room isn't there")
def test_a_room_recorded_elsewhere(box):
    def room(sensor, column, unit, *words):
        done = box.run("import", str(ROOM), "--json", "--map",
                       f"time=time,value={column},node=:room,sensor=:{sensor},unit=:{unit}", *words, check=False)
        return done.returncode, done
    code, done = room("temperature", "temperature_c", "C")
    assert code == 3 and "doesn't say its zone" in done.stderr and "--zone" in done.stderr
    n = sum(1 for _ in ROOM.open()) - 1
    code, done = room("temperature", "temperature_c", "C", "--zone", "UTC")
    report = json.loads(done.stdout)
    assert code == 0 and report["new"] + report["known"] + report["corrected"] == n, done.stderr
    code, done = room("co2", "co2_ppm", "ppm", "--zone", "UTC")
    assert code == 0 and len(box.export()) == 2 * len({line.split(",")[0] for line in ROOM.read_text().splitlines()[1:]})


def test_cut_off_by_a_kill_and_run_again(box, tmp_path, long_run):
    file = tmp_path / "big.csv"
    text = lines(400_000 if long_run else 60_000)
    file.write_text(text)
    with subprocess.Popen([ALONA, "import", str(file), "--config", str(box.config_file)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as importing:
        wait_for(lambda: sum(r.node == "well" for r in box.export()) > 5_000, "a part")
        box.kill_core()
        box.start_core()  # the command asks again until it is back
        assert importing.wait(120) == 0, importing.stderr.read()
    with subprocess.Popen([ALONA, "import", "-", "--config", str(box.config_file)], stdin=subprocess.PIPE,
                          stdout=subprocess.DEVNULL, text=True) as importing:
        importing.communicate(text.replace(",well,", ",cellar,"))
    expected = [line.split(",")[:4] for line in text.splitlines()[1:]]
    for _ in range(2):
        rows = [line.split(",")[:4] for line in export_text(box).splitlines()[1:]]
        assert [row for row in rows if row[1] == "well"] == [[t, n, s, repr(float(v)).removesuffix(".0")] for t, n, s, v in expected]
        assert len(rows) == 2 * len(expected)
        assert json.loads(box.run("import", str(file), "--json").stdout)["new"] == 0


def test_an_import_that_is_killed_is_made_whole_by_the_same_again(box, tmp_path):
    file = tmp_path / "big.csv"
    file.write_text(lines(60_000))
    for stopped in (False, True):
        if stopped:
            box.stop_core()
            file.write_text(lines(60_000, "cellar"))
        node = "cellar" if stopped else "well"
        importing = subprocess.Popen([ALONA, "import", str(file), "--config", str(box.config_file)],
                                     stdout=subprocess.DEVNULL)
        part = wait_for(lambda: sum(r.node == node for r in box.export()), "a part")
        importing.send_signal(signal.SIGKILL)
        importing.wait()
        assert 0 < part <= 60_000
        report = json.loads(box.run("import", str(file), "--json").stdout)
        assert report["new"] + report["known"] == 60_000 and report["corrected"] == 0
        assert sum(r.node == node for r in box.export()) == 60_000


def test_beside_live_traffic_nothing_waits_long_and_nothing_is_lost(box, tmp_path):
    file = tmp_path / "big.csv"
    file.write_text(lines(60_000))
    acked = {"seq": 0}

    def heard(message):
        acked["seq"] = max(acked["seq"], json.loads(message.payload)["seq"])

    client = box.client(box.add_node("roof"), subscribe=["alona/roof/ack"], on_message=heard)
    done = threading.Event()
    waits = []

    def talk():
        while not done.is_set() and len(waits) < 500:
            seq = len(waits) + 1
            sent = time.monotonic()
            client.publish("alona/roof/telemetry/t", json.dumps(
                {"v": 1, "sensor": "t", "value": seq, "unit": "C", "ts": 1_700_000_000 + seq, "boot": 7, "seq": seq,
                 "low": 1}), qos=1)
            wait_for(lambda k=seq: acked["seq"] >= k, "the core's ack")
            waits.append(time.monotonic() - sent)

    talking = threading.Thread(target=talk)
    talking.start()
    try:
        report = json.loads(box.run("import", str(file), "--json").stdout)
    finally:
        done.set()
        talking.join()
    assert report["new"] == 60_000 and waits
    rows = box.export()
    assert sum(r.node == "well" for r in rows) == 60_000
    assert [r.value for r in rows if r.node == "roof"] == [float(k + 1) for k in range(len(waits))]
    between = sorted(waits[1:-1]) or waits  # the first and the last may have waited for a commit of their own
    print(f"{len(waits)} messages beside an import, on disk after {between[len(between) // 2]:.3f} s, "
          f"at most {between[-1]:.3f} s")
