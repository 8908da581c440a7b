"""A box to break on purpose: one folder with a real Mosquitto and a real `alona core`, all on loopback.

    with Box() as box:                       # config, `alona setup`, broker and core running
        roof = box.add_node("roof")          # `alona node add`; the broker rereads its passwords
        client = box.client(roof)            # paho, connected; also box.client(box.core_login()) and others
        client.publish("alona/roof/telemetry/t", '{"v":1,"sensor":"t","value":1,"unit":"C"}', qos=1)
        wait_for(lambda: len(box.export()) == 1, "the reading")
        box.kill_core(); box.start_core()    # kill = SIGKILL, stop = SIGTERM

The broker's configuration is the one that `alona setup` writes (limits, passwords, ACL), listening on 127.0.0.1 only
and with its state in the box's folder. Everything that a box started is ended by its pid, also when the tests' own
process dies: the kernel kills a child when the thread that started it ends, so start and restart from the main thread.
The program is $ALONA, else build/release/bin/alona. Nothing is left behind, unless ALONA_KEEP is set.
"""
import csv
import ctypes
import http.client
import io
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import paho.mqtt.client as mqtt

PROJECT = Path(__file__).resolve().parents[2]
ALONA = os.environ.get("ALONA", str(PROJECT / "build/release/bin/alona"))
MOSQUITTO = "/usr/sbin/mosquitto"  # where a user's PATH doesn't look
PATIENCE_S = 30.0  # for what takes milliseconds on a quiet machine

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


def wait_for(condition, what, patience_s=PATIENCE_S):
    """Asks until `condition` is true and returns what it said; an AssertionError names `what` never came: a text, or
    a function that tells how things are then."""
    deadline = time.monotonic() + patience_s
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience_s:.0f} s in vain for {what() if callable(what) else what}")
        time.sleep(0.02)
    return result


def free_port():
    """Free at the time of asking, and below those that the kernel gives to clients: a box that is away for a moment
    must find its own again. Tests that run side by side look in ranges of their own."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 4
    while True:
        port = random.randrange(20_000 + 3_000 * worker, 23_000 + 3_000 * worker)
        with socket.socket() as asked:
            asked.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                asked.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


@dataclass(frozen=True)
class Login:
    """How a client gets past the broker. A node's user name is its id."""
    user: str
    password: str


@dataclass(frozen=True)
class Reading:
    """A row of `alona export`; `ts_ms` is Unix time in milliseconds."""
    ts_ms: int
    node: str
    sensor: str
    value: float
    unit: str
    quality: str


