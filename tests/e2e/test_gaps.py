"""A hole in a chart says why it is there: each cause with a real broker and a real core, in the API's answer."""
import json
import sqlite3
import subprocess
import threading
import time

import pytest

from box import ALONA, Process, wait_for

EVERY_S = 0.2  # between two readings, so that a hole of two seconds is one
HOLE_S = 4.0


class Speaker:
    """A node that speaks each EVERY_S, at QoS 0 without memory: what nobody takes is gone. boot=None: it doesn't
    number its messages."""

    def __init__(self, box, login, boot=None):
        self.box, self.login, self.boot, self.seq = box, login, boot, 0
        self.silent = False
        self._ended = threading.Event()
        self.client = box.client(login)
        self._thread = threading.Thread(target=self._speak, daemon=True)
        self._thread.start()

    def say(self):
        reading = {"v": 1, "sensor": "t", "value": 20.5, "unit": "C"}
        if self.boot is not None:
            self.seq += 1
            reading |= {"boot": self.boot, "seq": self.seq, "low": self.seq}
        if self.client.is_connected():
            self.client.publish(f"alona/{self.login.user}/telemetry/t", json.dumps(reading), qos=0)

    def _speak(self):
        while not self._ended.wait(EVERY_S):
            if not self.silent:
                self.say()

    def end(self):
        self._ended.set()
        self._thread.join()


@pytest.fixture
def speakers():
    made = []
    yield made
    for one in made:
        one.end()


def now_ms():
    return time.time() * 1000


def gaps(box, node="roof"):
    detail = box.api(f"/api/v1/nodes/{node}")
    if not detail or not detail["series"]:
        return []
    series = detail["series"][0]["id"]
    until = int(now_ms())
    history = box.api(f"/api/v1/series/{series}/history?from={until - 600_000}&to={until}&points=5000")
    return history["gaps"] if history else []


def readings(box, node="roof"):
    return box.counts(node)["stored"]


def speak_for_a_while(box, node="roof", more=15):
    before = readings(box, node)
    wait_for(lambda: readings(box, node) >= before + more, "readings")


def the_gap(box, cause, begun, ended, node="roof", slack_ms=3_000):
    """Waits until the node's gap of that cause is told, and holds its times to those of what was done to it."""
    found = wait_for(lambda: [g for g in gaps(box, node) if g["cause"] == cause], lambda: f"{cause}, are {gaps(box, node)}")
    assert len(found) == 1, found
    assert abs(found[0]["from"] - begun) < slack_ms, (found, begun)
    assert abs(found[0]["to"] - ended) < slack_ms, (found, ended)
    assert [g["cause"] for g in gaps(box, node)] == [cause]


def hole():
    """How long things stay broken: the time itself is what is tested here."""
    time.sleep(HOLE_S)


def test_a_killed_core_and_a_stopped_one(box, speakers):
    speakers.append(Speaker(box, box.add_node("roof")))
    speak_for_a_while(box)
    begun = now_ms()
    box.kill_core()
    hole()
    box.start_core()
    ended = now_ms()
    speak_for_a_while(box)
    the_gap(box, "core", begun, ended)
    box.stop_core()
    hole()
    box.start_core()
    speak_for_a_while(box)
    wait_for(lambda: [g["cause"] for g in gaps(box)] == ["core", "core"], lambda: f"two, are {gaps(box)}")
    with sqlite3.connect(f"file:{box.data}/live/db/alona.sqlite3?mode=ro", uri=True) as shell:
        events = shell.execute("SELECT kind, clean, cause FROM power_event ORDER BY id").fetchall()
    shell.close()
    assert events == [(0, 0, ""), (0, 0, "core"), (1, 1, ""), (0, 1, "core")]
    day = box.api("/api/v1/nodes/roof")["days"][-1]
    assert day["gaps"][0]["cause"] == "core" and day["missing"] > 0


