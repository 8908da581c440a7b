"""Old readings are sealed while new ones come, and a core that is killed at any moment of it loses and doubles none."""
import json
import random
import sqlite3
import struct
from collections import defaultdict

import commit_log
from box import wait_for

TS = 1_700_000_000  # a time that no clock here is behind
SERIES, PER_MESSAGE, MESSAGES = 20, 250, 1_000  # 250,000 readings: the log holds 100,000
HOT_MAX = 100_000


def sealed_and_hot(box):
    with sqlite3.connect(f"file:{box.data}/live/db/alona.sqlite3?mode=ro", uri=True, isolation_level=None) as shell:
        sealed, = shell.execute("SELECT coalesce(sum(count), 0) FROM chunk").fetchone()
        hot = commit_log.readings_in(shell)
    shell.close()
    return sealed, hot


def test_what_is_sealed_under_load_and_kills_is_whole(box, seed):
    rng = random.Random(seed)
    client = box.client(box.add_node("roof"))
    sent = defaultdict(list)
    second = TS
    messages = []
    for number in range(MESSAGES):
        readings = []
        for i in range(PER_MESSAGE):
            sensor = f"s{i % SERIES}"
            second += i % SERIES == 0
            value = rng.random() if sensor == "s0" else rng.randrange(400) / 10
            sent[sensor].append((second * 1000, value))
            readings.append({"sensor": sensor, "value": value, "unit": "1", "ts": second})
        messages.append(("alona/roof/telemetry", json.dumps({"v": 1, "readings": readings, "boot": 7, "seq": number + 1,
                                                             "low": max(1, number - 400)})))
    box.publish(client, [("alona/roof/heartbeat", '{"v":1,"uptime":77,"rssi":-60}')])
    for begin in range(0, MESSAGES, 100):
        box.publish(client, messages[begin:begin + 100], 60)
        if begin >= 400:
            wait_for(lambda: sum(sealed_and_hot(box)) >= (begin - 100) * PER_MESSAGE, "some of it to be stored", 60)
            box.kill_core()
            box.start_core()
    wait_for(lambda: box.counts("roof")["stored"] == MESSAGES * PER_MESSAGE, "all readings", 60)
    wait_for(lambda: sealed_and_hot(box)[1] <= HOT_MAX, lambda: f"sealing's end, are {sealed_and_hot(box)}", 60)
    sealed, hot = sealed_and_hot(box)
    print(f"{sealed} sealed, {hot} in the log")
    assert sealed >= MESSAGES * PER_MESSAGE - HOT_MAX

    got = defaultdict(list)
    for row in box.export():
        got[row.sensor].append((row.ts_ms, struct.pack(">d", row.value)))
    assert got == {sensor: [(ts, struct.pack(">d", value)) for ts, value in rows] for sensor, rows in sent.items()}
    heartbeat = box.api("/api/v1/nodes/roof")["heartbeat"]
    assert heartbeat is not None and heartbeat["uptime_s"] == 77
    # Sealed history answers like any other, and a repeat of what is sealed is known.
    series = next(s for s in box.api("/api/v1/nodes/roof")["series"] if s["sensor"] == "s3")
    history = box.api(f"/api/v1/series/{series['id']}/history?from={TS * 1000}&to={(second + 1) * 1000}&points=100")
    assert sum(history["n"]) == len(sent["s3"])
    first = sent["s3"][0]
    again = {"v": 1, "sensor": "s3", "value": first[1], "unit": "1", "ts": first[0] / 1000}
    box.publish(client, [("alona/roof/telemetry/s3", json.dumps(again))])
    wait_for(lambda: box.counts("roof")["repeated"] >= 1, "the repeat")
    assert box.counts("roof")["stored"] == MESSAGES * PER_MESSAGE
