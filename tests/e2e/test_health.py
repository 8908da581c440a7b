"""`alona health`: each fault is found within one round, is named as docs/runbook.md names it, and clears by itself."""
import datetime
import fcntl
import http.server
import json
import os
import re
import signal
import socketserver
import sqlite3
import subprocess
import threading
import time
from pathlib import Path

import pytest
from box import Box, wait_for

RUNBOOK = (Path(__file__).resolve().parents[2] / "docs/runbook.md").read_text()
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")


def failing(box):
    """One round: what fails, by name; each has its paragraph."""
    done = box.run("health", "--json", check=False)
    assert done.returncode in (0, 1), done
    record = json.loads(done.stdout)
    assert (done.returncode == 0) == record["well"]
    assert record == json.loads((box.data / "health/state.json").read_text())
    found = {check["id"].split(":")[0]: check for check in record["checks"] if check["state"] == "failing"}
    for name, check in found.items():
        assert f"\n## {name}\n" in RUNBOOK and check["what"] and check["next"], check
    return found


@pytest.fixture(scope="module")
def well():
    """A box of which nothing is wrong but its clock, which nobody has told the time."""
    with Box() as box:
        box.run("backup", "now")
        box.run("backup", "drill")
        yield box


def others(box):
    return {name: check for name, check in failing(box).items() if name != "clock"}


def test_a_well_box_has_nothing_but_its_clock(well):
    assert set(failing(well)) <= {"clock"}
    said = well.run("health", check=False).stdout
    assert re.search(r"^ok +core$", said, re.M)


def test_since_when_it_fails_is_kept_and_it_clears(well):
    well.stop_core()
    first = others(well)["core"]
    assert others(well)["core"]["since"] == first["since"]
    assert (well.data / "health/last_fail").exists()
    well.start_core()
    well.wait_healthy()
    env = dict(os.environ, JOURNAL_STREAM="8:1")
    said = well.run("health", check=False, env=env)
    assert "core: well again" in said.stderr and "core" not in others(well)


def test_a_dead_core_hides_nothing(well):
    well.stop_core()
    state = next((well.data / "backups").glob("*.state"))
    kept = state.read_text()
    state.write_text("failed 2026-01-01T00:00:00.000Z it is cut off\n")
    found = others(well)
    assert "doesn't run" in found["core"]["what"] and "it is cut off" in found["backup_broken"]["what"]
    state.write_text(re.sub(r"proven \S+\n", "", kept))
    assert "backup_proof" in others(well)
    state.write_text(kept)
    well.start_core()
    well.wait_healthy()
    wait_for(lambda: not others(well), lambda: f"all is well: {others(well)}", 30)


def test_a_hanging_core_is_told_from_a_dead_one(well):
    well.core.signal(signal.SIGSTOP)
    try:
        assert "hangs" in others(well)["core"]["what"]
    finally:
        well.core.signal(signal.SIGCONT)
    assert "core" not in others(well)


def test_a_dead_broker(well):
    well.stop_broker()
    found = others(well)["broker"]
    assert " days" not in found["what"], "away since it went"
    well.start_broker()
    wait_for(lambda: "broker" not in others(well), "the broker", 30)


