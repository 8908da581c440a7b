"""What a node says is soon seen by a browser that looks, and neither logins nor slow readers stand in the way.

Promised: a reading within the commit interval + 250 ms (p99), an event within 250 ms while its bucket lasts. The short
form allows a busy machine more and prints what it saw; ALONA_LONG=1 holds the promise itself, over more messages.
"""
import random
import threading
import time
from collections import Counter

import pytest
from box import Box, wait_for
from page import Page, memory_kib, spread

INTERVAL_S = 1.0  # [storage] commit_interval unless configured
MEMORY_MAX_KIB = 64 * 1024


def reading(node, sensor, value):
    return f"alona/{node}/telemetry/{sensor}", f'{{"v":1,"sensor":"{sensor}","value":{value},"unit":"C"}}'


class Steady:
    """Publishes numbered values of one node at a steady rate, in a thread; `begun` says when each was given away."""

    def __init__(self, client, node, sensor, rate):
        self.begun = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(client, node, sensor, rate))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _run(self, client, node, sensor, rate):
        start = time.monotonic()
        while not self._stop.wait(max(0, start + len(self.begun) / rate - time.monotonic())):
            value = len(self.begun) + 1
            topic, payload = reading(node, sensor, value)
            self.begun[value] = time.monotonic()
            client.publish(topic, payload, qos=1)


def logged_in(box):
    page = Page(box)
    answer = page.log_in()
    assert answer.status == 200, answer
    return page


def check(what, begun, seen, promised_s, long_run):
    """All that began was seen; prints how long it took."""
    p50, p99, longest = spread([seen[key] - at for key, at in begun.items()])
    print(f"{what}: {len(begun)}, p50 {p50:.0f} ms, p99 {p99:.0f} ms, max {longest:.0f} ms")
    assert p99 <= 1000 * (promised_s if long_run else INTERVAL_S + 2)


def test_a_reading_is_seen_within_the_commit_interval_and_a_quarter_second(box, seed, long_run):
    rng = random.Random(seed)
    count, mean_s = (2_000, 0.09) if long_run else (200, 0.04)
    asked, beside = box.client(box.add_node("asked")), box.client(box.add_node("beside"))
    begun = {}
    with logged_in(box).live() as live, Steady(beside, "beside", "trickle", 5):
        for number in range(1, count + 1):
            time.sleep(rng.uniform(0, 2 * mean_s))  # the moments are the test's subject
            value = 1_000_000 + number
            topic, payload = reading("asked", "t", value)
            begun[value] = time.monotonic()
            asked.publish(topic, payload, qos=1)
        wait_for(lambda: begun.keys() <= live.readings().keys(), "all readings in the live stream")
        check("readings", begun, live.readings(), INTERVAL_S + 0.25, long_run)


def test_an_event_is_seen_at_once_while_its_bucket_lasts(box, long_run):
    gate, beside = box.client(box.add_node("gate")), box.client(box.add_node("beside"))
    moments = [0.2] * 8 + [1.1] * (60 if long_run else 4)  # the bucket holds 10, one comes back each second
    begun = {}
    with logged_in(box).live() as live, Steady(beside, "beside", "trickle", 5):
        wait_for(live.readings, "the trickle")
        for number, pause_s in enumerate(moments):
            time.sleep(pause_s)
            begun[f"gate: e{number}"] = time.monotonic()
            gate.publish(f"alona/gate/event/e{number}", f'{{"v":1,"type":"e{number}","data":null}}', qos=1)
        wait_for(lambda: begun.keys() <= live.happened().keys(), "all events in the live stream")
        check("events", begun, live.happened(), 0.25, long_run)


class Logins:
    """Many browsers that try to log in all at once, and again when they are told to wait, until `patience_s` is over.
    Each second one knows the password. Half of them share an address, and with it its tries."""

    def __init__(self, box, many, patience_s):
        self.answers, self.broken = [], []
        self._until = time.monotonic() + patience_s
        self._gate = threading.Barrier(many)
        pages = [Page(box, "127.0.0.1" if n % 4 < 2 else f"127.0.1.{n + 1}") for n in range(many)]
        self._threads = [threading.Thread(target=self._run, args=(page, n % 2 == 0)) for n, page in enumerate(pages)]
        for thread in self._threads:
            thread.start()

    def _run(self, page, right):
        self._gate.wait()
        while time.monotonic() < self._until:
            try:
                answer = page.log_in(None if right else "not the password")
            except OSError as error:
                self.broken.append(repr(error))
                continue
            self.answers.append((right, answer))
            pause_s = float(answer.headers.get("retry-after", 0))
            time.sleep(min(pause_s, max(0, self._until - time.monotonic())))

    def join(self):
        for thread in self._threads:
            thread.join()


