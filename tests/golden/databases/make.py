#!/usr/bin/python3
"""Makes one of the files here: `ALONA=…/alona make.py N`, with the program built where schema_version was N (for version 2
with a small limits::hot_readings_max, so that some of it is sealed). A real box fills it: nodes, readings, events, errors,
heartbeats, rejects, a user; a core that ends between. vN.csv is what that program exports. Never made again: src/store/
upgrade_test.cc upgrades them."""
import json
import random
import sqlite3
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "e2e"))
from box import Box, wait_for  # noqa: E402

TS = 1_793_000_000
MESSAGES, PER_MESSAGE = 60, 25


def fill(box):
    rng = random.Random(1)
    clients = {name: box.client(box.add_node(name)) for name in ("roof", "well", "shed")}
    for n in range(MESSAGES):
        for name, client in clients.items():
            readings = [{"sensor": "temperature" if i % 2 else "power", "unit": "C" if i % 2 else "W",
                         "value": rng.randrange(400) / 10 if i % 2 else rng.random(), "ts": TS + 60 * (PER_MESSAGE * n + i)}
                        for i in range(PER_MESSAGE if name == "roof" else 2)]
            counted = {"boot": 7, "seq": n + 1, "low": 1} if name == "well" else {}
            box.publish(client, [(f"alona/{name}/telemetry", json.dumps({"v": 1, "readings": readings, **counted}))])
        if n % 10 == 0:
            box.publish(client, [("alona/shed/event/door", json.dumps({"v": 1, "type": "door", "data": {"n": n}})),
                                 ("alona/shed/error", json.dumps({"v": 1, "code": "e", "message": str(n)})),
                                 ("alona/shed/heartbeat", json.dumps({"v": 1, "uptime": n, "rssi": -60})),
                                 ("alona/shed/telemetry/x", "nonsense")])
        if n == MESSAGES // 2:
            box.stop_core()
            box.start_core()
    wait_for(lambda: box.counts("roof")["stored"] == MESSAGES * PER_MESSAGE, "the readings")


def main():
    version = int(sys.argv[1])
    with Box() as box:
        fill(box)
        (HERE / f"v{version}.csv").write_text(box.run("export").stdout)
        box.stop_core()
        file = HERE / f"v{version}.sqlite3"
        file.write_bytes((box.data / "live/db/alona.sqlite3").read_bytes())
        shell = sqlite3.connect(f"file:{file}?mode=ro&immutable=1", uri=True)
        tables = [name for name, in shell.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        print(file.stat().st_size, "bytes", shell.execute("PRAGMA user_version").fetchone(),
              {t: shell.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in tables})


if __name__ == "__main__":
    main()