def test_an_upgrade_that_was_cut_short_and_not_one_that_is_under_way(well):
    journal = well.folder / "data-releases/upgrade"
    journal.parent.mkdir(exist_ok=True)
    assert "upgrade_open" not in others(well)
    journal.write_text("alona-upgrade 1\nfrom 1 /1.deb\nto 2 /2.deb\nend\n")
    assert "--recover" in others(well)["upgrade_open"]["next"]
    with open(well.data / "restore.lock", "a", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "upgrade_open" not in others(well)
    assert "upgrade_open" in others(well)
    journal.unlink()
    assert "upgrade_open" not in others(well)


def test_a_password_that_the_broker_refuses(well):
    file = well.data / "live/checks/canary"
    kept = file.read_text()
    file.write_text("another\n")
    assert "broker_login" in others(well)
    file.write_text(kept)
    assert "broker_login" not in others(well)


def with_rules(box, change):
    """The broker with other rules than Alona's; returns what they were."""
    file = box.data / "live/broker/acl"
    kept = file.read_text()
    changed = change(kept)
    assert changed != kept
    file.write_text(changed)
    box.reload_broker()
    return kept


def back_to(box, rules):
    (box.data / "live/broker/acl").write_text(rules)
    box.reload_broker()
    wait_for(lambda: "canary" not in others(box), "the canary's way to be free again", 60)


def canary(box):
    record = json.loads(box.run("health", "--json", check=False).stdout)
    return next(check for check in record["checks"] if check["id"] == "canary")


def test_a_reading_of_its_own_takes_the_road_of_all(well):
    well.wait_healthy()  # the broker has just been away
    before = well.api("/api/v1/canary")["mark"]
    assert canary(well)["state"] == "ok"
    after = well.api("/api/v1/canary")["mark"]
    assert after and after != before
    well.kill_core()
    well.start_core()
    assert well.api("/api/v1/canary")["mark"] == after, "on the disk"
    for key in ("nodes", "series", "rejects"):
        assert well.api(f"/api/v1/{key}")[key] == []
    assert well.export() == [] and well.overview()["readings_stored"] == 0


def test_a_canary_that_the_rules_forbid_is_found(well):
    kept = with_rules(well, lambda rules: rules.replace("user canary\n", "user canary\ntopic deny alona/canary/#\n"))
    found = others(well)
    assert set(found) == {"canary"} and "live" in found["canary"]["what"]
    back_to(well, kept)


def test_a_core_that_hears_nothing_any_more_is_found(well):
    kept = with_rules(well, lambda rules: rules.replace("topic readwrite alona/#", "topic write alona/#"))
    assert well.overview()["broker_connected"]
    assert set(others(well)) == {"canary"}
    back_to(well, kept)


def test_where_the_core_says_why_nothing_is_sent(well):
    before = well.api("/api/v1/canary")["mark"]
    well.stop_core()
    check = canary(well)
    assert check["state"] == "unknown" and "nothing was sent" in check["what"]
    well.start_core()
    assert well.api("/api/v1/canary")["mark"] == before, "nothing waited for it at the broker"
    assert canary(well)["state"] == "ok"


def test_a_database_that_another_holds_is_told_by_its_own_name(well):
    holder = sqlite3.connect(well.data / "live/db/alona.sqlite3", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        wait_for(lambda: "storing" in others(well), "what keeps it from storing", 90)
        assert canary(well)["state"] == "unknown"
    finally:
        holder.execute("ROLLBACK")
        holder.close()
    wait_for(lambda: not others(well), lambda: f"all is well: {others(well)}", 90)


def test_status_tells_what_the_last_round_found(well):
    failing(well)
    said = well.run("status", check=False).stdout
    assert re.search(r"^checks +\d+ of \d+ well, looked at .* ago$", said, re.M)
    state = next((well.data / "backups").glob("*.state"))
    kept = state.read_text()
    state.write_text("failed 2026-01-01T00:00:00.000Z it is cut off\n")
    since = failing(well)["backup_broken"]["since"]
    text, machine = well.run("status", check=False), well.run("status", "--json", check=False)
    when = datetime.datetime.fromtimestamp(since / 1000, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    assert text.returncode == machine.returncode == 1
    assert re.search(rf"backup_broken: .*it is cut off \(since {when}", text.stdout)
    told = json.loads(machine.stdout)
    assert told["core_answers"] and not told["health"]["old"] and told["findings"] is not None
    assert "backup_broken" in [check["id"] for check in told["health"]["checks"] if check["state"] == "failing"]
    state.write_text(kept)
    failing(well)
    assert "backup_broken" not in well.run("status", check=False).stdout


def test_status_of_a_dead_core_tells_all_of_it(well):
    well.stop_core()
    failing(well)
    text, machine = well.run("status", check=False), well.run("status", "--json", check=False)
    assert text.returncode == machine.returncode == 4
    assert "the core doesn't answer" in text.stderr and "core: the core doesn't run (since " in text.stdout
    told = json.loads(machine.stdout)
    assert not told["core_answers"] and "core" in [c["id"] for c in told["health"]["checks"] if c["state"] == "failing"]
    well.start_core()
    assert "core: the core doesn't run" not in well.run("status", check=False).stdout, "it answers now"


def test_status_says_when_nobody_looks_any_more(well):
    failing(well)
    file = well.data / "health/state.json"
    record = json.loads(file.read_text())
    file.write_text(json.dumps({**record, "at": record["at"] - 19 * 60_000}))
    assert "health_old" not in well.run("status", check=False).stdout
    for minutes, words in ((21, "for 21 min"), (-600, "ahead of the clock")):
        file.write_text(json.dumps({**record, "at": record["at"] - minutes * 60_000}))
        said = well.run("status", check=False)
        assert words in said.stdout and said.returncode == 1 or minutes < 0, said
        assert ("health_old" in said.stdout) == json.loads(well.run("status", "--json", check=False).stdout)["health"]["old"]
    file.write_text("{")
    assert "checks    none yet" in well.run("status", check=False).stdout
    assert json.loads(well.run("status", "--json", check=False).stdout)["health"] is None
    failing(well)


class SaysOnly:
    """In a stopped core's place: something that answers each path with what it is told."""

    def __init__(self, box, answers):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                text = json.dumps(answers[self.path]).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def address_string(self):
                return "the command line"

            def log_message(self, *_):
                pass

        self.path = box.folder / "run/core.sock"
        self.path.unlink(missing_ok=True)
        self.server = socketserver.ThreadingUnixStreamServer(str(self.path), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
        self.path.unlink()


def test_what_is_written_to_the_disk_in_a_day(well):
    well.stop_core()
    gigabyte = 1_000_000_000

    def found(*days):
        wear = [{"day": f"2026-11-{n + 1:02}", "device_bytes": device, "process_bytes": own, "free": 0}
                for n, (device, own) in enumerate(days)]
        answers = {"/api/v1/overview": {"findings": [], "broker_connected": False}, "/api/v1/system": {"wear": wear}}
        with SaysOnly(well, answers):
            record = json.loads(well.run("health", "--json", check=False).stdout)
        return next(check for check in record["checks"] if check["id"] == "written")

    assert found((9 * gigabyte, 1))["state"] == "unknown", "today isn't over"
    assert found((gigabyte, 1), (9 * gigabyte, 1))["state"] == "ok"
    over = found((gigabyte + 1_000_000, 1), (0, 0))
    assert over["state"] == "failing" and "1001 MB a day" in over["what"]
    assert found((None, gigabyte + 1), (0, 0))["state"] == "failing", "where the kernel doesn't tell of the disk"
    assert found((90 * gigabyte, 1), *[(1, 1)] * 7, (0, 0))["state"] == "ok", "the last seven days"
    well.start_core()


@needs_root
def test_a_disk_without_room_for_more_files(tmp_path):
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200m,nr_inodes=400", "alona-test", str(tmp_path)],
                          capture_output=True)
    if done.returncode != 0:
        pytest.skip(f"mount: {done.stderr}")
    try:
        with Box(data_dir=tmp_path) as box:
            assert "inodes" not in failing(box)
            for n in range(max(0, os.statvfs(tmp_path).f_favail - 10)):  # a health round itself needs a few
                (tmp_path / f"small-{n}").touch()
            found = failing(box)["inodes"]
            assert "more files only" in found["what"]
            for small in tmp_path.glob("small-*"):
                small.unlink()
            assert "inodes" not in failing(box)
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


@needs_root
def test_a_disk_that_nothing_can_be_written_to(well):
    health = well.data / "health"
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "alona-test", str(health)], capture_output=True)
    if done.returncode != 0:
        pytest.skip(f"mount: {done.stderr}")
    try:
        said = well.run("health", check=False)
        assert said.returncode == 1 and "writable" in said.stdout and "state.json" in said.stderr
    finally:
        subprocess.run(["umount", str(health)], check=True)
    assert "writable" not in others(well)


def test_a_record_that_is_no_record_counts_as_none(well):
    for text in ("", "{", "[]", '{"checks":[{"id":1}]}', '{"checks":[{"id":"x","state":"failing","since":"?"}]}'):
        (well.data / "health/state.json").write_text(text)
        failing(well)


def test_the_page_tells_the_last_round(well):
    record = json.loads(well.run("health", "--json", check=False).stdout)
    told = well.api("/api/v1/system")
    assert told["health"]["checks"] == [
        {key: check[key] for key in ("id", "state", "what", "next", "since")} for check in record["checks"]]
    assert abs(told["health"]["at"] - record["at"]) < 1000 and told["now"] - told["health"]["at"] < 60_000
    assert told["clock"]["source"] in ("floor", "chip", "ntp") and told["clock"]["timezone"]
    assert all(re.match(r"\d+\.\d+", library["version"]) for library in told["libraries"])
    (well.data / "health/state.json").write_text("{")
    assert well.api("/api/v1/system")["health"] is None


def test_what_the_core_knows_of_its_nodes_and_its_clock():
    with Box() as box:
        box.run("backup", "now")
        box.run("backup", "drill")
        login = box.add_node("well")
        client = box.client(login)
        for value in range(6):
            reading = json.dumps({"v": 1, "sensor": "t", "value": value, "unit": "C"})
            box.publish(client, [("alona/well/telemetry/t", reading)])
            time.sleep(1)
        before = set(failing(box))
        assert not before & {"rejects", "silent"}
        box.publish(client, [("alona/well/telemetry/t", "no JSON")])
        wait_for(lambda: "rejects" in failing(box), "the refused message", 20)
        # By now it is silent for longer than three of its intervals, and the bound of ten seconds.
        wait_for(lambda: "silent" in failing(box), "the silent node", 60)
        box.publish(client, [("alona/well/telemetry/t", json.dumps({"v": 1, "sensor": "t", "value": 7, "unit": "C"}))])
        wait_for(lambda: "silent" not in failing(box), "the node that is back", 20)
        if "clock" not in before:
            return  # this machine's clock is synchronised, and nobody may set it
        tomorrow = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
        box.run("clock", tomorrow.strftime("%Y-%m-%dT%H:%M:%SZ"))
        wait_for(lambda: not {"clock", "rejects"} & set(failing(box)), "a clock that is right, and a new day", 20)
