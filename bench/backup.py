#!/usr/bin/python3
"""What a backup of a large database costs: its time beside what a careful person would type (sqlite3 .backup,
integrity_check, zstd, sha256sum of both), in turns; what it writes, its memory; and how the intake fares beside it. The
database is that of `./dev bench history`: ten years of 200 series."""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import sqlite3
import statistics
import subprocess
import time

import proof
from box import BIN, workplace
from history import make
from ingest import preloaded, say, subscribe_core, take_in

FLOOD = 300_000  # two seconds of it
BY_HAND = """set -e
sqlite3 "$1" ".backup '$2/copy'"
sqlite3 "$2/copy" 'PRAGMA integrity_check' | grep -qx ok
zstd -q -3 "$2/copy" -o "$2/copy.zst"
sha256sum "$2/copy" > "$2/sum"
zstd -dcq "$2/copy.zst" | sha256sum --status -c <(sed 's/ .*/  -/' "$2/sum")
sync "$2/copy.zst"
rm "$2"/*
"""


def database_of(box):
    return box.folder / "data/live/db/alona.sqlite3"


def put_database(box, file):
    for old in database_of(box).parent.glob("alona.sqlite3*"):
        old.unlink()
    shutil.copyfile(file, database_of(box))
    subprocess.run(("sync", database_of(box)), check=True)  # else its writing home falls into what is measured


def schema_of(file):
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        return connection.execute("PRAGMA user_version").fetchone()


def run(command, log):
    """Seconds, processor seconds, KiB at most, bytes written."""
    begin = time.monotonic()
    with log.open("ab") as out:
        child = subprocess.Popen([str(part) for part in command], stdout=out, stderr=out)
        _, status, used = os.wait4(child.pid, 0)
    if status != 0:
        raise RuntimeError(f"{command[0]}: {status}\n{log.read_text()[-2000:]}")
    return {"seconds": time.monotonic() - begin, "cpu": used.ru_utime + used.ru_stime, "kib": used.ru_maxrss,
            "written": used.ru_oublock * 512}


def backup(box):
    return BIN / "alona", "--config", box.config, "backup", "now"


def sizes(box):
    folder = box.folder / "data/backups"
    return [f.stat().st_size for f in folder.glob("*.zst")]


def clear(box):
    for old in (box.folder / "data/backups").glob("alona-*"):
        old.unlink()


def flood(disk, name, file, beside):
    """Messages a second; with `beside` a backup runs from before the first to behind the last."""
    box = preloaded(disk, name, FLOOD, 200, subscribe_core)
    try:
        put_database(box, file)
        running = subprocess.Popen([str(p) for p in backup(box)], stdout=subprocess.DEVNULL) if beside else None
        result = take_in(disk, box, FLOOD)
        if running and running.poll() is not None:
            raise RuntimeError("the backup was quicker than the flood")
        if running and running.wait() != 0:
            raise RuntimeError("the backup failed")
    finally:
        box.close()
        shutil.rmtree(box.folder)
    speed = result["messages"] / result["seconds"]
    say(f"  {name}: {speed:,.0f} messages/s")
    return speed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--years", type=float, default=10)
    parser.add_argument("--series", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=pathlib.Path, help="where to work; 8 GB are needed")
    parser.add_argument("--database", type=pathlib.Path, help="one that ten_years made before; its output beside it, .json")
    parser.add_argument("--no-table", action="store_true", help="leave docs/proof.md as it is")
    options = parser.parse_args()
    ours, theirs, quiet, beside = [], [], [], []
    with workplace(options.folder, "6G") as disk:
        file = options.database or make(disk.path.parent, options)
        facts = json.loads(file.with_suffix(".json").read_text())
        box = preloaded(disk, "alone", 1000, 200, subscribe_core)
        box.close()
        if schema_of(file) != schema_of(database_of(box)):
            raise RuntimeError(f"{file} is of another version: its upgrade would be measured; make it anew")
        put_database(box, file)
        by_hand = disk.path / "by-hand"
        by_hand.mkdir()
        log = disk.path / "log"
        for i in range(options.rounds):
            theirs.append(run(("bash", "-c", BY_HAND, "by-hand", database_of(box), by_hand), log))
            ours.append(run(backup(box), log))
            [size] = sizes(box)
            say(f"  by hand {theirs[-1]['seconds']:.1f} s, ours {ours[-1]['seconds']:.1f} s")
            if i + 1 < options.rounds:
                clear(box)
        drill = run((BIN / "alona", "--config", box.config, "backup", "drill"), log)
        shutil.rmtree(box.folder)
        for i in range(options.rounds):
            quiet.append(flood(disk, f"quiet-{i}", file, False))
            beside.append(flood(disk, f"beside-{i}", file, True))
    middle = lambda runs, key: statistics.median(r[key] for r in runs)
    database = facts["file_bytes"]
    each = f"{facts['sealed'] / 1e9:.2f} billion readings, {database / 1e9:.2f} GB"
    mine, hand = middle(ours, "seconds"), middle(theirs, "seconds")
    table = [
        (f"A backup of {each}: made, checked, packed, read back; against the same by hand with sqlite3, zstd, sha256sum",
         "≤ 1.1 ×", f"{mine / hand:.2f} × ({mine:.1f} against {hand:.1f} s; processor {middle(ours, 'cpu'):.1f} against "
         f"{middle(theirs, 'cpu'):.1f} s)"),
        ("… its memory", "≤ 60 MiB", f"{max(r['kib'] for r in ours) / 1024:.0f} MiB"),
        ("… what it writes", "—", f"{middle(ours, 'written') / 1e9:.2f} GB, a set of {size / 1e9:.2f} GB; by hand "
         f"{middle(theirs, 'written') / 1e9:.2f} GB"),
        ("… the drill: unpacked, counted, every series read from end to end", "—",
         f"{drill['seconds']:.0f} s, {drill['kib'] / 1024:.0f} MiB"),
        (f"Intake beside a backup, against none ({FLOOD:,} messages, {options.rounds} times each)", "≥ 0.8 ×",
         f"{statistics.median(beside) / statistics.median(quiet):.2f} × ({statistics.median(beside):,.0f} against "
         f"{statistics.median(quiet):,.0f} messages/s)"),
    ]
    for row in table:
        say(" | ".join(row))
    if not options.no_table:
        proof.write("backup", table, "./dev bench backup")


if __name__ == "__main__":
    main()