def test_another_boot_without_a_stop_is_a_power_cut(box, speakers):
    other = box.folder / "boot_id"
    other.write_text("00000000-0000-4000-8000-000000000000\n")
    as_after_a_boot = f"mount --bind {other} /proc/sys/kernel/random/boot_id && exec \"$@\""
    in_another_boot = ["unshare", "--mount", "sh", "-c", as_after_a_boot, "sh"]
    if subprocess.run([*in_another_boot, "true"], capture_output=True).returncode != 0:
        pytest.skip("only root may play another boot")
    speakers.append(Speaker(box, box.add_node("roof")))
    speak_for_a_while(box)
    begun = now_ms()
    box.kill_core()
    hole()
    box.core = Process([*in_another_boot, ALONA, "core", "--config", str(box.config_file)], box.folder / "core.log")
    box.wait_healthy()
    ended = now_ms()
    speak_for_a_while(box)
    the_gap(box, "power", begun, ended)


def test_the_system_tells_how_each_run_ended(box):
    """Stopped in order, killed in the same boot, and gone with its boot; the last sign of each is its end."""
    def starts():
        return box.api("/api/v1/system")["starts"]

    assert [start["before"] for start in starts()] == ["none"] and starts()[0]["last"] is None
    trusted = box.overview()["clock_trusted"]
    box.stop_core()
    ended = now_ms()
    box.start_core()
    client = box.client(box.add_node("roof"))
    box.publish(client, [("alona/roof/telemetry/t", '{"v":1,"sensor":"t","value":1,"unit":"C"}')])
    wait_for(lambda: box.counts("roof")["stored"] == 1, "the reading")
    kept = now_ms()
    box.kill_core()
    box.start_core()
    other = box.folder / "boot_id"
    other.write_text("00000000-0000-4000-8000-000000000000\n")
    in_another_boot = ["unshare", "--mount", "sh", "-c",
                       f"mount --bind {other} /proc/sys/kernel/random/boot_id && exec \"$@\"", "sh"]
    as_root = subprocess.run([*in_another_boot, "true"], capture_output=True).returncode == 0
    if as_root:
        box.kill_core()
        box.core = Process([*in_another_boot, ALONA, "core", "--config", str(box.config_file)], box.folder / "core.log")
        box.wait_healthy()
    told = starts()
    wanted = (["power"] if as_root else []) + ["crash", "stopped", "none"]
    assert [start["before"] for start in told] == wanted, told
    stopped, crash = told[-2], told[-3]
    assert abs(stopped["last"] - ended) < 5000 and stopped["last"] <= stopped["at"]
    assert abs(crash["last"] - kept) < 5000
    for start in told:
        assert start["at_known"] == trusted
        known = start["before"] != "none" and trusted
        assert start["dark_ms"] == (start["at"] - start["last"] if known else None), start


def test_a_stopped_broker(box, speakers):
    speakers.append(Speaker(box, box.add_node("roof")))
    speak_for_a_while(box)
    begun = now_ms()
    box.stop_broker()
    hole()
    box.start_broker()
    box.wait_healthy()
    ended = now_ms()
    speak_for_a_while(box)
    the_gap(box, "broker", begun, ended)


def test_a_node_that_is_killed_and_starts_again(box):
    roof = box.add_node("roof")

    def sim():
        return box.sim("--rate", "5", "--single", "--kind", "environment", nodes=[roof])

    node = sim()
    speak_for_a_while(box)
    begun = now_ms()
    node.end(9)
    wait_for(lambda: box.api("/api/v1/nodes/roof")["presence"] == "offline", "its last will")
    hole()
    wait_for(lambda: [g["cause"] for g in gaps(box)] == ["node_off"], lambda: f"the gap that lasts, are {gaps(box)}")
    node = sim()
    speak_for_a_while(box)
    ended = now_ms()
    the_gap(box, "node_off", begun, ended, slack_ms=8_000)
    assert box.api("/api/v1/nodes/roof")["numbered"]
    node.end(9)


def test_a_node_that_restarts_before_anybody_notices(box, speakers):
    node = Speaker(box, box.add_node("roof"), boot=7)
    speakers.append(node)
    speak_for_a_while(box)
    begun = now_ms()
    node.silent = True
    hole()
    node.boot, node.seq = 8, 0
    node.silent = False
    ended = now_ms()
    speak_for_a_while(box)
    the_gap(box, "node_restart", begun, ended)


