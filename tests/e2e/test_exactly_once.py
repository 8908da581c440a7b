"""What a broker delivers again after a crash, and what a node could not hold, neither doubles nor blocks anything."""
import json
import random
import struct
import threading
import time

from box import wait_for

TS = 1_700_000_000  # a time that no clock here is behind
MESSAGES = 5_000


def reading(number, ts=None, numbered=None):
    """Of boot 7; numbered: (seq, low)."""
    text = {"v": 1, "sensor": "t", "value": number, "unit": "C"}
    if ts is not None:
        text["ts"] = ts
    if numbered:
        text |= {"boot": 7, "seq": numbered[0], "low": numbered[1]}
    return json.dumps(text)


def redelivered(box, payloads):
    """The broker is killed after an old save; returns the export after it has delivered everything again."""
    roof = box.add_node("roof")
    box.stop_core()
    client = box.client(roof)
    box.publish(client, [("alona/roof/telemetry/t", payload) for payload in payloads])
    box.save_broker()
    box.start_core()
    wait_for(lambda: box.counts("roof")["stored"] == MESSAGES, "all readings")
    client.disconnect()
    box.kill_broker()
    box.start_broker()
    wait_for(lambda: box.counts("roof")["repeated"] == MESSAGES, "the broker's second delivery")
    counts = box.counts("roof")
    assert counts == {"stored": MESSAGES, "rejected": 0, "repeated": MESSAGES, "lost": 0}
    return [r.value for r in box.export()]


def test_an_old_save_of_the_broker_doubles_nothing_that_is_numbered(box):
    # 500 at a time are held, as a node does.
    payloads = [reading(n, TS + n, (n, max(1, n - 499))) for n in range(1, MESSAGES + 1)]
    assert redelivered(box, payloads) == list(range(1, MESSAGES + 1))


def test_an_old_save_of_the_broker_doubles_nothing_that_is_not_numbered(box):
    # Without a time of their own either: only the tail can know them.
    payloads = [reading(n) for n in range(1, MESSAGES + 1)]
    assert redelivered(box, payloads) == list(range(1, MESSAGES + 1))


class Node:
    """Hears its acks."""

    def __init__(self, box, login):
        self.box, self.acked, self._heard = box, 0, threading.Condition()
        self.client = box.client(login, on_message=self._on_ack, subscribe=[f"alona/{login.user}/ack"])

    def _on_ack(self, message):
        ack = json.loads(message.payload)
        assert ack["boot"] == 7
        with self._heard:
            self.acked = max(self.acked, ack["seq"])
            self._heard.notify_all()

    def send(self, seq, low):
        self.box.publish(self.client, [("alona/roof/telemetry/t", reading(seq, TS + seq, (seq, low)))])

    def hears(self, seq):
        wait_for(lambda: self.acked >= seq, f"the ack of {seq}")
        assert self.acked == seq


def test_what_a_full_memory_gave_up_never_blocks_its_node(box):
    node = Node(box, box.add_node("roof"))
    node.send(1, 1)
    node.hears(1)
    node.send(3, 2)  # 2 is still held: the ack may not pass it
    node.send(4, 2)
    wait_for(lambda: box.counts("roof")["stored"] == 3, "what came out of order")
    assert node.acked == 1
    node.send(5, 4)  # 2 is given up, 3 had come
    node.hears(5)
    node.send(9_000, 9_000)  # far beyond the window, after a long time without a line
    node.hears(9_000)
    assert box.counts("roof") == {"stored": 5, "rejected": 0, "repeated": 0, "lost": 1 + (8_999 - 5)}
    node.send(9_001, 9_001)
    node.hears(9_001)
    assert [r.value for r in box.export()] == [1, 3, 4, 5, 9_000, 9_001]


def test_a_simulated_node_that_lost_its_oldest_readings_goes_on(box):
    roof = box.add_node("roof")
    box.stop_core()
    # In its 900 s 18,000 are measured, and 500 fit into its memory.
    sim = box.sim("--series", "1", "--rate", "20", "--speed", "150", "--duration", "900", "--ring", "500",
                  "--start", "2026-11-01T00:00:00Z", nodes=[roof])
    queued = lambda: (box.folder / "sim.log").exists() and sim.running()
    wait_for(queued, "the simulator")
    time.sleep(2)  # 300 simulated seconds without a core: 6,000 readings
    assert sim.running(), sim.last_words()
    box.start_core()
    assert sim.wait(120) == 0, sim.last_words()
    sums = json.loads(sim.log.read_text().splitlines()[-1])
    assert sums["lost"] > 0 and sums["pending"] == 0, sums
    exported = box.export()
    # What it gave up may have reached the broker all the same.
    assert sums["acked"] <= len(exported) <= sums["taken"]
    assert len({r.ts_ms for r in exported}) == len(exported)


def random_double(chance):
    """Any double of at most 1e15: all exponents, denormals and both zeros."""
    while True:
        value, = struct.unpack(">d", chance.randbytes(8))
        if abs(value) <= 1e15:
            return value


def test_100000_random_doubles_arrive_equal_to_the_last_bit(box, seed):
    chance = random.Random(seed)
    values = [random_double(chance) for _ in range(99_990)]
    values += [0.0, -0.0, 5e-324, -5e-324, 2.2250738585072014e-308, 1e15, -1e15, 0.1, 1 / 3, 2**49 + 0.0]
    client = box.client(box.add_node("roof"))
    messages, at = [], 0
    while at < len(values):
        size = min(chance.randint(1, 150), len(values) - at)
        readings = [{"sensor": "t", "value": value, "unit": "1", "ts": TS + at + i}
                    for i, value in enumerate(values[at:at + size])]
        messages.append(("alona/roof/telemetry", json.dumps({"v": 1, "readings": readings})))
        at += size
    box.publish(client, messages, 120)
    wait_for(lambda: box.counts("roof")["stored"] == len(values), "all of them", 60)
    got = [struct.pack(">d", r.value) for r in box.export()]
    assert got == [struct.pack(">d", value) for value in values]
    assert [struct.pack(">d", r.value) for r in box.export("ndjson")] == got