def test_a_flood_of_logins_hinders_neither_the_nodes_nor_the_memory(box, long_run):
    page = logged_in(box)
    client = box.client(box.add_node("steady"))
    with page.live() as live:
        with Steady(client, "steady", "t", 200) as sent:
            wait_for(live.readings, "the first readings")
            logins = Logins(box, 64, 60 if long_run else 5)
            logins.join()
        wait_for(lambda: sent.begun.keys() <= live.readings().keys(), "all readings in the live stream")
        wait_for(lambda: box.counts("steady")["stored"] == len(sent.begun), "all readings stored")
        seen = live.readings()
        late = [value for value, at in sent.begun.items() if seen[value] - at > INTERVAL_S + 2]
    said = Counter((right, answer.status) for right, answer in logins.answers)
    print(f"logins: {dict(sorted(said.items()))}, broken {len(logins.broken)}; core's VmHWM {memory_kib(box.core)} KiB")
    check("readings beside", sent.begun, seen, INTERVAL_S + 2, long_run)
    assert not late, f"{len(late)} of {len(sent.begun)} were late"
    assert memory_kib(box.core) <= MEMORY_MAX_KIB
    assert not logins.broken, logins.broken[:3]
    assert said[True, 200] and said[False, 401], "not one was looked at"
    assert not said[False, 200] and not said[True, 401]
    for _, answer in logins.answers:
        assert answer.status in (200, 401, 429, 503), answer
        if answer.status != 200:
            assert answer.json()["title"] and answer.json()["status"] == answer.status and answer.json()["next"]
        if answer.status in (429, 503):
            assert 1 <= int(answer.headers["retry-after"]) <= 60
    answer = Page(box).log_in()
    if answer.status == 429:
        time.sleep(int(answer.headers["retry-after"]))  # as it says
        answer = Page(box).log_in()
    assert answer.status == 200, answer


def test_streams_that_nobody_reads_end_and_the_others_go_on():
    """Sixteen streams, eight of which read nothing; 24 more hear that there is no room. Then those eight are cut."""
    with Box({"storage": 'commit_interval = "100ms"'}) as box:
        page = logged_in(box)
        client = box.client(box.add_node("loud"))
        silent = [page.live(read=False) for _ in range(8)]
        reading_ones = [page.live() for _ in range(8)]
        streams = silent + reading_ones
        try:
            assert all(live.status == 200 for live in streams)
            for _ in range(24):
                with page.live() as more:
                    assert more.status == 503
                    assert more.problem["title"] == "Too many live views are open" and more.problem["next"]
            before = memory_kib(box.core, "VmRSS")
            sent = flood_until_cut(box, page, client, reading_ones)
            last = FIRST + sent - 1
            wait_for(lambda: all(live.newest() == last for live in reading_ones), "the last at those who read")
            taken = [live.rest() for live in silent]
            print(f"{sent} readings; core's VmRSS {before} KiB before, {memory_kib(box.core, 'VmRSS')} KiB after, "
                  f"VmHWM {memory_kib(box.core)} KiB; the cut streams had been given {max(taken) // 1024} KiB")
            assert not any(live.ended.is_set() for live in reading_ones)
            assert all(list(live.readings()) == [FIRST + n for n in range(sent)] for live in reading_ones)
            assert memory_kib(box.core) <= MEMORY_MAX_KIB
            for _ in range(8):
                streams.append(wait_for(lambda: opened(page), "room for another stream"))
        finally:
            for live in streams:
                live.close()


def opened(page):
    """A stream; None when there is no room."""
    live = page.live()
    if live.status == 200:
        return live
    live.close()
    return None


BATCH = 333
FIRST = 1_000_000_000.5  # long numbers, so that the streams fill soon


def flood_until_cut(box, page, client, reading_ones, batches_max=1_500):
    """Publishes batches until there is room for another stream; how many readings that took. Never more than three are
    on their way: of a commit of more than 1,024 readings only the latest are told."""
    for number in range(batches_max):
        told = FIRST + (number - 2) * BATCH - 1  # the last of the batch before the two before this
        wait_for(lambda: all((live.newest() or 0) >= told or number < 3 for live in reading_ones), "those who read")
        values = (FIRST + number * BATCH + n for n in range(BATCH))
        parts = ",".join(f'{{"sensor":"t","value":{value},"unit":"C"}}' for value in values)
        client.publish("alona/loud/telemetry", f'{{"v":1,"readings":[{parts}]}}', qos=1)
        if number % 30 == 29:
            another = opened(page)
            if another:
                another.close()
                return (number + 1) * BATCH
    pytest.fail(f"{batches_max} batches, and no stream was cut")
