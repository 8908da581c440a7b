"""A disk that is full to the last byte, under load: the core stays up, says so, acknowledges nothing that it can't keep,
and goes on by itself once there is room. Needs root, for a small file system of its own. The broker's state lies elsewhere:
it is the core's disk that is full. Short: a tmpfs; ALONA_LONG=1: also an ext4 in a file.
"""
import errno
import json
import os
import subprocess
import threading
import time
from contextlib import contextmanager

import pytest
from box import Box, wait_for
from page import Page, memory_kib

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount the small file system")

SIZE_MIB = 24
BOOT = 7
UNACKED_MAX = 512  # docs/protocol.md, Acknowledgement
RATE = 100  # messages a second
AGAIN_S = 40  # the core looks again at the latest after 30 s (limits::recover_pause_max)
KINDS = ["tmpfs", "ext4"] if os.environ.get("ALONA_LONG") == "1" else ["tmpfs"]


@contextmanager
def small_disk(folder, kind, size_mib=SIZE_MIB):
    """A file system of that size, mounted; gone afterwards."""
    folder.mkdir()
    if kind == "tmpfs":
        mount = ["-t", "tmpfs", "-o", f"size={size_mib}m", "tmpfs"]
    else:
        image = folder.with_suffix(".img")
        with open(image, "wb") as made:
            made.truncate(size_mib << 20)
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(image)], check=True)
        mount = ["-o", "loop", str(image)]
    done = subprocess.run(["mount", *mount, str(folder)], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"no small {kind} here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        if subprocess.run(["umount", str(folder)]).returncode != 0:
            subprocess.run(["umount", "-l", str(folder)], check=True)


class Ballast:
    """A file that takes each byte that is free, and goes on taking what becomes free, until it is dropped."""

    def __init__(self, disk):
        self._file = disk / "ballast"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._fill, daemon=True)
        self._full = threading.Event()
        self._thread.start()
        assert self._full.wait(30), "the disk doesn't fill"

    def _fill(self):
        with open(self._file, "wb", buffering=0) as out:
            while not self._stop.wait(0.02):
                for size in (1 << 20, 1 << 12, 1):
                    self._append(out, bytes(size))
                self._full.set()

    @staticmethod
    def _append(out, piece):
        try:
            while out.write(piece) == len(piece):
                pass
        except OSError as error:
            assert error.errno == errno.ENOSPC, error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        self._file.unlink(missing_ok=True)


class Node:
    """Numbers its messages, publishes them at a steady rate in a thread, and hears its acks. It has at most 512 unacked,
    so it falls silent while nothing is acknowledged. `value` of message n is n."""

    def __init__(self, box):
        self.sent = self.acked = 0
        self.fell = []
        self._client = box.client(box.add_node("roof"), subscribe=["alona/roof/ack"], on_message=self._hear)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _hear(self, message):
        ack = json.loads(message.payload)
        assert ack["boot"] == BOOT
        if ack["seq"] < self.acked:
            self.fell.append((self.acked, ack["seq"]))
        self.acked = max(self.acked, ack["seq"])

    def _run(self):
        while not self._stop.wait(1 / RATE):
            if self.sent - self.acked < UNACKED_MAX:
                self.sent += 1
                self._client.publish("alona/roof/telemetry/t", json.dumps(
                    {"v": 1, "sensor": "t", "value": self.sent, "unit": "C", "boot": BOOT, "seq": self.sent,
                     "low": self.acked + 1}), qos=1)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._stop.set()
        self._thread.join()


def journal(box):
    return (box.folder / "core.log").read_text(errors="replace")


def said_so(text):
    """That nothing is stored: a commit has failed, or the core has stopped before one could (docs/operations.md, Room on
    the disk)."""
    return "storing failed" in text or "no message is taken" in text


def values(box):
    return sorted(r.value for r in box.export())


def until_nothing_is_stored(box, node):
    """Until the journal says that storing failed and no ack has come for 3 s, though the node has more to say."""
    wait_for(lambda: said_so(journal(box)), "the journal's word")
    quiet = [node.acked, time.monotonic()]

    def still():
        if node.acked != quiet[0]:
            quiet[:] = [node.acked, time.monotonic()]
        return time.monotonic() - quiet[1] > 3
    wait_for(still, "the acks to stop")
    assert node.sent > node.acked


