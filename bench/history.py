#!/usr/bin/python3
"""How quickly long history answers: on a database of ten years of 200 series at a reading a minute, made for it, and a
series' year to hourly min, mean and max beside other databases that hold the same year, in turns in one run.

The others are asked as a program would: VictoriaMetrics and InfluxDB over HTTP on loopback, until the last byte of
their JSON; the SQLite tables by their library. The core's answers to a browser are taken over HTTP as well; beside the
others its store is asked, a new Reader each time. The kernel may hold the files in memory, the programs' own caches are
empty (VictoriaMetrics: nocache)."""

import argparse
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time
import urllib.error

import proof
import svg
from box import BIN, Box, wait_for
from others import Alona, installed

YEAR = 365 * 86_400_000
SERIES = 8  # in the others
CLOCKS = ("whole seconds", "steady", "received")


def say(text):
    print(text, flush=True)


def quantile(times, share):
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def ms(times):
    return f"{1000 * statistics.median(times):.1f} ms, p95 {1000 * quantile(times, 0.95):.1f} ms"


def timed(work):
    begin = time.monotonic()
    work()
    return time.monotonic() - begin


def forget(file):
    """The kernel's copies in memory: the next look reads the disk."""
    fd = os.open(file, os.O_RDONLY)
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)


def healthy(box):
    """The page's door opens before the store has been looked at; until then its answer is 503."""
    try:
        return box.get("/health")
    except urllib.error.HTTPError:
        return None


def make(folder, options):
    file = folder / "ten.sqlite3"
    say(f"making {options.years:g} years of {options.series} series")
    made = subprocess.run(
        [BIN / "ten_years", file, "--years", str(options.years), "--series", str(options.series)],
        stdout=subprocess.PIPE, check=True, text=True).stdout
    file.with_suffix(".json").write_text(made)
    return file


def of_core(folder, file, facts, options):
    """Opening, charts through the page's door, memory."""
    box = Box(folder / "box", 1000)
    found = {}
    try:
        mine = folder / "box/data/live/db/alona.sqlite3"
        for old in mine.parent.glob("alona.sqlite3*"):
            old.unlink()
        os.link(file, mine)
        starts = []
        for cold in (True, False, False):
            if cold:
                forget(file)
            begin = time.monotonic()
            core = box.core()
            wait_for("a good health", lambda: healthy(box), every=0.005)
            box.get("/")
            starts.append((time.monotonic() - begin, timed(lambda: box.get("/api/v1/overview"))))
            if len(starts) < 3:
                core.stop()
        found["start"], found["overview"] = [s for s, _ in starts], [o for _, o in starts]
        end = facts["end"]
        for name, span, asked in (("day", 86_400_000, 40), ("year", YEAR, 40), ("all", end - facts["start"], 10)):
            found[name] = []
            for i in range(asked):
                path = f"/api/v1/series/{i * 7 % options.series + 1}/history?from={end - span}&to={end}&points=1000"
                found[name].append(timed(lambda p=path: box.get(p)))
            say(f"  {name}: {ms(found[name])}")
        found["rss"] = core.kib("VmHWM") / 1024
        core.stop()
    finally:
        box.close()
    return found


def beside(folder, options):
    """A year of 8 series in every database; seconds of each question, and its processor time on average."""
    readings = folder / "readings"
    each = 525_600 if options.short is None else options.short
    say(f"{SERIES} series of {each:,} readings, for all")
    with readings.open("w") as file:
        subprocess.run([BIN / "readings", "slow", str(SERIES), str(each)], stdout=file, check=True)
    with readings.open() as file:
        start = int(file.readline().split()[1])
    end = start + each * 60_000
    sides, times = [], {}
    with contextlib.ExitStack() as ending:
        for kind in installed():
            side = kind(folder / kind.__name__)
            ending.callback(side.close)
            say(f"  {side.name}: loaded in {timed(lambda s=side: s.load(readings)):.0f} s, {side.stored():,} bytes")
            sides.append(side)
        readings.unlink()
        cpu = {}
        for i in range(options.rounds + 1):
            for side in sides:
                begin, used = time.monotonic(), side.cpu_seconds()
                count = side.hourly(i % SERIES + 1, start, end)
                took = time.monotonic() - begin
                hours = count()
                if hours != (end - start) // 3_600_000:
                    raise RuntimeError(f"{side.name}: {hours} hours")
                if i > 0:  # the first brings the files into memory
                    times.setdefault(side.name, []).append(took)
                    cpu[side.name] = cpu.get(side.name, 0) + side.cpu_seconds() - used
    return times, {name: used / options.rounds for name, used in cpu.items()}


