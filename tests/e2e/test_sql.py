"""`alona sql`: the table `readings` holds what an export holds, beside a running core, and nothing can be changed."""
import csv
import io
import json
import signal
import subprocess

from box import ALONA, wait_for
from test_import import lines, run_import


def ask(box, query, *words, check=True):
    return box.run("sql", query, *words, check=check)


def test_beside_a_running_core_it_says_what_an_export_says(box):
    client = box.client(box.add_node("roof"))
    run_import(box, lines(20_000))
    box.publish(client, [("alona/roof/telemetry/t", json.dumps({"v": 1, "sensor": "t", "value": 20.5, "unit": '°C"'}))])
    wait_for(lambda: box.counts("roof")["stored"] == 1, "the reading")
    assert ask(box, "SELECT * FROM readings", "--format", "csv").stdout == box.run("export").stdout
    assert [json.loads(line) for line in ask(box, "SELECT * FROM readings", "--json").stdout.splitlines()] == [
        json.loads(line) for line in box.run("export", "--json").stdout.splitlines()]
    days = ask(box, "SELECT date(time) AS day, count(*) AS n FROM readings WHERE node = 'well' AND "
                    "time >= '2023-11-15' GROUP BY day", "--format", "csv").stdout
    export = list(csv.DictReader(io.StringIO(box.run("export", "--node", "well", "--from", "2023-11-15").stdout)))
    assert sum(int(row["n"]) for row in csv.DictReader(io.StringIO(days))) == len(export)
    table = ask(box, "SELECT node, max(value) AS top FROM readings WHERE node = 'roof'").stdout
    assert table == "node   top\nroof  20.5\n"
    assert ask(box, "SELECT name, password_hash FROM user", "--json").stdout.count('"password_hash":null') == 1


def test_statements_from_a_pipe(box):
    done = box.run("sql", "--format", "csv", input="SELECT 1 AS a;\n-- nothing\nSELECT 2\n AS b; SELECT 'x;' AS c")
    assert done.stdout == "a\n1\nb\n2\nc\nx;\n".replace("\n", "\r\n") or done.stdout == "a\n1\nb\n2\nc\nx;\n"
    wrong = box.run("sql", input="SELECT 1;\nSELEC 2;\nSELECT 3;\n", check=False)
    assert wrong.returncode == 2 and "SELEC" in wrong.stderr and "3" not in wrong.stdout


def test_nothing_can_be_changed(box):
    before = box.run("export").stdout
    for query in ("INSERT INTO node VALUES (9,'x','','',0,0,0,0)", "DELETE FROM node", "ATTACH 'x' AS x",
                  "PRAGMA writable_schema=1", "SELECT load_extension('x')", "PRAGMA query_only=0", "VACUUM",
                  "BEGIN IMMEDIATE"):
        done = ask(box, query, check=False)
        assert (done.returncode, done.stdout) == (3, "") and "only reads" in done.stderr, (query, done.stderr)
    assert box.run("export").stdout == before


def test_ctrl_c_and_a_closed_pipe_end_it(box):
    run_import(box, lines(20_000))
    with subprocess.Popen([ALONA, "sql", "--config", str(box.config_file),
                           "SELECT a.time FROM readings a, readings b"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as running:
        assert running.stdout.readline().startswith(b"time")
        running.stdout.close()
        assert running.wait(30) == 0 and running.stderr.read() == b""
    with subprocess.Popen([ALONA, "sql", "--config", str(box.config_file), "SELECT 1; SELECT count(*) FROM "
                           "readings a, readings b, readings c"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout.readline() == b"1\n"
        assert running.stdout.readline() == b"1\n"
        running.send_signal(signal.SIGINT)
        assert running.wait(30) == 1 and b"incomplete" in running.stderr.read()
