"""A damaged database takes what it lost from the newest proven backup, by itself, and says how much it took."""
import re

import pytest
from box import Box, wait_for

SCHEMA_PAGES = 60  # of 512 bytes: those of the tables' own beginnings


def publish(box, client, values):
    box.publish(client, [("alona/roof/telemetry/t", f'{{"v":1,"sensor":"t","value":{v},"unit":"C"}}') for v in values])


def values(box):
    return sorted(round(row.value) for row in box.export())


def ruin(box):
    """The pages of the older commits are nothing but noise."""
    path = box.data / "live/db/alona.sqlite3"
    data = bytearray(path.read_bytes())
    pages = [page for page in range(SCHEMA_PAGES, len(data) // 512) if any(data[512 * page:512 * page + 400])]
    for page in pages[:len(pages) // 2]:
        data[512 * page:512 * (page + 1)] = bytes((page * 7 + i) % 251 for i in range(512))
    path.write_bytes(data)


def set_in(box):
    return next((box.data / "backups").glob("*.tar.zst"))


@pytest.fixture
def damaged():
    """2,000 readings in a proven backup, 500 more, and the core stopped with half of its pages ruined."""
    with Box() as box:
        box.roof = box.client(box.add_node("roof"))
        publish(box, box.roof, range(2000))
        wait_for(lambda: box.counts("roof")["stored"] == 2000, "the readings")
        box.run("backup", "now")
        box.run("backup", "drill")
        publish(box, box.roof, range(2000, 2500))
        wait_for(lambda: box.counts("roof")["stored"] == 2500, "the readings")
        box.stop_core()
        ruin(box)
        yield box


def started(box):
    box.start_core(wait=False)
    wait_for(lambda: box.run("status", check=False).returncode in (0, 1), lambda: box.core.last_words())
    found = box.run("status", check=False).stdout
    assert "damaged" in found, found
    return " ".join(found.split())


def test_what_was_lost_comes_from_the_backup(damaged):
    said = started(damaged)
    taken = re.search(r"From the backup alona-\S+, proven restorable on \S+: Taken: ([\d]+) readings", said)
    assert taken and 0 < int(taken[1]) <= 2000, said
    there = values(damaged)
    assert set(range(2000)) <= set(there), "all of the backup"
    assert len(there) == len(set(there)), "none twice"
    assert not (damaged.data / "scratch/salvage").exists()
    publish(damaged, damaged.roof, [9000])
    wait_for(lambda: 9000 in values(damaged), "a new reading")
    assert damaged.run("check", "--full").returncode == 0
    damaged.run("backup", "now")
    damaged.run("backup", "drill")


def test_a_backup_that_is_of_no_use_is_named_and_nothing_stops(damaged):
    path = set_in(damaged)
    path.write_bytes(path.read_bytes()[:-100])
    said = started(damaged)
    assert "was of no use" in said and "Nothing was taken from a backup." in said, said
    assert len(values(damaged)) < 2500


def test_an_older_proven_backup_stands_in_for_a_bad_one(damaged):
    newest = set_in(damaged)
    older = newest.parent / re.sub(r"-(\d{4})\d{4}T", r"-\g<1>0101T", newest.name)
    older.write_bytes(newest.read_bytes())
    (older.parent / (older.name + ".state")).write_bytes((newest.parent / (newest.name + ".state")).read_bytes())
    newest.write_bytes(newest.read_bytes()[:-100])
    said = started(damaged)
    assert f"{newest.name}" in said and "was of no use" in said and f"From the backup {older.name}" in said, said
    assert set(range(2000)) <= set(values(damaged))


def test_without_a_proven_backup_it_says_so(damaged):
    (damaged.data / "backups" / (set_in(damaged).name + ".state")).unlink()
    said = started(damaged)
    assert "There is no proven backup to take the rest from." in said, said


def test_without_room_it_says_so_and_goes_on(damaged):
    config = damaged.config_file.read_text()
    damaged.config_file.write_text(config + '\n[storage]\nreserve = "900 GiB"\n' if "[storage]" not in config
                                   else config.replace("[storage]", '[storage]\nreserve = "900 GiB"'))
    said = started(damaged)
    assert "unpacking it needs" in said and "MiB free on this disk" in said, said
