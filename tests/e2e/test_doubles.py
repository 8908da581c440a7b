"""Doubles arrive equal to the last bit, as docs/protocol.md promises ("arrive as the nearest double, to the last bit"):
100,000 random ones of every exponent that a reading may have, subnormal ones and both zeros among them, written as the
shortest text that means them, by a client that isn't ours; a tenth one by one, the rest in batches."""
import json
import random
import struct

from box import wait_for

COUNT = 100_000
SINGLES = 10_000
BATCH = 450
FIRST_MS = 1_700_000_000_000
VALUE_MAX = 1e15
BIASED_MAX = 1023 + 49  # the exponent of 1e15, as its bits have it
EDGES = [0.0, -0.0, 5e-324, -5e-324, 2.225073858507201e-308, 2.2250738585072014e-308, 1e15, -1e15, 999999999999999.9,
         0.1, 1 / 3, 9007199254740991 / 16, 1e-7, 123456789012345.67]


def draw(rng):
    """Every exponent as likely as another; a fifth decimals, as sensors say them."""
    if rng.random() < 0.2:
        return round(rng.uniform(-1000, 1000), rng.randrange(7))
    while True:
        bits = rng.getrandbits(1) << 63 | rng.randint(0, BIASED_MAX) << 52 | rng.getrandbits(52)
        [value] = struct.unpack(">d", struct.pack(">Q", bits))
        if abs(value) <= VALUE_MAX:
            return value


def text(value, rng):
    """Shortest, in one of the ways in which programs write it."""
    shortest = repr(value)
    return shortest.upper() if rng.random() < 0.3 else shortest


def test_random_doubles_arrive_to_the_last_bit(box, seed):
    rng = random.Random(seed)
    values = EDGES + [draw(rng) for _ in range(COUNT - len(EDGES))]
    rng.shuffle(values)
    assert sum(value != 0 and abs(value) < 2.2250738585072014e-308 for value in values) >= 20
    roof = box.add_node("roof")
    client = box.client(roof)

    def reading(at, ts):
        return f'"sensor":"x","value":{text(values[at], rng)},"unit":"1","ts":{ts}'

    messages = []
    for at in range(SINGLES):
        messages.append(("alona/roof/telemetry/x", f'{{"v":1,{reading(at, (FIRST_MS + at) / 1000)}}}'))
    at = SINGLES
    while at < COUNT:
        part, size = [], 0
        while at < COUNT and len(part) < BATCH and size < 16_000:
            part.append(f"{{{reading(at, (FIRST_MS + at) / 1000)}}}")
            size += len(part[-1]) + 1
            at += 1
        messages.append(("alona/roof/telemetry", f'{{"v":1,"readings":[{",".join(part)}]}}'))
    rng.shuffle(messages)
    box.publish(client, messages, patience_s=120)
    wait_for(lambda: sum(box.counts("roof").values()) >= COUNT, "all readings to be settled", 60)

    counts = box.counts("roof")
    assert counts == {"stored": COUNT, "rejected": 0, "repeated": 0, "lost": 0}, (
        counts, box.run("rejects", "list").stdout)
    for form in ("csv", "ndjson"):
        rows = box.export(form)
        assert [row.ts_ms for row in rows] == list(range(FIRST_MS, FIRST_MS + COUNT))
        wrong = [(sent.hex(), row.value.hex()) for sent, row in zip(values, rows)
                 if struct.pack(">d", sent) != struct.pack(">d", row.value)]
        assert not wrong, f"{form}: {len(wrong)} differ, sent and kept: {wrong[:5]}"


def test_what_no_double_means_is_refused(box):
    roof = box.add_node("roof")
    client = box.client(roof)
    wrong = ["NaN", "Infinity", "-Infinity", "1e400", "1000000000000000.1", "-1e16", "0x10", "01", "+1", ".5", "1."]
    box.publish(client, [("alona/roof/telemetry/x", f'{{"v":1,"sensor":"x","value":{value},"unit":"1"}}')
                         for value in wrong])
    # Below the smallest double the nearest one is zero, with its sign.
    box.publish(client, [("alona/roof/telemetry/x", '{"v":1,"sensor":"x","value":-1e-400,"unit":"1"}')])
    wait_for(lambda: sum(box.counts("roof").values()) == len(wrong) + 1, "all to be settled")
    assert box.counts("roof")["rejected"] == len(wrong)
    assert [row.value.hex() for row in box.export()] == ["-0x0.0p+0"]
    reasons = {row["reason"] for row in json.loads(box.run("rejects", "list", "--json").stdout)}
    assert reasons <= {"json", "range"}, reasons
