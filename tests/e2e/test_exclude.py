"""Readings taken out by hand: marked, never deleted, and brought back; sealed ones and fresh ones alike."""
import sqlite3
from datetime import datetime, timezone

import pytest
from box import wait_for
from test_sealing import sealed_and_hot

HEADER = "time,node,sensor,value,unit,quality\n"
BEGIN = 1_700_000_000_000  # ms
N = 130_000  # one a second: more than the log holds


def moment(n):
    return BEGIN + 1000 * n


def iso(ms):
    return datetime.fromtimestamp(ms / 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def text():
    # Two spikes: one that is sealed by then, one that isn't.
    value = {1_000: 999, N - 1_000: -999}
    return HEADER + "".join(f"{iso(moment(n))},well,level,{value.get(n, n % 100)},m,node\n" for n in range(N))


def exclude(box, first, last, excluded, note=""):
    """The readings from number `first` to `last`, both included."""
    body = {"series": 1, "from": moment(first), "to": moment(last) + 1, "excluded": excluded, "note": note}
    return box.api("/api/v1/readings/exclude", "POST", body)


def history(box, points=1):
    return box.api(f"/api/v1/series/1/history?from={moment(0)}&to={moment(N)}&points={points}")


def extremes(box):
    told = history(box)
    return min(told["min"]), max(told["max"]), sum(told["n"])


def audit(box):
    with sqlite3.connect(f"file:{box.data}/live/db/alona.sqlite3?mode=ro", uri=True) as shell:
        rows = shell.execute("SELECT who, what FROM audit ORDER BY id").fetchall()
    shell.close()
    return rows


def test_spikes_leave_the_chart_and_come_back(box):
    box.run("import", "-", input=text())
    wait_for(lambda: sealed_and_hot(box)[0] > 20_000 and sealed_and_hot(box)[1] <= 100_000, "sealing", 60)
    assert extremes(box) == (-999, 999, N)
    assert exclude(box, 1_000, 1_000, True, "a spider") == {"readings": 1, "changed": 1}
    assert exclude(box, N - 1_000, N - 1_000, True) == {"readings": 1, "changed": 1}
    assert exclude(box, N - 1_000, N - 1_000, True) == {"readings": 1, "changed": 0}
    assert extremes(box) == (0, 99, N - 2)
    box.kill_core()
    box.start_core()
    wait_for(lambda: box.api("/api/v1/session"), "the core")
    assert extremes(box) == (0, 99, N - 2)
    marked = [(row.ts_ms, row.value) for row in box.export() if "excluded" in row.quality]
    assert marked == [(moment(1_000), 999), (moment(N - 1_000), -999)]

    # A longer stretch is a gap with its cause.
    assert exclude(box, 2_000, 2_599, True) == {"readings": 600, "changed": 600}
    told = box.api(f"/api/v1/series/1/history?from={moment(1_500)}&to={moment(3_000)}&points=5000")
    assert [(gap["from"], gap["to"], gap["cause"]) for gap in told["gaps"]] == [(moment(1_999), moment(2_600), "excluded")]
    assert len(told["t"]) == 900

    with pytest.raises(AssertionError, match="409"):
        exclude(box, 0, 5_000, True)
    assert extremes(box)[2] == N - 602
    assert exclude(box, 1_000, 2_700, False, "they were right") == {"readings": 1_701, "changed": 601}
    assert exclude(box, N - 1_000, N - 1_000, False)["changed"] == 1
    assert extremes(box) == (-999, 999, N)
    assert len(box.export()) == N and not any("excluded" in row.quality for row in box.export())
    noted = [what for _, what in audit(box) if "readings of well level (m)" in what]
    assert len(noted) == 5 and noted[0].startswith("excluded") and noted[0].endswith("Z: a spider")
    assert "brought back" in noted[3]
