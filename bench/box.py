"""A private box for a benchmark: a file system of its own, the product's broker files, a Mosquitto, a core."""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "tests"))
import commit_log  # noqa: E402

BIN = pathlib.Path(__file__).resolve().parent.parent / "build/bench/bin"
LINE = 60  # seconds that anything may take which takes no time


def wait_for(what, condition, seconds=LINE, every=0.02):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (answer := condition()) is not None and answer is not False:
            return answer
        time.sleep(every)
    raise RuntimeError(f"waited {seconds} s in vain for {what}")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


class Disk:
    """Root: an ext4 of its own on a loop device, whose counters say what reaches a disk, its journal included.
    Others: a plain folder; then only the process's own count is known."""

    def __init__(self, folder, size="2G"):
        self.path = folder / "disk"
        self.path.mkdir()
        self.stat = None
        if os.geteuid() != 0:
            return
        image = folder / "disk.img"
        subprocess.run(["truncate", "-s", size, image], check=True)
        # All of the file system is made now: nothing is written later in the background.
        lazy = "lazy_itable_init=0,lazy_journal_init=0"
        subprocess.run(["/usr/sbin/mkfs.ext4", "-q", "-E", lazy, image], check=True)
        if subprocess.run(["mount", "-o", "loop", image, self.path], stderr=subprocess.DEVNULL).returncode == 0:
            major_minor = os.stat(self.path).st_dev
            self.stat = pathlib.Path(f"/sys/dev/block/{os.major(major_minor)}:{os.minor(major_minor)}/stat")

    def written(self):
        """Bytes that reached the device since it was made; None when it can't be known."""
        if self.stat is None:
            return None
        subprocess.run(["sync", "--file-system", self.path], check=True)
        return int(self.stat.read_text().split()[6]) * 512

    def close(self):
        if self.stat is not None:
            subprocess.run(["umount", self.path], check=True)


class Process:
    """A child with what the kernel knows of it."""

    def __init__(self, command, log):
        self.log = log
        self.child = subprocess.Popen([str(part) for part in command], stdout=log.open("ab"), stderr=subprocess.STDOUT)

    def _proc(self, name):
        return pathlib.Path(f"/proc/{self.child.pid}/{name}").read_text()

    def cpu_seconds(self):
        fields = self._proc("stat").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def kib(self, key):
        return int(re.search(rf"^{key}:\s+(\d+)", self._proc("status"), re.M)[1])

    def write_bytes(self):
        return int(re.search(r"^write_bytes: (\d+)", self._proc("io"), re.M)[1])

    def running(self):
        if self.child.poll() is not None:
            raise RuntimeError(f"{self.log.name}: ended by itself\n{self.log.read_text()}")
        return True

    def stop(self):
        """Ends it properly; the bytes it has written in all its life."""
        self.child.send_signal(signal.SIGTERM)
        # Ended but not yet waited for, it still has its counters.
        os.waitid(os.P_PID, self.child.pid, os.WEXITED | os.WNOWAIT)
        written = self.write_bytes()
        self.child.wait()
        return written

    def kill(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()


class Box:
    USERS = ("counter", "naive", "publisher")

    def __init__(self, folder, queue, storage=""):
        self.folder, self.queue = folder, queue
        self.port, self.page = free_port(), free_port()
        self.children = []
        folder.mkdir()
        self.config = folder / "alona.toml"
        self.config.write_text(
            f"[core]\ndata_dir = '{folder}/data'\nruntime_dir = '{folder}/run'\n[mqtt]\nport = {self.port}\n"
            f"password_file = '{folder}/mqtt-password'\n[web]\nlisten = '127.0.0.1:{self.page}'\n"
            f"public_read = true\n[limits]\ndiscovery = true\n[storage]\n{storage}\n"
        )
        subprocess.run([BIN / "alona", "--config", self.config, "setup"], check=True, stdout=subprocess.DEVNULL)
        self._start_broker()

    def _start_broker(self):
        """The product's own files, but for: this port on loopback alone, users of ours, a queue that holds the whole
        load."""
        files = self.folder / "data/live/broker"
        conf = (files / "alona.conf").read_text()
        conf = re.sub(r"^listener .*", f"listener {self.port} 127.0.0.1", conf, flags=re.M)
        conf = re.sub(r"^max_queued_messages .*", f"max_queued_messages {self.queue}", conf, flags=re.M)
        conf = re.sub(r"^max_queued_bytes .*", "max_queued_bytes 0", conf, flags=re.M)
        conf = re.sub(r"^(persistence_location|user) .*\n", "", conf, flags=re.M)
        conf += f"user root\npersistence_location {self.folder}/\n"
        (self.folder / "mosquitto.conf").write_text(conf)
        for user in self.USERS:
            subprocess.run(["mosquitto_passwd", "-b", files / "passwd", user, "bench"], check=True)
            with (files / "acl").open("a") as acl:
                acl.write(f"\nuser {user}\ntopic readwrite alona/#\n")
        self.broker = self._start("broker", "/usr/sbin/mosquitto", "-c", self.folder / "mosquitto.conf")
        wait_for("the broker", lambda: self.broker.running() and answers(self.port))

    def _start(self, name, *command):
        process = Process(command, self.folder / f"{name}.log")
        self.children.append(process)
        return process

    def consumer(self, name, program, *arguments):
        return self._start(name, BIN / program, self.port, name, "bench", *arguments)

    def report(self, process, seconds=600):
        """Waits for a consumer's end; what it says of itself."""
        process.child.wait(seconds)
        last = process.log.read_text().splitlines()[-1]
        if process.child.returncode != 0:
            raise RuntimeError(last)
        return json.loads(last)

    def publish(self, messages, series, rate=0, ago=0):
        publisher = BIN / "publisher"
        command = [publisher, self.port, "publisher", "bench", messages, series, rate, ago]
        subprocess.run([str(part) for part in command], check=True)

    def core(self):
        core = self._start("core", BIN / "alona", "--config", self.config, "core")
        core.log.write_text("")
        wait_for("the page", lambda: core.running() and answers(self.page))
        return core

    def connected(self, core):
        wait_for("the core's connection", lambda: "connected to the broker" in core.log.read_text())

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.page}{path}", timeout=10) as answer:
            return answer.read()

    def watch(self):
        database = self.folder / "data/live/db/alona.sqlite3"
        return contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, isolation_level=None))

    def close(self):
        for process in reversed(self.children):
            process.kill()


SEALED_ABOVE = 100_000  # readings in the log of commits: limits::hot_readings_max


def in_log(connection):
    return commit_log.readings_in(connection)


class Stored:
    """How many readings have been committed since this was made. It looks at what is new alone: what it costs must not
    depend on how much there is."""

    def __init__(self, connection):
        self._connection, self._walk, self._readings = connection, commit_log.Walk(connection), 0
        self()
        self._readings = 0

    def __call__(self):
        self._connection.execute("BEGIN")
        self._readings += sum(readings for _, readings in self._walk())
        self._connection.execute("COMMIT")
        return self._readings


@contextlib.contextmanager
def workplace(near=None, size="2G"):
    """A folder with a Disk, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="alona-bench-", dir=near) as name:
        disk = Disk(pathlib.Path(name), size)
        try:
            yield disk
        finally:
            disk.close()
