"""Checks of the whole database: after a core that was killed, beside one that runs, and without one."""
import json
import sqlite3

from box import wait_for


def checks(box):
    """(kind, whole) of each that was kept, oldest first."""
    with sqlite3.connect(f"file:{box.data}/live/db/alona.sqlite3?mode=ro", uri=True) as shell:
        rows = shell.execute("SELECT kind, whole FROM check_run ORDER BY id").fetchall()
    shell.close()
    return rows


def test_a_killed_core_is_checked_and_a_full_check_is_kept(box):
    client = box.client(box.add_node("roof"))
    box.publish(client, [("alona/roof/telemetry/t", f'{{"v":1,"sensor":"t","value":{n},"unit":"C"}}') for n in range(200)])
    wait_for(lambda: box.counts("roof")["stored"] == 200, "the readings")
    before = len(checks(box))
    box.kill_core()
    box.start_core()
    wait_for(lambda: checks(box)[before:] == [("quick", 1)], lambda: f"the quick check; {box.core.last_words()}")
    assert "quick check after an unclean end: the database is whole" in box.core.log.read_text()

    said = json.loads(box.run("check", "--full", "--json").stdout)
    assert said["whole"] and said["on_copy"] and said["commits"] > 0, said
    assert checks(box)[before:] == [("quick", 1), ("full", 1)]
    assert not (box.data / "scratch").exists()
    box.stop_core()
    assert "The database is whole." in box.run("check").stdout
    assert checks(box)[-1] == ("quick", 1)


def test_damage_that_a_check_finds_is_told_and_salvaged_at_the_next_start(box):
    client = box.client(box.add_node("well"))
    box.publish(client, [("alona/well/event/door", f'{{"v":1,"type":"door","data":{{"n":{n},"text":"{"x" * 300}"}}}}')
                         for n in range(50)])
    wait_for(lambda: len(box.api("/api/v1/events?node=well&from=0&to=9999999999999")["events"]) == 50, "the events")
    box.stop_core()
    file = box.data / "live/db/alona.sqlite3"
    damaged = bytearray(file.read_bytes())
    at = damaged.index(b"x" * 200)  # an event's page: no start reads it
    damaged[at] ^= 1
    file.write_bytes(damaged)
    box.start_core()
    said = box.run("check", check=False)
    assert said.returncode == 1 and "damaged" in said.stdout, said
    findings = lambda: {one["id"]: one for one in box.overview()["findings"]}
    wait_for(lambda: "damaged" in findings(), "the finding")
    box.stop_core()
    box.start_core()
    wait_for(lambda: "salvaged" in findings() and "damaged" not in findings(), "salvage's finding")
    assert len(box.api("/api/v1/events?node=well&from=0&to=9999999999999")["events"]) == 50  # the bit is put right