def check_says_so(box):
    """Whoever looks at the page learns that nothing is stored and what to do."""
    def finding():
        return next((one for one in box.overview()["findings"] if "haven't been stored" in one["what"]), None)
    found = wait_for(finding, "the page's word")
    assert found["id"] in ("storing", "room") and "Free some space" in found["todo"], found
    assert Page(box).ask("/health").json()["status"] == "degraded"
    answer = Page(box).log_in()  # a login is a change as well; one may still fit into the database's file
    assert answer.status == 200 or answer.status in (503, 507) and answer.json()["next"], answer


def check_keeps(box, node):
    """Nothing that was acknowledged is missing, and nothing is there twice or was never sent."""
    acked, kept = node.acked, values(box)
    assert len(set(kept)) == len(kept)
    assert set(range(1, acked + 1)) <= set(kept) <= set(range(1, node.sent + 1))


def check_goes_on(box, node):
    """There is room again: all that was ever sent is stored once and acknowledged."""
    stuck, begun = node.acked, time.monotonic()
    wait_for(lambda: node.acked > stuck, "acks after there was room", AGAIN_S)
    first_s = time.monotonic() - begun
    wait_for(lambda: node.acked > stuck + UNACKED_MAX + RATE, "all that waited and a second's more")
    node.stop()
    wait_for(lambda: node.acked == node.sent, lambda: f"an ack of {node.sent}, is {node.acked}")
    assert values(box) == list(range(1, node.sent + 1))
    counts = box.counts("roof")
    print(f"first ack {first_s:.1f} s after there was room; {node.sent} sent, {counts}")
    assert (counts["stored"], counts["rejected"], counts["lost"]) == (node.sent, 0, 0)
    assert not node.fell, "an ack went back"
    assert not any(one["id"] in ("storing", "room") for one in box.overview()["findings"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_disk_full_under_load_costs_nothing_that_was_acknowledged(tmp_path, kind):
    with small_disk(tmp_path / "disk", kind) as disk, Box(data_dir=disk / "data") as box, Node(box) as node:
        wait_for(lambda: node.acked > RATE, "the first acks")
        pid = box.core.pid
        with Ballast(disk):
            until_nothing_is_stored(box, node)
            print(f"{kind}: {node.acked} acknowledged of {node.sent}; core's VmHWM {memory_kib(box.core)} KiB")
            check_says_so(box)
            check_keeps(box, node)
        check_goes_on(box, node)
        assert box.core.running() and box.core.pid == pid, box.core.last_words()
        said = journal(box).count("storing failed")
        print(f"its journal said {said} times that storing failed")
        assert said <= 10, "it floods the journal"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_a_core_that_starts_on_a_full_disk_goes_on_once_there_is_room(tmp_path, how, kind):
    """Where there is no room even for the log's index, which each start makes anew, the start fails: it says why, and
    its exit code is one after which systemd tries again. Here the test does."""
    with small_disk(tmp_path / "disk", kind) as disk, Box(data_dir=disk / "data") as box, Node(box) as node:
        wait_for(lambda: node.acked > RATE, "the first acks")
        with Ballast(disk):
            until_nothing_is_stored(box, node)
            if how == "killed":
                box.kill_core()
            else:
                box.stop_core()
            acked, said = node.acked, len(journal(box))
            box.start_core(wait=False)
            wait_for(lambda: not box.core.running() or said_so(journal(box)[said:]), "the new core's word")
            words = journal(box)[said:]
            if box.core.running():
                print(f"{how}: it runs")
                check_says_so(box)
            else:
                print(f"{how}: exit code {box.core.wait()}: {words}")
                assert box.core.wait() == 1 and "Free some space" in words, words
                refused = box.run("export", check=False)
                assert refused.returncode == 1 and "Free some space" in refused.stderr, refused
            assert node.acked == acked
        if not box.core.running():
            check_keeps(box, node)
            box.start_core()
        check_goes_on(box, node)
