"""A small real file system that another program fills to the brim under load, and empties again: the core goes through
its ladder step by step, acknowledges nothing that it can't keep, gives its ballast back and makes it again, and goes on
by itself. Needs root, for the file system.
"""
import os
import sqlite3
import time
from contextlib import closing

import pytest
from box import Box, wait_for
from page import Page
from test_disk_full import Node, check_keeps, small_disk, values

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount the small file system")

MIB = 1 << 20
SIZE_MIB = 420
RESERVE_MIB = 64  # the least there may be; ballast 24, storing stops below 32
ORDER = ["low", "dropping", "stopped", "ballast_given"]


class Filler:
    """A file of another program. It is only allocated, not written: the image stays sparse."""

    def __init__(self, disk):
        self._disk, self._file = disk, disk / "other"

    def leave(self, mib):
        """Grows or shrinks so that about so much is free."""
        free = self.free()
        size = self._file.stat().st_size if self._file.exists() else 0
        want = max(0, size + free - int(mib * MIB))
        with open(self._file, "ab") as out:
            if want > size:
                os.posix_fallocate(out.fileno(), 0, want)
            else:
                out.truncate(want)

    def fill(self):
        """To the last byte."""
        with open(self._file, "ab", buffering=0) as out:
            for size in (MIB, 4096, 1):
                try:
                    while out.write(bytes(size)) == size:
                        pass
                except OSError:
                    pass

    def free(self):
        now = os.statvfs(self._disk)
        return now.f_bavail * now.f_frsize

    def drop(self):
        self._file.unlink()


def disk_of(box):
    return box.api("/api/v1/system")["disk"]


def until(box, step):
    """Until the API tells the step, and the page has a finding for it."""
    def told():
        disk = disk_of(box)
        return disk if disk["step"] == step else None
    disk = wait_for(told, lambda: f"the step {step}; it is {disk_of(box)}")
    if step != "ample":
        assert disk["since"]
        found = finding(box)
        assert found and found["what"] and found["why"] and "Free some space" in found["todo"], found
        assert "by itself" in found["todo"], found
    return disk


def finding(box):
    return next((one for one in box.overview()["findings"] if one["id"] == "room"), None)


def quiet(node):
    """Until no ack has come for 3 s though the node has more to say."""
    last = [node.acked, time.monotonic()]

    def still():
        if node.acked != last[0]:
            last[:] = [node.acked, time.monotonic()]
        return time.monotonic() - last[1] > 3 and node.sent > node.acked
    wait_for(still, "the acks to stop")


def ballast(disk):
    file = disk / "data/ballast"
    return file.stat().st_blocks * 512 if file.exists() else 0


