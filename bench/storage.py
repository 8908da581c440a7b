#!/usr/bin/python3
"""How many bytes a stored reading takes, once it is sealed, merged or compacted, beside other databases with the same
readings. Whole files count: Alona's less an empty database (its schema, some 50 KiB); of VictoriaMetrics its data, without its index of
names; of InfluxDB the database's shards. Also told: Alona's chunks alone, which is what a large history comes to."""

import argparse
import contextlib
import csv
import datetime
import pathlib
import sqlite3
import subprocess
import tempfile

import proof
import svg
from box import BIN
from others import Alona, installed

ROOM = pathlib.Path(__file__).resolve().parent.parent.parent / "shared/data/room.csv"


def say(text):
    print(text, flush=True)


def room(path):
    """Columns of the recording as series, its lines in UTC."""
    with ROOM.open() as file, path.open("w") as out:
        for row in list(csv.reader(file))[1:]:
            at = datetime.datetime.fromisoformat(row[0]).replace(tzinfo=datetime.timezone.utc)
            for i, value in enumerate(row[1:], 1):
                out.write(f"{i} {int(at.timestamp() * 1000)} {value}\n")


def made(kind, series, each):
    def write(path):
        with path.open("w") as file:
            subprocess.run([BIN / "readings", kind, str(series), str(each)], stdout=file, check=True)

    return write


def chunk_bytes(file):
    with contextlib.closing(sqlite3.connect(file)) as db:
        return db.execute("SELECT sum(length(data)) FROM chunk").fetchone()[0]


def measure(folder, write):
    """Bytes a reading, by database; ours also by chunks alone."""
    readings = folder / "readings"
    write(readings)
    with readings.open() as file:
        count = sum(1 for _ in file)
    found = {"readings": count}
    for kind in installed():
        side = kind(folder / kind.__name__)
        try:
            side.load(readings)
            side.close()
            found[side.name] = side.stored() / count
            if kind is Alona:
                found["chunks"] = chunk_bytes(side.file) / count
        finally:
            side.close()
        say(f"  {side.name}: {found[side.name]:.2f}")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", type=float, default=1, help="of the readings; 0.1 for a quick look")
    parser.add_argument("--folder", type=pathlib.Path, help="where to work; 2 GB are needed")
    parser.add_argument("--no-table", action="store_true", help="leave docs/proof.md as it is")
    options = parser.parse_args()
    many = lambda n: int(n * options.part)
    sets = [
        ("slow decimals: 8 series, a year of minutes", "≤ VictoriaMetrics", made("slow", 8, many(525_600))),
        ("the simulator's nodes: 48 series", "≤ 1.5", made("sim", 48, many(40_000))),
        ("a real room's week and more (room.csv): 6 series", "≤ 1.5", room),
        ("counters: 8 series", "—", made("counter", 8, many(100_000))),
        ("random doubles: 8 series", "≤ 9", made("random", 8, many(50_000))),
    ]
    table, slow = [], None
    for name, aim, write in sets:
        if write is room and not ROOM.exists():
            say(f"{name}: {ROOM} isn't there; without it")
            continue
        say(name)
        with tempfile.TemporaryDirectory(prefix="alona-bench-", dir=options.folder) as folder:
            found = measure(pathlib.Path(folder), write)
        slow = slow or found
        others = "; ".join(f"{other} {value:.2f}" for other, value in found.items()
                           if other not in ("Alona", "chunks", "readings"))
        table.append((f"Bytes stored a reading, {name}, {found['readings']:,} readings", aim,
                      f"{found['Alona']:.2f} ({found['chunks']:.2f} in chunks). {others}"))
    say("")
    for row in table:
        say(" | ".join(row))
    if not options.no_table:
        proof.write("storage", table, "./dev bench storage")
        svg.bars(proof.PATH.parent / "bench-storage.svg", "Bytes stored a reading: 8 slow series, a year of minutes",
                 "bytes, all files; less is better",
                 [(k, v) for k, v in slow.items() if k not in ("chunks", "readings")])


if __name__ == "__main__":
    main()
