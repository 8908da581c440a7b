"""What else could keep readings: two time series databases from Debian's packages, each a private instance on
loopback, and two SQLite tables. All take the same file of readings, a line each: series, ms UTC, value.

`hourly` answers with a function that counts the hours: what it takes to parse an answer is not the database's time."""

import itertools
import json
import re
import shutil
import sqlite3
import subprocess
import time
import urllib.parse
import urllib.request

from box import BIN, Process, answers, free_port, wait_for

HOUR = 3_600_000


def parts(path, lines):
    with path.open() as file:
        while part := list(itertools.islice(file, lines)):
            yield part


def folder_bytes(folder):
    return sum(file.stat().st_blocks * 512 for file in folder.rglob("*") if file.is_file())


def settled(look, still=3, seconds=120):
    """What `look` says once it has said the same for a while."""
    last, since, begin = look(), time.monotonic(), time.monotonic()
    while time.monotonic() - since < still and time.monotonic() - begin < seconds:
        time.sleep(0.2)
        if (now := look()) != last:
            last, since = now, time.monotonic()
    return last


class Server:
    def request(self, path, body=None, fields=None):
        if fields is not None:
            path += "?" + urllib.parse.urlencode(fields)
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()

    def cpu_seconds(self):
        return self.process.cpu_seconds()

    def close(self):
        if self.process.child.poll() is None:
            self.process.stop()  # what it holds in memory goes to the disk


