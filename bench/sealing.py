#!/usr/bin/python3
"""What sealing takes from the intake. First whole cores: the same flood into a store whose log is small, so that nothing
is sealed, and into one whose log is over its limit, so that a sealing pass runs all the while; in turns. Then the store
alone: commits and slices as the core makes them, each slice timed, for a commit may wait for one."""

import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile

import proof
from box import BIN, SEALED_ABOVE, Stored, in_log, wait_for, workplace
from ingest import preloaded, say, subscribe_core, take_in

FLOOD = 95_000  # less than the log may hold before it is sealed
FILL = SEALED_ABOVE + 60_000


def with_full_log(box):
    """Takes in more than the log may hold, and stops before much of it is sealed."""
    subscribe_core(box)
    box.publish(FILL, 200, ago=3600)  # before the flood's times, which would else be late readings
    with box.watch() as connection:
        stored = Stored(connection)
        core = box.core()
        wait_for("the log to fill", lambda: stored() >= FILL)
        core.stop()
        if in_log(connection) <= SEALED_ABOVE:
            raise RuntimeError("sealing was quicker than the flood")


def flood(disk, name, subscribe):
    box = preloaded(disk, name, FLOOD, 200, subscribe, queue=FILL + 1000)
    try:
        result = take_in(disk, box, FLOOD)
        with box.watch() as connection:
            sealed = connection.execute("SELECT coalesce(sum(count), 0) FROM chunk").fetchone()[0]
    finally:
        box.close()
    speed = result["messages"] / result["seconds"]
    say(f"  {name}: {speed:,.0f} messages/s, {sealed:,} readings sealed")
    return speed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=pathlib.Path, help="where to work")
    parser.add_argument("--no-table", action="store_true", help="leave docs/proof.md as it is")
    options = parser.parse_args()
    quiet, sealing = [], []
    with workplace(options.folder) as disk:
        for i in range(options.rounds):
            quiet.append(flood(disk, f"quiet-{i}", subscribe_core))
            sealing.append(flood(disk, f"sealing-{i}", with_full_log))
    with tempfile.TemporaryDirectory(prefix="alona-bench-", dir=options.folder) as folder:
        command = [BIN / "seal_slices", folder, str(options.rounds)]
        store = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout)
    slices = sorted(store["slices_ms"])
    at = lambda share: slices[int(share * (len(slices) - 1))]
    base, with_sealing = statistics.median(quiet), statistics.median(sealing)
    table = [
        (f"Intake while sealing goes on, against none ({FLOOD:,} messages, {options.rounds} times each)", "≥ 0.9 ×",
         f"{with_sealing / base:.2f} × ({with_sealing:,.0f} against {base:,.0f} messages/s)"),
        ("What a commit may wait for a slice of sealing: the longest of "
         f"{len(slices):,}, in a flood of 200 series (median, 99 %)", "≤ 50 ms",
         f"{at(1):.0f} ms ({at(0.5):.0f} ms, {at(0.99):.0f} ms)"),
    ]
    for row in table:
        say(" | ".join(row))
    if not options.no_table:
        proof.write("sealing", table, "./dev bench sealing")


if __name__ == "__main__":
    main()