def of_ten_years(folder, file, facts, options):
    """The newest year by hours from the large database, what lies in the log included."""
    side = Alona(folder / "ten")
    side.file = file
    times, cpu, peak = [], [], 0
    hour = 3_600_000
    end = facts["end"] // hour * hour
    try:
        for i in range(options.rounds + 1):
            answer = side.ask(i * 7 % options.series + 1, end - YEAR, end, YEAR // hour + 2)
            if i > 0:
                times.append(answer["us"] / 1e6)
                cpu.append(answer["cpu_us"] / 1e6)
            peak = max(peak, answer["peak_kib"])
    finally:
        side.close()
    return times, statistics.mean(cpu), peak / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--years", type=float, default=10)
    parser.add_argument("--series", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--folder", type=pathlib.Path, help="where to work; 4 GB are needed")
    parser.add_argument("--database", type=pathlib.Path, help="one that ten_years made before; its output beside it, .json")
    parser.add_argument("--short", type=int, help="readings a series beside the others, instead of a year's")
    parser.add_argument("--no-table", action="store_true", help="leave docs/proof.md as it is")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="alona-bench-", dir=options.folder) as name:
        folder = pathlib.Path(name)
        file = options.database or make(folder, options)
        facts = json.loads(file.with_suffix(".json").read_text())
        readings = facts["sealed"]
        size = file.stat().st_size
        load = [os.getloadavg()[0]]
        core = of_core(folder, file, facts, options)
        ten, ten_cpu, peak = of_ten_years(folder, file, facts, options)
        times, cpu = beside(folder, options)
        load.append(os.getloadavg()[0])
    each = facts["bytes_each"]
    base = statistics.median(times["Alona"])
    table = [
        (f"{(facts['end'] - facts['start']) / YEAR:.1f} years of {options.series} series, one a minute: made in", "≤ 15 min",
         f"{facts['seconds'] / 60:.1f} min, {facts['cpu_seconds'] / 60:.1f} of a processor ({readings:,} readings)"),
        ("File, all in", "≤ 1.6 GB", f"{size / 1e9:.2f} GB, {size / readings:.2f} bytes a reading"),
        ("… in its chunks, by kind of value", "—", ", ".join(
            f"{k.replace('_', ' ')} {each[k]:.2f}" for k in sorted(each) if k not in ("all", *CLOCKS))),
        ("… by how its times are made", "—", ", ".join(f"{k} {each[k]:.2f}" for k in CLOCKS if k in each)),
        ("Start to the first page, nothing of the file in memory; and again", "≤ 2 s",
         f"{core['start'][0]:.2f} s; {min(core['start'][1:]):.2f} s"),
        ("The overview's data, at once after that start; and again", "≤ 500 ms",
         f"{1000 * core['overview'][0]:.0f} ms; {1000 * min(core['overview'][1:]):.0f} ms"),
        ("A series' year to at most 1,000 points, to a browser", "≤ 100 ms", ms(core["year"])),
        ("All the years, likewise", "≤ 500 ms", ms(core["all"])),
        ("Memory of the core at most", "≤ 60 MiB", f"{core['rss']:.1f} MiB"),
        ("The newest year of a series by hours, from this file, by its store", "p95 ≤ 10 ms",
         f"{ms(ten)}, processor {1000 * ten_cpu:.1f} ms, memory {peak:.0f} MiB"),
    ]
    for name, of_name in times.items():
        aim = "p95 ≤ 10 ms" if name == "Alona" else "—"
        text = f"{ms(of_name)}, processor {1000 * cpu[name]:.1f} ms"
        text += "" if name == "Alona" else f"; {statistics.median(of_name) / base:.1f} × ours"
        table.append((f"A year of one of {SERIES} series by hours (min, mean, max): {name}", aim, text))
    table.append(("Processes that wanted to run meanwhile, at the begin and at the end", "—",
                  f"{load[0]:.1f} and {load[1]:.1f} on {os.cpu_count()} processors"))
    say("")
    for row in table:
        say(" | ".join(row))
    if not options.no_table:
        proof.write("history", table, "./dev bench history")
        svg.bars(proof.PATH.parent / "bench-history.svg", "A series' year by hours: min, mean, max",
                 "milliseconds of processor time for an answer, mean of the run; less is better",
                 [(name, 1000 * used) for name, used in cpu.items()])


if __name__ == "__main__":
    main()
