"""A recording of a real room goes through a box whose core and broker are killed all the while: every reading arrives,
equal to the last bit, and none twice."""
import csv
import json
import os
import random
import struct
import time
from datetime import datetime, timezone

from box import PROJECT, Box, wait_for

ROWS = 17_895


def recording(folder):
    """The room's, where it lies beside the project; else one of its shape, of random doubles."""
    real = os.environ.get("ALONA_ROOM_CSV", PROJECT.parent / "shared/data/room.csv")
    if os.path.exists(real):
        return real
    made, chance = folder / "made.csv", random.Random(1)
    with open(made, "w") as out:
        out.write("time,temperature_c,humidity_pct,light_lx,co2_ppm,humidity_ratio,occupied\n")
        for row in range(ROWS):
            when = datetime.fromtimestamp(1_423_072_260 + 65 * row, timezone.utc)
            out.write(f"{when:%Y-%m-%d %H:%M:%S}," + ",".join(repr(chance.gauss(20, 300)) for _ in range(6)) + "\n")
    return made


def bits(value):
    return struct.pack(">d", value)


def expected(file):
    rows = list(csv.reader(open(file)))
    assert len(rows) == ROWS + 1
    readings = {}
    for time_text, *values in rows[1:]:
        ts_ms = round(datetime.strptime(time_text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc).timestamp() * 1000)
        for column, value in enumerate(values):
            readings[column, ts_ms] = bits(float(value))
    return readings, rows[0][1:]


def test_a_recording_survives_kills_of_core_and_broker(tmp_path, long_run, seed):
    kills, restarts, speed = (50, 5, 25_000) if long_run else (12, 2, 60_000)
    chance = random.Random(seed)
    file = recording(tmp_path)
    wanted, columns = expected(file)
    with Box() as box:
        room = box.add_node("room")
        began = time.monotonic()
        sim = box.sim("--replay", str(file), "--speed", str(speed), "--ring", "200000", nodes=[room])
        wait_for(lambda: box.counts("room")["stored"] > 0, "the first reading")
        broker_after = set(chance.sample(range(1, kills), restarts))
        for kill in range(kills):
            time.sleep(chance.uniform(0, 0.6))  # a random moment, not a wait for something
            assert sim.running(), f"the recording ended before kill {kill + 1}; {sim.last_words()}"
            box.kill_core()
            if kill in broker_after:
                chance.choice([box.stop_broker, box.kill_broker])()
                box.start_broker()
            box.start_core()
        killed_s = time.monotonic() - began
        assert sim.wait(240) == 0, sim.last_words()
        sums = json.loads(sim.log.read_text().splitlines()[-1])
        counts = box.counts("room")
        got = {}
        for reading in box.export():
            column = next(i for i, name in enumerate(columns) if name.startswith(reading.sensor))
            assert (column, reading.ts_ms) not in got, f"twice: {reading}"
            got[column, reading.ts_ms] = bits(reading.value)
    print(f"{len(got):,} readings, {kills} kills and {restarts} broker restarts in the first {killed_s:.0f} s, "
          f"{counts['repeated']:,} repeats recognised, {sums['resent']:,} resent")
    assert sums["lost"] == 0 and sums["pending"] == 0, sums
    assert len(got) == len(wanted) == ROWS * 6
    assert got == wanted
