"""The page's API over loopback TCP, as a browser uses it: a login with a cookie, questions, the live stream.

    page = Page(box)                                     # nobody is logged in yet
    page.log_in()                                        # as the admin that `alona setup` made
    with page.live() as live:                            # a thread reads the stream and notes when each frame came
        frame = wait_for(lambda: live.find("readings", lambda data: …), "a reading")
"""
import http.client
import json
import re
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path


def memory_kib(process, what="VmHWM"):
    """VmRSS: what it holds now; VmHWM: the most it ever held."""
    return int(re.search(rf"{what}:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())[1])


def spread(seconds):
    """p50, p99 and the largest, in milliseconds."""
    ordered = sorted(seconds)
    return tuple(1000 * ordered[min(len(ordered) - 1, int(len(ordered) * part))] for part in (0.5, 0.99, 1))


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict  # names in lower case
    text: str

    def json(self):
        return json.loads(self.text)


class Page:
    """`address`: whose tries at logging in these are; all of 127.0.0.0/8 is this machine."""

    def __init__(self, box, address="127.0.0.1"):
        self.host, self.port = "127.0.0.1", box.page_port
        self.address, self.setup = address, box.setup
        self.headers = {}

    def connect(self, timeout=30):
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout, source_address=(self.address, 0))

    def ask(self, path, method="GET", body=None):
        """The answer, whatever its status."""
        headers = dict(self.headers, Connection="close")
        if method != "GET":
            headers |= {"Origin": f"http://{self.host}:{self.port}", "Content-Type": "application/json"}
        connection = self.connect()
        try:
            connection.request(method, "/api/v1" + path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, text)

    def log_in(self, password=None):
        """One try. The cookie is kept when it was right."""
        answer = self.ask("/session", "POST", {"name": self.setup["user"],
                                               "password": password or self.setup["password"]})
        if answer.status == 200:
            self.headers["Cookie"] = answer.headers["set-cookie"].split(";")[0]
            self.headers["X-Alona-Token"] = answer.json()["token"]
        return answer

    def live(self, read=True):
        return Live(self, read)


@dataclass(frozen=True)
class Frame:
    came: float  # time.monotonic()
    event: str
    data: dict


class Live:
    """One live stream. `read=False`: it takes nothing after the answer's header, with little room in its socket.
    `status` says what the answer was; `problem` is the error's JSON where there was no stream."""

    def __init__(self, page, read):
        self.frames, self.ended, self.problem = [], threading.Event(), None
        self._connection = page.connect()
        if not read:
            self._connection.sock = socket.socket()
            self._connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            self._connection.sock.settimeout(30)
            self._connection.sock.connect((page.host, page.port))
        self._connection.request("GET", "/api/v1/live", headers=page.headers)
        self._socket = self._connection.sock  # http.client lets go of it once there is an answer
        self._answer = self._connection.getresponse()
        self.status = self._answer.status
        self._reader = None
        if self.status != 200:
            self.problem = json.loads(self._answer.read())
        elif read:
            self._reader = threading.Thread(target=self._read)
            self._reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _read(self):
        event, data = None, None
        try:
            while line := self._answer.readline():
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "event":
                    event = value
                elif name == "data":
                    data = value
                elif name == "" and event:
                    self.frames.append(Frame(time.monotonic(), event, json.loads(data)))
                    event = None
        except (OSError, ValueError):
            pass
        self.ended.set()

    def rest(self, patience_s=30):
        """Of a stream nobody read: takes what is there up to its end; the bytes, or None when no end came."""
        deadline, taken = time.monotonic() + patience_s, 0
        try:
            while piece := self._answer.read1(65536):
                taken += len(piece)
                if time.monotonic() > deadline:
                    return None
        except TimeoutError:
            return None
        except OSError:
            pass  # cut with a reset: an end as well
        return taken

    def readings(self):
        """value → when its frame came, of all readings so far."""
        return {row[2]: frame.came for frame in list(self.frames) if frame.event == "readings"
                for row in frame.data["readings"]}

    def newest(self):
        """The last reading's value, or None."""
        for frame in reversed(list(self.frames)):
            if frame.event == "readings":
                return frame.data["readings"][-1][2]
        return None

    def happened(self):
        """text → when its frame came."""
        return {frame.data["text"]: frame.came for frame in list(self.frames) if frame.event == "happened"}

    def close(self):
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        if self._reader:
            self._reader.join(10)
        self._answer.close()
        self._connection.close()
