"""A chart by days shows the days of the place, also those on which its clocks change."""
import json
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from box import Box, wait_for

HOUR_MS = 3_600_000


def ms(moment):
    return int(moment.astimezone(timezone.utc).timestamp() * 1000)


def local_days(zone, first, count):
    """Each day's begin and end as the clocks there have it. None of these zones here lacks a midnight."""
    midnights = [datetime(first.year, first.month, first.day, tzinfo=zone) + timedelta(days=i) for i in range(count + 1)]
    return [(ms(a), ms(b)) for a, b in zip(midnights, midnights[1:])]


@pytest.mark.parametrize("name, first", [("Europe/Berlin", datetime(2025, 3, 29)), ("Europe/Berlin", datetime(2025, 10, 25)),
                                         ("Australia/Lord_Howe", datetime(2025, 4, 5))])
def test_days_of_the_sites_zone(name, first):
    days = local_days(ZoneInfo(name), first, 3)
    assert any(end - begin != 24 * HOUR_MS for begin, end in days)
    with Box({"core": f'timezone = "{name}"'}) as box:
        client = box.client(box.add_node("roof"))
        half_hours = range(days[0][0], days[-1][1], HOUR_MS // 2)
        readings = [{"sensor": "t", "value": i, "unit": "C", "ts": t / 1000} for i, t in enumerate(half_hours)]
        box.publish(client, [("alona/roof/telemetry", json.dumps({"v": 1, "readings": readings}))])
        wait_for(lambda: box.counts("roof")["stored"] == len(readings), "the readings")
        series = box.api("/api/v1/nodes/roof")["series"][0]["id"]
        noon = days[0][0] + 12 * HOUR_MS
        told = box.api(f"/api/v1/series/{series}/history?from={noon}&to={days[-1][0] + 1}&by=day")
        assert (told["from"], told["to"]) == (days[0][0], days[-1][1])
        assert list(zip(told["t"], told["end"])) == days
        assert told["n"] == [(end - begin) // (HOUR_MS // 2) for begin, end in days]
        assert told["min"][1] == told["n"][0] and told["max"][1] == told["n"][0] + told["n"][1] - 1
        with pytest.raises(AssertionError, match="422"):
            box.api(f"/api/v1/series/{series}/history?by=week")
