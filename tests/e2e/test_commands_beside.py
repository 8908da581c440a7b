"""Commands that read the database come and go beside the core and take nothing from it."""
import sqlite3

from box import wait_for


def test_what_comes_after_a_command_has_read_outlives_a_kill(box):
    roof = box.add_node("roof")
    client = box.client(roof)

    def stored(number):
        box.publish(client, [("alona/roof/telemetry/t",
                              f'{{"v":1,"sensor":"t","value":{number},"unit":"C","ts":{1795545727 + number}}}')])
        wait_for(lambda: box.counts("roof")["stored"] == number, f"reading {number}")

    for number in range(1, 4):
        box.export()
        box.run("node", "list")
        stored(number)
        assert [r.value for r in box.export()] == list(range(1, number + 1))
    box.kill_core()
    assert [r.value for r in box.export()] == [1, 2, 3]
    box.start_core()
    assert box.counts("roof") == {"stored": 3, "rejected": 0, "repeated": 0, "lost": 0}


def test_a_plain_sqlite3_that_closes_last_harms_nothing(box):
    """It then writes the log home, without the checksums that Alona gives its pages."""
    roof = box.add_node("roof")
    client = box.client(roof)
    for number in range(1, 4):
        box.publish(client, [("alona/roof/telemetry/t", f'{{"v":1,"sensor":"t","value":{number},"unit":"C"}}')])
        wait_for(lambda: box.counts("roof")["stored"] == number, f"reading {number}")
        shell = sqlite3.connect(box.data / "live/db/alona.sqlite3")
        shell.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        box.kill_core()
        shell.close()
        assert [r.value for r in box.export()] == list(range(1, number + 1))
        box.start_core()
    assert box.counts("roof") == {"stored": 3, "rejected": 0, "repeated": 0, "lost": 0}