def test_each_step_of_the_ladder_down_and_up_again(tmp_path):
    with small_disk(tmp_path / "disk", "ext4", SIZE_MIB) as disk, \
            Box(data_dir=disk / "data", config={"storage": f'reserve = "{RESERVE_MIB} MiB"'}) as box, \
            Node(box) as node:
        wait_for(lambda: node.acked > 100, "the first acks")
        pid, filler = box.core.pid, Filler(disk)
        wait_for(lambda: ballast(disk) >= 24 * MIB, "the ballast")
        known = disk_of(box)
        assert known["known"] and known["step"] == "ample" and known["reserve"] == RESERVE_MIB * MIB, known
        assert known["forecast"]["days_left"] is None and "not known yet" in known["forecast"]["why"], known
        assert finding(box) is None
        quarantine = disk / "data/quarantine/damaged.sqlite3"
        quarantine.write_bytes(os.urandom(2 * MIB))

        filler.leave(70)
        until(box, "low")
        assert quarantine.exists()
        filler.leave(55)
        until(box, "dropping")
        wait_for(lambda: not quarantine.exists(), "the quarantine's copy to go")
        assert disk_of(box)["dropped"]["files"] == 1
        stored = node.acked
        wait_for(lambda: node.acked > stored + 100, "acks below the reserve")

        filler.leave(28)
        until(box, "stopped")
        assert "haven't been stored" in finding(box)["what"] and finding(box)["level"] == "being_lost"
        quiet(node)
        check_keeps(box, node)
        assert ballast(disk) >= 24 * MIB, "not given back too early"
        assert not box.overview()["broker_connected"]
        page = Page(box)
        assert page.ask("/health").json()["status"] == "degraded"
        assert page.log_in().status == 200, "the page is still there for whoever comes to look"

        filler.fill()
        until(box, "ballast_given")
        wait_for(lambda: ballast(disk) == 0, "the ballast to be given back")
        assert filler.free() > 20 * MIB
        assert "given back" in finding(box)["why"]
        acked = node.acked
        filler.fill()  # and that as well
        assert Page(box).ask("/health").json()["status"] == "degraded"
        status = box.run("status", check=False)
        assert status.returncode == 1 and "only" in status.stdout and "free" in status.stdout, status.stdout
        assert node.acked == acked
        check_keeps(box, node)

        filler.leave(70)  # without a ballast: 24 less
        until(box, "dropping")
        wait_for(lambda: node.acked > acked + 100, "storing to go on by itself")
        filler.drop()
        until(box, "ample")
        wait_for(lambda: finding(box) is None, "the alert to clear itself")
        wait_for(lambda: ballast(disk) >= 24 * MIB, "the ballast to be made again")
        node.stop()
        wait_for(lambda: node.acked == node.sent, lambda: f"an ack of {node.sent}, is {node.acked}")
        assert values(box) == list(range(1, node.sent + 1))
        assert box.counts("roof")["stored"] == node.sent and not node.fell
        assert box.core.running() and box.core.pid == pid, box.core.last_words()
        journal = (box.folder / "core.log").read_text()
        seen = [journal.find(words) for words in ("little room", "reserve is touched", "half the reserve", "nearly full")]
        assert seen == sorted(seen) and -1 not in seen, journal
        with closing(sqlite3.connect(f"file:{disk}/data/live/db/alona.sqlite3?mode=ro", uri=True)) as database:
            causes = [row[0] for row in database.execute("SELECT cause FROM outage ORDER BY id")]
        assert causes.count("disk_full") == 1, causes  # one hole in the chart, and it says why
        print(f"{node.sent} sent and stored; {journal.count('disk: ')} lines about the disk")
        assert journal.count("disk: ") < 30, "it floods the journal"


def test_a_core_that_starts_without_room_takes_nothing_until_there_is_some(tmp_path):
    with small_disk(tmp_path / "disk", "ext4", SIZE_MIB) as disk, \
            Box(data_dir=disk / "data", config={"storage": f'reserve = "{RESERVE_MIB} MiB"'}) as box, \
            Node(box) as node:
        wait_for(lambda: node.acked > 100, "the first acks")
        filler = Filler(disk)
        box.kill_core()
        acked = node.acked
        filler.leave(30)
        box.start_core(wait=False)
        wait_for(lambda: box.overview() and disk_of(box)["step"] == "stopped", "the new core's word")
        quiet(node)
        assert node.acked == acked and not box.overview()["broker_connected"]
        filler.drop()
        wait_for(lambda: node.acked > acked + 100, "storing to go on by itself")
        node.stop()
        wait_for(lambda: node.acked == node.sent, lambda: f"an ack of {node.sent}, is {node.acked}")
        assert values(box) == list(range(1, node.sent + 1))


def test_what_is_written_is_in_the_ledger(tmp_path):
    with Box() as box, Node(box) as node:
        wait_for(lambda: node.acked > 100, "the first acks")

        def today():
            days = box.api("/api/v1/system")["wear"]
            return days[-1] if days and days[-1]["process_bytes"] > 0 else None
        before = wait_for(today, "today's bytes")
        box.stop_core()
        box.start_core()
        after = wait_for(lambda: (now := today()) and now["process_bytes"] >= before["process_bytes"] and now,
                         "the ledger after a restart")
        assert after["day"] >= before["day"] and after["free"] > 0
        assert "written today" in box.run("status", check=False).stdout
