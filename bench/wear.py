#!/usr/bin/python3
"""What a box of ten years and 200 series, each once a minute, writes to its disk in a week, backups and drill included.
The intake's part is measured at that pace for some minutes; the week's readings then come in as fast as they are taken,
with a backup behind each day's and a drill at the end, whose writes are counted each."""

import argparse
import json
import pathlib
import statistics
import time

import proof
from backup import database_of, put_database, run, sizes
from box import BIN, SEALED_ABOVE, in_log, wait_for, workplace
from history import make
from ingest import preloaded, say, subscribe_core

SEALING_BYTES = 42  # a reading: ./dev bench sealing
PREFILL = 160_000


class House:
    def __init__(self, disk, file, series):
        self.series = series
        self.box = preloaded(disk, "house", 1000, series, subscribe_core, queue=400_000)
        put_database(self.box, file)
        self.core = self.start()
        self.come_in(PREFILL)
        with self.box.watch() as connection:
            wait_for("sealing", lambda: in_log(connection) <= SEALED_ABOVE, every=0.2)

    def start(self):
        core = self.box.core()
        self.box.connected(core)
        time.sleep(1)  # a broker drops what comes before the first subscription
        return core

    def stored(self):
        return json.loads(self.box.get("/api/v1/overview"))["readings_stored"]

    def come_in(self, readings, rate=0):
        until = self.stored() + readings
        self.box.publish(readings, self.series, rate)
        wait_for("the readings", lambda: self.stored() >= until, every=0.2)

    def written_a_day(self, minutes):
        """By the intake, at the house's pace; a stop and its last checkpoint included."""
        self.core.stop()
        self.core = self.start()
        before, begin = self.core.write_bytes(), time.monotonic()
        rate = self.series / 60
        self.come_in(int(minutes * 60 * rate), rate)
        written, took = self.core.stop() - before, time.monotonic() - begin
        self.core = self.start()
        return written * 86_400 / took + SEALING_BYTES * 1440 * self.series


def alona(box, *command):
    return BIN / "alona", "--config", box.config, *command


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--years", type=float, default=10)
    parser.add_argument("--series", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=20, help="of intake at the house's pace")
    parser.add_argument("--folder", type=pathlib.Path, help="where to work; 8 GB are needed")
    parser.add_argument("--database", type=pathlib.Path, help="one that ten_years made before; its output beside it, .json")
    parser.add_argument("--no-table", action="store_true", help="leave docs/proof.md as it is")
    options = parser.parse_args()
    with workplace(options.folder, "6G") as disk:
        file = options.database or make(disk.path.parent, options)
        house = House(disk, file, options.series)
        try:
            log = disk.path / "log"
            intake = house.written_a_day(options.minutes)
            say(f"  intake {intake / 1e6:.0f} MB a day")
            sets = []
            for day in range(8):
                house.come_in(1440 * options.series)
                with house.box.watch() as connection:
                    wait_for("sealing", lambda: in_log(connection) <= SEALED_ABOVE, every=0.2)
                known = set(sizes(house.box))
                sets.append(run(alona(house.box, "backup", "now"), log))
                sets[-1]["size"] = (set(sizes(house.box)) - known or {0}).pop()
                say(f"  day {day}: {sets[-1]}")
            drill = run(alona(house.box, "backup", "drill"), log)
            say(f"  drill: {drill}")
            database = database_of(house.box).stat().st_size
        finally:
            house.box.close()
    whole, changes, again = sets[0], sets[1:7], sets[7]
    week = 7 * intake + whole["written"] + sum(s["written"] for s in changes) + drill["written"]
    largest = max(s["size"] for s in changes)
    table = [
        (f"Written a day, {database / 1e9:.2f} GB of history, {options.series} series each once a minute; a week's mean, with "
         "a whole backup, six of changes and a drill", "≤ 1 GB", f"{week / 7e9:.2f} GB"),
        ("… on the day of the whole backup; on that of the drill; on the others", "—",
         f"{(intake + whole['written']) / 1e9:.2f}; {(intake + drill['written']) / 1e9:.2f}; {intake / 1e9:.2f} GB"),
        ("… by the whole backup; by those of changes, first to last", "—",
         f"{whole['written'] / 1e9:.2f} GB; " + ", ".join(f"{s['written'] / 1e6:.1f}" for s in changes) + " MB"),
        ("… by the drill", "—", f"{drill['written'] / 1e9:.2f} GB"),
        ("A backup of changes against a whole one: time; memory; size of the largest", "memory ≤ 60 MiB",
         f"{statistics.median(s['seconds'] for s in changes) / again['seconds']:.2f} × ({again['seconds']:.1f} s); "
         f"{max(s['kib'] for s in changes) / 1024:.0f} MiB; {largest / 1e6:.1f} MB"),
        ("The eighth set", "whole again", f"{again['written'] / 1e9:.2f} GB"),
    ]
    for row in table:
        say(" | ".join(row))
    if not options.no_table:
        proof.write("wear", table, "./dev bench wear")


if __name__ == "__main__":
    main()