def test_a_node_out_of_reach_that_ran_on(box, speakers):
    node = Speaker(box, box.add_node("roof"), boot=7)
    speakers.append(node)
    speak_for_a_while(box)
    node.silent = True
    begun = now_ms()
    node.client.publish("alona/roof/status", '{"v":1,"state":"offline"}', qos=1, retain=True)
    wait_for(lambda: box.api("/api/v1/nodes/roof")["presence"] == "offline", "offline")
    hole()
    node.client.publish("alona/roof/status", '{"v":1,"state":"online"}', qos=1, retain=True)
    node.silent = False
    ended = now_ms()
    speak_for_a_while(box)
    the_gap(box, "network", begun, ended)


def test_refused_readings_are_named(box, speakers):
    node = Speaker(box, box.add_node("roof"))
    speakers.append(node)
    speak_for_a_while(box)
    begun = now_ms()
    node.silent = True
    for _ in range(int(HOLE_S / EVERY_S)):
        node.client.publish("alona/roof/telemetry/t", '{"v":1,"sensor":"t","value":nan,"unit":"C"}', qos=0)
        time.sleep(EVERY_S)
    node.silent = False
    ended = now_ms()
    speak_for_a_while(box)
    the_gap(box, "rejected", begun, ended)


def test_a_silence_for_no_known_reason_and_one_that_was_announced(box, speakers):
    quiet = Speaker(box, box.add_node("roof"))
    asleep = Speaker(box, box.add_node("well"))
    speakers += [quiet, asleep]
    speak_for_a_while(box)
    speak_for_a_while(box, "well")
    begun = now_ms()
    asleep.client.publish("alona/well/status", '{"v":1,"state":"offline","sleep":4}', qos=1, retain=True)
    quiet.silent = asleep.silent = True
    hole()
    assert box.api("/api/v1/nodes/well")["presence"] == "online"
    quiet.silent = asleep.silent = False
    ended = now_ms()
    speak_for_a_while(box)
    speak_for_a_while(box, "well")
    the_gap(box, "unknown", begun, ended)
    assert gaps(box, "well") == []


def test_a_damaged_piece_of_sealed_history(box):
    client = box.client(box.add_node("roof"))
    begun, per_batch = 1_700_000_000, 250
    count = 110_000 // per_batch * per_batch  # more than the log of commits keeps
    batches = [[{"sensor": "t", "value": i % 400 / 10, "unit": "C", "ts": begun + i} for i in range(first, first + per_batch)]
               for first in range(0, count, per_batch)]
    box.publish(client, [("alona/roof/telemetry", json.dumps({"v": 1, "readings": b})) for b in batches], 120)
    wait_for(lambda: box.counts("roof")["stored"] == count, "all readings", 60)
    db = box.data / "live/db/alona.sqlite3"

    def a_chunk():
        with sqlite3.connect(f"file:{db}?mode=ro", uri=True) as shell:
            rows = shell.execute("SELECT start, end, data FROM chunk ORDER BY start LIMIT 1 OFFSET 2").fetchall()
        shell.close()
        return rows[0] if rows else None

    wait_for(a_chunk, "sealed history", 60)
    box.stop_core()
    start, end, data = a_chunk()
    file = bytearray(db.read_bytes())
    at = file.find(data[40:60])
    assert at > 0
    file[at + 5] ^= 1
    page = at // 512 * 512
    file[page + 504:page + 512] = bytes(8)  # without its page's seal, or the whole page would count as damaged
    db.write_bytes(file)
    box.start_core()
    series = box.api("/api/v1/nodes/roof")["series"][0]["id"]
    told = box.api(f"/api/v1/series/{series}/history?from={begun * 1000}&to={(begun + count) * 1000}&points=1000")
    assert told["gaps"] == [{"from": start, "to": end, "cause": "damaged"}]
    assert sum(told["n"]) == count - (end - start) // 1000 - 1
