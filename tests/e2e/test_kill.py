"""A recording arrives whole, equal to the last bit and once, while the core and the broker are killed under it.

The moments are random numbers of readings stored, plus up to 0.3 s, so that they fall anywhere between reading,
committing and acknowledging, and some into the core's start; at a third of them `alona export` reads beside. Short:
12 kills of the core, 2 restarts of the broker. ALONA_LONG=1: 50 and 5. Each second restart of the broker is a SIGKILL,
after which it knows nothing that came since its last save. The recording is $ALONA_ROOM_CSV, else room.csv in
$ALONA_DATA or ../shared/data; where it is absent, one of the same size is made up.
"""
import csv
import json
import os
import random
import struct
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from box import PROJECT, Box, wait_for

ROWS = 17_895
# As src/sim/replay.cc reads the columns' names.
SENSORS = {"temperature_c": ("temperature", "°C"), "humidity_pct": ("humidity", "%"), "light_lx": ("light", "lx"),
           "co2_ppm": ("co2", "ppm"), "humidity_ratio": ("humidity_ratio", "kg/kg"), "occupied": ("occupied", "1")}


def make_up(file, rng):
    """A recording of shortest doubles, one row a minute."""
    start = datetime(2015, 2, 4, 17, 51)
    with open(file, "w", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["time", *SENSORS])
        for minute in range(ROWS):
            values = [repr(rng.uniform(0, 1000)) for _ in range(len(SENSORS) - 1)]
            rows.writerow([start + timedelta(minutes=minute), *values, rng.randrange(2)])


def recording(folder, rng):
    """The file to play back."""
    told = os.environ.get("ALONA_ROOM_CSV")
    data = os.environ.get("ALONA_DATA") or PROJECT.parent / "shared/data"
    file = Path(told) if told else Path(data) / "room.csv"
    if file.exists():
        return file
    assert not told, f"ALONA_ROOM_CSV: there is no {told}"
    make_up(folder / "room.csv", rng)
    return folder / "room.csv"


def bits(value):
    return struct.pack(">d", value)


def expected(file):
    """Each reading of the file as (sensor, unit, ms, bits); each is there once."""
    with open(file, newline="") as rows:
        keys = []
        for row in csv.DictReader(rows):
            ms = round(datetime.fromisoformat(row["time"]).replace(tzinfo=timezone.utc).timestamp() * 1000)
            keys += [(*SENSORS[name], ms, bits(float(row[name]))) for name in SENSORS]
    assert len(keys) == ROWS * len(SENSORS) and len(set(keys)) == len(keys)
    return keys


@dataclass
class Fault:
    """What breaks, drawn before it begins so that a seed repeats it."""
    at: int  # once so many readings are stored
    what: str  # "core" or "broker"
    delay_s: float  # and so much later
    export: bool  # read while the core is dead
    impatient: bool  # don't wait for a core that is only starting: break it in its start


class Chaos:
    """Breaks the box by a plan, while `sim` runs."""

    def __init__(self, box, sim, rng, kills, restarts, readings):
        self.box, self.sim = box, sim
        whats = ["core"] * kills + ["broker"] * restarts
        rng.shuffle(whats)
        moments = sorted(rng.randrange(readings * 95 // 100) for _ in whats)
        self.plan = []
        for at, what in zip(moments, whats):
            impatient = rng.random() < 0.2
            delay_s = rng.uniform(0, 0.05 if impatient else 0.3)  # a start takes no longer
            self.plan.append(Fault(at, what, delay_s, rng.random() < 1 / 3, impatient))
        self.kills = self.restarts = self.in_start = 0
        self.early = None  # the first fault that came after the recording's end, if any

    def run(self):
        for fault in self.plan:
            self._wait_until(fault)
            time.sleep(fault.delay_s)
            if self.early is None and not self.sim.running():
                self.early = fault
            if fault.what == "core":
                self._break_core(fault)
            else:
                self._break_broker()
        self.box.wait_healthy()

    def _wait_until(self, fault):
        def stored():
            assert self.box.core.running(), self.box.core.last_words()
            overview = self.box.overview()
            if overview is None:
                return fault.impatient
            return overview["readings_stored"] >= fault.at or not self.sim.running()
        wait_for(stored, f"reading {fault.at}", 120)

    def _break_core(self, fault):
        self.in_start += self.box.overview() is None
        self.box.kill_core()
        if fault.export:
            self.box.export()
        self.box.start_core(wait=False)
        self.kills += 1

    def _break_broker(self):
        if self.restarts % 2:
            self.box.kill_broker()
        else:
            self.box.stop_broker()
        self.box.start_broker()
        self.restarts += 1


def test_a_recording_arrives_whole_and_once_through_kills_of_core_and_broker(seed, long_run, tmp_path):
    rng = random.Random(seed)
    kills, restarts = (50, 5) if long_run else (12, 2)
    file = recording(tmp_path, rng)
    wanted = expected(file)
    with Box({"storage": 'commit_interval = "100ms"'}) as box:
        room = box.add_node("room")
        # A small ring, so that few readings are on their way at once and the kills fall all over the recording.
        begun = time.monotonic()
        sim = box.sim("--replay", str(file), "--speed", "0", "--ring", "600", nodes=[room])
        chaos = Chaos(box, sim, rng, kills, restarts, len(wanted))
        chaos.run()
        code = sim.wait(300)
        seconds = time.monotonic() - begun
        sums = json.loads(sim.log.read_text().splitlines()[-1])
        assert code == 0, sums
        assert chaos.early is None, f"the recording had ended before {chaos.early}"
        counts = box.counts("room")
        rows = box.export("csv")
        lines = box.export("ndjson")
        print(f"{len(rows):,} readings of {file.name}; {chaos.kills} kills of the core ({chaos.in_start} in its "
              f"start), {chaos.restarts} restarts of the broker ({chaos.restarts // 2} SIGKILL); {seconds:.1f} s\n"
              f"core: {counts}\nnode: {sums}")
        assert (sums["taken"], sums["acked"], sums["lost"], sums["pending"]) == (len(wanted), len(wanted), 0, 0)

        found = Counter((r.sensor, r.unit, r.ts_ms, bits(r.value)) for r in rows)
        missing = [key for key in wanted if key not in found]
        assert not missing, f"{len(missing)} lost, such as {missing[:3]}"
        assert len(rows) == len(wanted), f"{len(rows) - len(wanted)} twice: {[k for k, n in found.items() if n > 1][:3]}"
        assert all(r.node == "room" and r.quality == "node" for r in rows)
        assert found == Counter((r.sensor, r.unit, r.ts_ms, bits(r.value)) for r in lines), "CSV and NDJSON differ"
        assert counts["stored"] == len(wanted) and counts["lost"] == 0 and counts["rejected"] == 0