class VictoriaMetrics(Server):
    name, program = "VictoriaMetrics", "victoria-metrics"

    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        folder.mkdir()
        self.process = Process(
            [self.program, f"-storageDataPath={folder}/data", f"-httpListenAddr=127.0.0.1:{self.port}",
             "-retentionPeriod=100y", "-loggerLevel=ERROR"], folder / "log")
        wait_for("VictoriaMetrics", lambda: self.process.running() and answers(self.port))

    def load(self, readings):
        for part in parts(readings, 20_000):
            lines = (line.split() for line in part)
            body = "".join(f'r{{series="{s}"}} {value} {ts}\n' for s, ts, value in lines)
            self.request("/api/v1/import/prometheus", body.encode())
        self.request("/internal/force_flush")
        wait_for("all rows to be searchable", lambda: self.metric("vm_pending_rows", "storage") == 0)
        self.request("/internal/force_merge")
        settled(lambda: folder_bytes(self.folder / "data"), still=5)

    def metric(self, name, kind):
        text = self.request("/metrics").decode()
        return float(re.search(rf'^{name}{{type="{kind}"}} (\S+)$', text, re.M)[1])

    def stored(self):
        """Of the readings alone: its index of names is not counted."""
        return folder_bytes(self.folder / "data/data")

    def hourly(self, series, start, end):
        query = f'aggr_over_time(("min_over_time","max_over_time","avg_over_time"), r{{series="{series}"}}[1h])'
        # A window ends at its step.
        answer = self.request("/api/v1/query_range", fields={
            "query": query, "start": start // 1000 + 3600 - 0.001, "end": end // 1000, "step": "1h", "nocache": 1})
        return lambda: len(json.loads(answer)["data"]["result"][0]["values"])


class InfluxDB(Server):
    name, program = "InfluxDB 1.6", "influxd"

    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        folder.mkdir()
        (folder / "influx.conf").write_text(
            f"reporting-disabled = true\nbind-address = '127.0.0.1:{free_port()}'\n[meta]\ndir = '{folder}/meta'\n"
            f"[data]\ndir = '{folder}/data'\nwal-dir = '{folder}/wal'\nquery-log-enabled = false\n"
            "cache-snapshot-write-cold-duration = '2s'\ncompact-full-write-cold-duration = '2s'\n"
            f"[monitor]\nstore-enabled = false\n"
            f"[http]\nbind-address = '127.0.0.1:{self.port}'\nlog-enabled = false\n")
        self.process = Process([self.program, "-config", folder / "influx.conf"], folder / "log")
        wait_for("InfluxDB", lambda: self.process.running() and answers(self.port))
        self.request("/query", urllib.parse.urlencode({"q": "CREATE DATABASE alona"}).encode())

    def load(self, readings):
        for part in parts(readings, 5_000):
            lines = (line.split() for line in part)
            body = "\n".join(f"r,series={s} value={value} {ts}" for s, ts, value in lines)
            self.request("/write?db=alona&precision=ms", body.encode())
        # Out of its log, and all of a shard in one file: a look each second.
        settled(lambda: folder_bytes(self.folder / "wal") + folder_bytes(self.folder / "data"), still=15)

    def stored(self):
        return folder_bytes(self.folder / "data/alona")

    def hourly(self, series, start, end):
        answer = self.request("/query", fields={
            "db": "alona", "epoch": "ms",
            "q": f"SELECT min(value), max(value), mean(value) FROM r WHERE \"series\" = '{series}' AND time >= {start}ms "
                 f"AND time < {end}ms GROUP BY time(1h)"})
        return lambda: len(json.loads(answer)["results"][0]["series"][0]["values"])


class Table:
    def __init__(self, folder):
        folder.mkdir()
        self.file = folder / "table.sqlite3"

    def load(self, readings):
        with sqlite3.connect(self.file) as db:
            db.executescript(self.schema)
            for part in parts(readings, 100_000):
                db.executemany("INSERT INTO reading VALUES (?,?,?)",
                               ((int(s), int(ts), float(value)) for s, ts, value in (line.split() for line in part)))
        db.close()

    def stored(self):
        return self.file.stat().st_size

    def hourly(self, series, start, end):
        db = sqlite3.connect(self.file)
        rows = db.execute(
            "SELECT ts / 3600000, min(value), max(value), avg(value) FROM reading "
            "WHERE series = ? AND ts >= ? AND ts < ? GROUP BY 1", (series, start, end)).fetchall()
        db.close()
        return lambda: len(rows)

    def cpu_seconds(self):
        return time.process_time()  # ours: the library runs in this process

    def close(self):
        pass


class KeyedTable(Table):
    name = "SQLite, keyed table"
    schema = """CREATE TABLE reading (series INTEGER, ts INTEGER, value REAL, PRIMARY KEY (series, ts))
        WITHOUT ROWID"""


class IndexedTable(Table):
    name = "SQLite, rows and index"
    schema = "CREATE TABLE reading (series INTEGER, ts INTEGER, value REAL); CREATE INDEX i ON reading (series, ts)"


class Alona:
    """The store itself, a new Reader for each question."""

    name = "Alona"

    def __init__(self, folder):
        folder.mkdir()
        self.file = folder / "alona.sqlite3"
        self.reader, self.empty, self.cpu = None, 0, 0.0

    def load(self, readings):
        with readings.open() as file:
            series = max(int(line.split(" ", 1)[0]) for line in itertools.islice(file, 10_000))
            file.seek(0)
            subprocess.run([BIN / "seal", self.file, str(series)], stdin=file, check=True)
        empty = self.file.with_name("empty.sqlite3")
        subprocess.run([BIN / "seal", empty, str(series)], stdin=subprocess.DEVNULL, check=True)
        self.empty = empty.stat().st_size

    def stored(self):
        """Without what an empty database takes, some 50 KiB."""
        return self.file.stat().st_size - self.empty

    def ask(self, series, start, end, points):
        if self.reader is None:
            self.reader = subprocess.Popen([BIN / "history_reader"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                           text=True)
        self.reader.stdin.write(f"{self.file} {series} {start} {end} {points}\n")
        self.reader.stdin.flush()
        answer = json.loads(self.reader.stdout.readline())
        self.cpu += answer["cpu_us"] / 1e6
        return answer

    def hourly(self, series, start, end):
        answer = self.ask(series, start, end, (end - start) // HOUR + 2)
        if answer["bucket_ms"] != HOUR:
            raise RuntimeError(f"asked for hours, got {answer}")
        return lambda: answer["buckets"]

    def cpu_seconds(self):
        return self.cpu

    def close(self):
        if self.reader is not None:
            self.reader.stdin.close()
            self.reader.wait()


def installed():
    """Those that can be run here; the others are named."""
    found = [Alona]
    for other in (VictoriaMetrics, InfluxDB):
        if shutil.which(other.program):
            found.append(other)
        else:
            print(f"{other.name} isn't installed ({other.program}); without it.", flush=True)
    return found + [KeyedTable, IndexedTable]
