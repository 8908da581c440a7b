#!/usr/bin/python3
"""What a card is worn by at a house's pace: bytes written to disk for each reading at 14 a second, into a store with
history, of the core with a commit each second, of the core with one each two, and of InfluxDB fed each second, all
three side by side. Runs for an hour by default, so that as much is sealed as comes in.

Bytes are the process's own `write_bytes`, what it made the kernel write back, counted from before the first reading
to after a stop and its last checkpoint. Syncs are counted by strace, checkpoints by the number in the log's head that
each new round counts up."""

import argparse
import contextlib
import json
import pathlib
import random
import re
import shutil
import signal
import subprocess
import threading
import time
import urllib.request

import proof
from box import SEALED_ABOVE, Box, Process, answers, commit_log, free_port, in_log, wait_for, workplace

PREFILL = 160_000  # so that there are chunks to grow, and the log is full


class Core:
    def __init__(self, ending, disk, interval, series):
        self.name, self.series = f"a commit each {interval}", series
        self.box = Box(disk.path / f"core-{interval}", 400_000, f"commit_interval = '{interval}'")
        ending.callback(self.box.close)
        core = self.box.core()
        self.box.connected(core)
        time.sleep(1)  # a broker drops what comes before the first subscription
        with self.box.watch() as connection:
            self.fill(PREFILL)
            wait_for("sealing", lambda: in_log(connection) <= SEALED_ABOVE, every=0.2)
            time.sleep(3)  # a pass that has begun ends
            self.fill(SEALED_ABOVE - in_log(connection) - 1000)
        core.stop()
        self.core = self.box.core()
        self.box.connected(self.core)
        self.counts = self.look()
        self.before = self.core.write_bytes()
        self.rounds = self.round()
        self.strace = shutil.which("strace") and subprocess.Popen(
            ["strace", "-f", "-qq", "-c", "-e", "trace=fsync,fdatasync", "-o", self.box.folder / "syncs", "-p",
             str(self.core.child.pid)])

    def round(self):
        """How often SQLite has begun its log anew, each time after a checkpoint of all that was in it."""
        with (self.box.folder / "data/live/db/alona.sqlite3-wal").open("rb") as log:
            return int.from_bytes(log.read(16)[12:], "big")

    def stored(self):
        return json.loads(self.box.get("/api/v1/overview"))["readings_stored"]

    def fill(self, readings):
        until = self.stored() + readings
        self.box.publish(readings, self.series)
        wait_for("the readings", lambda: self.stored() >= until, every=0.2)

    def look(self):
        """Commits, readings, readings in the log, chunks' bytes and readings."""
        with self.box.watch() as connection:
            log = list(commit_log.commits(connection))
            sealed, size = connection.execute("SELECT coalesce(sum(count), 0), sum(length(data)) FROM chunk").fetchone()
        hot = sum(readings for _, readings in log)
        return {"commits": log[-1][0], "readings": sealed + hot, "sealed": sealed, "chunk_bytes": size or 0}

    def feed(self, readings, rate):
        self.box.publish(readings, self.series, rate)

    def result(self):
        time.sleep(5)
        syncs = None
        if self.strace:
            self.strace.send_signal(signal.SIGINT)
            self.strace.wait()
            text = (self.box.folder / "syncs").read_text()
            syncs = sum(int(line.split()[3]) for line in text.splitlines() if re.search(r"\bf(data)?sync$", line))
        checkpoints = self.round() - self.rounds + 1  # the last at the stop
        written = self.core.stop() - self.before
        after = self.look()
        change = {key: after[key] - self.counts[key] for key in after}
        return change | {"written": written, "syncs": syncs, "checkpoints": checkpoints}


class Influx:
    """Debian's InfluxDB 1.6, one point a reading, the points of a second in one request."""

    name = "InfluxDB 1.6, fed each second"

    def __init__(self, ending, disk, series):
        self.series, self.port, folder = series, free_port(), disk.path / "influx"
        folder.mkdir()
        bind = free_port()
        (folder / "influx.conf").write_text(
            f"reporting-disabled = true\nbind-address = '127.0.0.1:{bind}'\n[meta]\ndir = '{folder}/meta'\n[data]\n"
            f"dir = '{folder}/data'\nwal-dir = '{folder}/wal'\n[monitor]\nstore-enabled = false\n"
            f"[http]\nbind-address = '127.0.0.1:{self.port}'\nlog-enabled = false\n")
        self.influx = Process(["influxd", "-config", folder / "influx.conf"], folder / "log")
        ending.callback(self.influx.kill)
        wait_for("InfluxDB", lambda: self.influx.running() and answers(self.port))
        self.post("/query", "q=CREATE DATABASE alona")
        start = int(time.time() * 1000) - 40_000 * 70
        for at in range(0, 40_000, 500):
            self.write((at + i, start + (at + i) * 70) for i in range(500))
        self.before = self.influx.write_bytes()

    def post(self, path, body):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body.encode())
        request.add_header("Content-Type", "application/x-www-form-urlencoded")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()

    def write(self, points):
        lines = [f"reading,node=n{n % self.series // 8},sensor=s{n % self.series % 8} value={random.randrange(3000) / 10}"
                 f" {ms}" for n, ms in points]
        self.post("/write?db=alona&precision=ms", "\n".join(lines))

    def feed(self, readings, rate):
        begin, sent = time.monotonic(), 0
        while sent < readings:
            due = min(int((time.monotonic() - begin) * rate), readings)
            now = int(time.time() * 1000)
            if due > sent:
                self.write((n, now - (due - n)) for n in range(sent, due))
            sent = due
            time.sleep(1)

    def result(self):
        return {"written": self.influx.stop() - self.before}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=14)
    parser.add_argument("--series", type=int, default=200)
    parser.add_argument("--folder", type=pathlib.Path, help="a plain folder to work in, instead of a disk of its own")
    parser.add_argument("--no-table", action="store_true", help="leave docs/proof.md as it is")
    options = parser.parse_args()
    readings = int(options.minutes * 60 * options.rate)
    with workplace(options.folder) as disk, contextlib.ExitStack() as ending:
        sides = []
        for interval in ("1s", "2s"):
            sides.append(Core(ending, disk, interval, options.series))
        if shutil.which("influxd"):
            sides.append(Influx(ending, disk, options.series))
        else:
            print("InfluxDB isn't installed; without it.")
        threads = [threading.Thread(target=side.feed, args=(readings, options.rate)) for side in sides]
        print(f"{readings:,} readings each, {options.rate:g} a second", flush=True)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        table = []
        for side, aim in zip(sides, ("≤ 400", "≤ 260", "—"), strict=False):
            found = side.result()
            print(f"{side.name}: {found}", flush=True)
            text = f"{found['written'] / readings:.0f}"
            if "commits" in found:
                if found["readings"] != readings:
                    raise RuntimeError(f"{found['readings']} of {readings} readings are there")
                floor = 4096 * found["commits"] / readings
                text += (f" ({found['written'] / found['commits'] / 4096:.2f} blocks of 4 KiB a commit; one would be"
                         f" {floor:.0f}); {found['sealed']:,} sealed meanwhile,"
                         f" {found['checkpoints']} checkpoints")
                if found["syncs"] is not None:
                    text += f"; {found['syncs'] / found['commits']:.2f} syncs a commit"
            table.append((f"Bytes written a reading, {options.rate:g} a second, sealing and checkpoints included: "
                          f"{side.name}", aim, text))
    for row in table:
        print(" | ".join(row))
    if not options.no_table:
        proof.write("trickle", table, f"./dev bench trickle --minutes {options.minutes:g}")


if __name__ == "__main__":
    main()