class Process:
    """A child whose output goes to a log; ended with us."""

    def __init__(self, arguments, log, limits=None):
        def before_exec():
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if limits:
                limits()

        self.log = Path(log)
        with open(log, "ab") as out:
            self._child = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                           preexec_fn=before_exec)

    @property
    def pid(self):
        return self._child.pid

    def running(self):
        return self._child.poll() is None

    def end(self, sig=signal.SIGTERM, patience_s=PATIENCE_S):
        """Sends the signal and waits; the exit code as subprocess gives it. SIGKILL follows when it doesn't end."""
        if self.running():
            self._child.send_signal(sig)
        return self.wait(patience_s)

    def wait(self, patience_s=PATIENCE_S):
        try:
            return self._child.wait(patience_s)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
            raise AssertionError(f"{self.log.name} of pid {self.pid} didn't end in {patience_s} s; {self.last_words()}")

    def signal(self, sig):
        self._child.send_signal(sig)

    def last_words(self):
        return "its last words:\n" + self.log.read_text(errors="replace")[-2000:]


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self._path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Box:
    """`config`: sections of alona.toml with lines to add, such as {"limits": "discovery = true"}.
    `data_dir`: elsewhere than in the box's folder, for disks that are too small. `start=False`: nothing runs yet."""

    def __init__(self, config=None, data_dir=None, start=True):
        self.folder = Path(tempfile.mkdtemp(prefix="alona-e2e-"))
        self.data = Path(data_dir) if data_dir else self.folder / "data"
        self.config_file = self.folder / "alona.toml"
        self.mqtt_port, self.page_port = free_port(), free_port()
        self.broker = self.core = None
        self.core_limits = None  # runs in the core's process before exec, for setrlimit
        self._clients = []
        try:
            self._set_up(config or {})
            if start:
                self.start_broker()
                self.start_core()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for client in self._clients:
            client.disconnect()
            client.loop_stop()
        self._clients.clear()
        for process in (self.core, self.broker):
            if process:
                process.end(signal.SIGKILL)
        if os.environ.get("ALONA_KEEP"):
            print(f"kept: {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    # ---- set up, as a person does it ----

    def _set_up(self, more):
        sections = {
            "core": f"data_dir = '{self.data}'\nruntime_dir = '{self.folder}/run'\nsite = \"Test\"\n",
            "mqtt": f"port = {self.mqtt_port}\npassword_file = '{self.folder}/mqtt-password'\n",
            "web": f'listen = "127.0.0.1:{self.page_port}"\n',
        }
        for section, lines in more.items():
            sections[section] = sections.get(section, "") + lines + "\n"
        self.config_file.write_text("".join(f"[{name}]\n{lines}" for name, lines in sections.items()))
        self.setup = json.loads(self.run("setup", "--json").stdout)  # with the page's "user" and "password"
        self.password_file = self.data / "live/broker/passwd"
        self.broker_state = self.folder / "broker"
        self.broker_state.mkdir(mode=0o700)
        written = (self.data / "live/broker/alona.conf").read_text()
        listener = f"listener {self.mqtt_port}\n"
        assert listener in written
        conf = written.replace(listener, f"listener {self.mqtt_port} 127.0.0.1\n")
        conf += f"persistence_location {self.broker_state}/\n"
        if os.geteuid() == 0:
            conf += "user root\n"  # else it would give that up and not reach its folder
        self.broker_conf = self.folder / "mosquitto.conf"
        self.broker_conf.write_text(conf)

    # ---- the broker and the core ----

    def start_broker(self):
        self.broker = Process([MOSQUITTO, "-c", str(self.broker_conf)], self.folder / "broker.log")
        self._wait_listening(self.broker, self.mqtt_port)

    def stop_broker(self):
        """SIGTERM: it saves its state first."""
        assert self.broker.end(signal.SIGTERM) == 0, self.broker.last_words()

    def kill_broker(self):
        """SIGKILL: its state is as of the last save, at the latest 5 minutes ago (autosave_interval)."""
        self.broker.end(signal.SIGKILL)

    def save_broker(self):
        """SIGUSR1: Mosquitto writes its state now. Returns when the new file is there."""
        file = self.broker_state / "mosquitto.db"
        before = file.stat().st_ino if file.exists() else None
        self.broker.signal(signal.SIGUSR1)
        wait_for(lambda: file.exists() and file.stat().st_ino != before, "the broker's save")

    def start_core(self, wait=True):
        """wait: until it is connected to the broker (wait_healthy)."""
        self.core = Process([ALONA, "core", "--config", str(self.config_file)], self.folder / "core.log",
                            self.core_limits)
        if wait:
            self.wait_healthy()

    def stop_core(self):
        assert self.core.end(signal.SIGTERM) == 0, self.core.last_words()

    def kill_core(self):
        self.core.end(signal.SIGKILL)

    def wait_healthy(self):
        """Until the running core answers and has its broker."""
        def healthy():
            assert self.core.running(), self.core.last_words()
            overview = self.overview()
            return overview is not None and overview["broker_connected"]
        wait_for(healthy, "a core with its broker")

    @staticmethod
    def _wait_listening(process, port):
        def answers():
            assert process.running(), process.last_words()
            with socket.socket() as knock:
                return knock.connect_ex(("127.0.0.1", port)) == 0
        wait_for(answers, f"port {port}")

    # ---- the command line ----

    def run(self, *arguments, check=True, timeout=120, **more):
        """`alona ARGUMENTS --config …`, text in and out; check: exit code 0 is demanded."""
        command = [ALONA, *arguments, "--config", str(self.config_file)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, **more)
        assert not check or done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def add_node(self, node_id, *options):
        """`alona node add`, with the broker (and the core or not) running. The password comes back proven by a
        login."""
        with self.reloading():
            added = json.loads(self.run("node", "add", node_id, *options, "--json").stdout)
        assert added["proven"], added
        return Login(added["id"], added["password"])

    def remove_node(self, node_id):
        with self.reloading():
            self.run("node", "remove", node_id, "--yes")

    @contextmanager
    def reloading(self):
        """What reloads the broker on a real box, played: once, when its password file is another."""
        before = self.password_file.stat().st_ino
        done = threading.Event()

        def reload_when_replaced():
            while not done.wait(0.01):
                if self.password_file.stat().st_ino != before:
                    self.reload_broker()
                    return

        watching = threading.Thread(target=reload_when_replaced)
        watching.start()
        try:
            yield
        finally:
            done.set()
            watching.join()

    def reload_broker(self):
        self.broker.signal(signal.SIGHUP)

    def core_login(self):
        """The core's own. A second client with it ends the core's connection: only while the core is stopped."""
        return Login("alona-core", (self.folder / "mqtt-password").read_text().strip())

    def credentials(self, *nodes):
        """A file for `alona sim --credentials`."""
        file = self.folder / "credentials"
        file.write_text("".join(f"{node.user} {node.password}\n" for node in nodes))
        return file

    def sim(self, *arguments, nodes=()):
        """`alona sim` as a Process, as the nodes given; its sums are in sim.log."""
        log = self.folder / "sim.log"
        command = [ALONA, "sim", "--port", str(self.mqtt_port), "--nodes", str(len(nodes)), "--json",
                   "--credentials", str(self.credentials(*nodes)), *arguments]
        return Process(command, log)

    def export(self, form="csv", node=None):
        """`alona export` as a list of Reading, in the order it gave."""
        options = ["--node", node] if node else []
        text = self.run("export", "--format", form, *options).stdout
        rows = csv.DictReader(io.StringIO(text)) if form == "csv" else (json.loads(line, parse_int=float) for line in text.splitlines())
        return [Reading(_ms(row["time"]), row["node"], row["sensor"], float(row["value"]), row["unit"],
                        row["quality"]) for row in rows]

    # ---- the core's API, over its Unix socket ----

    def api(self, path, method="GET", body=None):
        """The answer's JSON; None when nobody answers. A status of 400 or more is an AssertionError."""
        connection = UnixConnection(self.folder / "run/core.sock", timeout=10)
        try:
            headers = {"Content-Type": "application/json"} if body is not None else {}
            connection.request(method, path, body=None if body is None else json.dumps(body), headers=headers)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
        assert answer.status < 400, f"{method} {path}: {answer.status} {text.decode()}"
        return json.loads(text) if text else {}

    def overview(self):
        return self.api("/api/v1/overview")

    def counts(self, node_id):
        """Of the node's last 7 days together: stored, rejected, repeated, lost. Needs the core."""
        detail = self.api(f"/api/v1/nodes/{node_id}")
        assert detail is not None, "the core doesn't answer"
        return {name: sum(day[name] for day in detail["days"])
                for name in ("stored", "rejected", "repeated", "lost")}

    # ---- clients ----

    def client(self, login, clean=True, on_message=None, subscribe=(), wait=True, inflight=1000):
        """paho, running in a thread of its own, ended with the box. It reconnects by itself and sends again what
        the broker hasn't acknowledged. `subscribe`: topics, QoS 1, again at each connect. wait: until connected."""
        client = mqtt.Client(client_id=login.user, clean_session=clean)
        client.username_pw_set(login.user, login.password)
        client.max_inflight_messages_set(inflight)
        client.max_queued_messages_set(0)
        client.reconnect_delay_set(1, 1)
        client.connack = None  # the last connection's code
        client.acknowledged = set()  # the packet ids of which the broker has sent a PUBACK
        subscribed = threading.Event()

        def connected(who, _data, _flags, code):
            who.connack = code
            if code == 0 and subscribe:
                who.subscribe([(topic, 1) for topic in subscribe])

        client.on_connect = connected
        client.on_publish = lambda _client, _data, mid: client.acknowledged.add(mid)
        client.on_subscribe = lambda *_: subscribed.set()
        if on_message:
            client.on_message = lambda _client, _data, message: on_message(message)
        client.connect("127.0.0.1", self.mqtt_port)
        client.loop_start()
        self._clients.append(client)
        if wait:
            wait_for(lambda: client.connack is not None, "the broker's CONNACK")
            if client.connack == 0 and subscribe:
                assert subscribed.wait(PATIENCE_S), "the broker didn't answer SUBSCRIBE"
        return client

    def publish(self, client, messages, patience_s=PATIENCE_S):
        """(topic, payload) each at QoS 1, at most 65,535; returns when the broker has acknowledged all of them, also
        when that needs a new connection."""
        client.acknowledged.clear()
        sent = {client.publish(topic, payload, qos=1).mid for topic, payload in messages}
        wait_for(lambda: client.acknowledged >= sent,
                 lambda: f"{len(sent - client.acknowledged)} of the broker's PUBACKs", patience_s)


def _ms(text):
    """2026-11-01T06:30:00.250Z in Unix milliseconds."""
    when = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    return round(when.timestamp() * 1000)
