"""A node whose memory overflowed while the core was away has lost readings, and says so by raising `low`. The hole
never blocks it: acknowledgements go on rising past it, what is lost is counted, and what comes after is kept."""
import json

from box import wait_for


def message(seq, low, boot=7):
    return ("alona/roof/telemetry/t", json.dumps({"v": 1, "sensor": "t", "value": seq, "unit": "C",
                                                   "ts": 1_795_545_727 + seq, "boot": boot, "seq": seq, "low": low}))


class Acks:
    """What the core has acknowledged to the node roof, by boot."""

    def __init__(self):
        self.seqs = {}
        self.fell = []

    def __call__(self, received):
        ack = json.loads(received.payload)
        before = self.seqs.get(ack["boot"], 0)
        if ack["seq"] < before:
            self.fell.append((before, ack))
        self.seqs[ack["boot"]] = ack["seq"]


def test_acknowledgements_rise_past_what_a_node_has_given_up(box):
    acks = Acks()
    client = box.client(box.add_node("roof"), subscribe=["alona/roof/ack"], on_message=acks)

    def settled(seq):
        wait_for(lambda: acks.seqs.get(7) == seq, lambda: f"an ack of {seq}, is {acks.seqs}")

    box.publish(client, [message(seq, 1) for seq in range(1, 101)])
    settled(100)
    # 101 to 150 are sent into the void; 151 to 200 arrive while the node still hopes to send those again.
    box.publish(client, [message(seq, 101) for seq in range(151, 201)])
    wait_for(lambda: box.counts("roof")["stored"] == 150, "what came behind the hole")
    assert acks.seqs[7] == 100
    # Its ring overflows: it gives 101 to 150 up. All behind them is settled at once.
    box.publish(client, [message(201, 151)])
    settled(201)
    assert box.counts("roof") == {"stored": 151, "rejected": 0, "repeated": 0, "lost": 50}
    # A hole longer than the core's window, as after weeks; and the last message before it comes late.
    box.publish(client, [message(5_000, 4_990)])
    wait_for(lambda: acks.seqs[7] >= 4_989, "an ack past the long hole")
    box.publish(client, [message(seq, 4_990) for seq in range(4_990, 5_000)] + [message(150, 101)])
    settled(5_000)
    box.publish(client, [message(seq, seq) for seq in range(5_001, 5_101)])
    settled(5_100)
    assert box.counts("roof") == {"stored": 262, "rejected": 0, "repeated": 1, "lost": 50 + 4_989 - 201}
    # The core knows all that after a kill, and a node that begins anew is not held up by its former life.
    box.kill_core()
    box.start_core()
    box.publish(client, [message(seq, 1, boot=8) for seq in range(1, 11)])
    wait_for(lambda: acks.seqs.get(8) == 10, "acks of the next boot")
    assert box.counts("roof")["lost"] == 50 + 4_989 - 201
    assert not acks.fell, "an ack went back"


def test_a_node_with_a_small_memory_goes_on_after_it_overflowed(box, long_run):
    """The simulator's node holds 200 readings and takes 40 a second. What it lost before it was ever sent has no seq
    and makes no hole; the node tells it in its next heartbeat, each 60 s (ALONA_LONG=1 waits for that)."""
    cabin = box.add_node("cabin")
    sim = box.sim("--speed", "10", "--rate", "1", "--kind", "environment", "--ring", "200", "--drain", "30",
                  "--duration", "700" if long_run else "300", nodes=[cabin])
    wait_for(lambda: box.counts("cabin")["stored"] > 100, "its first readings")
    box.kill_broker()  # else it would keep them for the core
    box.stop_core()
    away = seconds_of(sim)
    wait_for(lambda: seconds_of(sim) - away > 7, "its ring to overflow")
    box.start_broker()
    box.start_core()
    at_return = box.counts("cabin")["stored"]
    assert sim.running()
    wait_for(lambda: box.counts("cabin")["stored"] > at_return + 300, "readings after the overflow")
    assert sim.wait(120) == 0, sim.last_words()

    sums = json.loads(sim.log.read_text().splitlines()[-1])
    counts = box.counts("cabin")
    rows = box.export(node="cabin")
    print(sums, counts)
    assert sums["lost"] > 0, "it didn't overflow"
    assert sums["pending"] == 0 and sums["acked"] + sums["lost"] == sums["taken"]
    # Some that it gave up had arrived, and it didn't hear of it.
    assert sums["acked"] <= counts["stored"] <= sums["taken"]
    assert counts["rejected"] == 0
    assert len(rows) == counts["stored"] == len({(row.sensor, row.ts_ms) for row in rows})
    newest = max(row.ts_ms for row in rows)
    assert sum(row.ts_ms > newest - 50_000 for row in rows) == 4 * 50, "the last 50 simulated seconds are whole"
    if long_run:
        assert box.api("/api/v1/nodes/cabin")["heartbeat"]["lost"] == sums["lost"]


def seconds_of(process):
    """How long it has run."""
    with open(f"/proc/{process.pid}/stat") as stat, open("/proc/uptime") as uptime:
        ticks = int(stat.read().rsplit(")", 1)[1].split()[19])
        return float(uptime.read().split()[0]) - ticks / 100
