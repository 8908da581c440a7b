"""A core whose database can't be opened doesn't vanish: it takes no messages, /health says failing, every page says what
is wrong and what to do, and it goes on by itself once the cause is gone. A damaged one is kept aside, and what can be
read of it goes on in a fresh one; each reading that was acknowledged and can be read is there."""
import http.client
import json
import random
import re
import shutil
import sqlite3

import pytest
from box import Box, wait_for

PATIENCE_S = 40  # it looks again every 10 s


def ask(box, path, method="GET", headers=()):
    connection = http.client.HTTPConnection("127.0.0.1", box.page_port, timeout=10)
    try:
        connection.request(method, path, headers=dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.headers
    except OSError:
        return None, "", {}
    finally:
        connection.close()


def rescue_page(box):
    wait_for(lambda: ask(box, "/")[0] == 503, lambda: "the rescue page; " + box.core.last_words())
    return re.sub(r"<[^>]+>", " ", ask(box, "/")[1])


def database(box):
    return box.data / "live/db/alona.sqlite3"


def publish(box, client, values):
    box.publish(client, [("alona/roof/telemetry/t", f'{{"v":1,"sensor":"t","value":{v},"unit":"C"}}') for v in values])


@pytest.fixture(scope="module")
def resting():
    """A box with readings, whose core has ended; its broker runs on and keeps what comes."""
    with Box() as box:
        box.roof = box.client(box.add_node("roof"))
        publish(box, box.roof, range(1, 401))
        wait_for(lambda: box.counts("roof")["stored"] == 400, "the readings")
        box.stop_core()
        yield box


@pytest.fixture
def file(resting):
    """The database; whole again afterwards."""
    path = database(resting)
    whole = path.read_bytes()
    yield path
    if resting.core.running():
        resting.stop_core()
    for other in path.parent.glob("alona.sqlite3*"):
        if other.suffix != ".lock":
            other.unlink()
    shutil.rmtree(resting.data / "quarantine", ignore_errors=True)
    path.write_bytes(whole)


def stand_by(box, *says):
    box.start_core(wait=False)
    text = rescue_page(box)
    for part in says:
        assert part in text, text
    assert "Newest backup that is proven" in text and "None is known." in text
    assert ask(box, "/health")[:2] == (503, '{"status":"failing"}')
    assert ask(box, "/nodes/roof")[0] == 503
    status, body, _ = ask(box, "/api/v1/overview")
    assert status == 503 and json.loads(body)["next"]
    assert ask(box, "/rescue.css")[0] == 200
    assert ask(box, "/app.js")[0] == 404
    assert box.core.running()
    said = box.run("status", check=False)
    assert said.returncode == 4 and "database" in said.stderr, said


def goes_on(box, stored):
    """By itself, with what was there and what waited at the broker."""
    wait_for(lambda: ask(box, "/")[0] == 200, lambda: "the page; " + box.core.last_words(), PATIENCE_S)
    box.wait_healthy()
    wait_for(lambda: len(box.export()) == stored, lambda: f"the readings, are {len(box.export())}", PATIENCE_S)


def test_no_database(resting, file):
    away = file.rename(resting.folder / "away")
    stand_by(resting, "database isn’t there", "alona setup")
    publish(resting, resting.roof, [1000])  # waits at the broker
    away.rename(file)
    goes_on(resting, 401)
    log = resting.core.log.read_text()
    assert "there is no database at" in log
    assert not (resting.data / "health/rescue_since").exists()


@pytest.mark.parametrize("content, says", [
    (b"", "it is empty"),
    (b"not a database " * 1000, "its first bytes are wrong"),
    (b"\0" * 20_000, "its first bytes are wrong"),
])
def test_what_is_not_a_database(resting, file, content, says):
    file.write_bytes(content)
    stand_by(resting, "database is damaged", says)
    assert file.read_bytes() == content


def test_a_database_of_something_else(resting, file):
    file.unlink()
    with sqlite3.connect(file) as other:
        other.execute("CREATE TABLE bookmark (url TEXT)")
    other.close()
    before = file.read_bytes()
    stand_by(resting, "not one of Alona's")
    assert file.read_bytes() == before


def test_a_newer_database(resting, file):
    whole = file.read_bytes()
    shell = sqlite3.connect(file, isolation_level=None)
    shell.execute("PRAGMA journal_mode = DELETE")
    shell.execute("PRAGMA user_version = 99")
    shell.close()
    data = bytearray(file.read_bytes())
    page = int.from_bytes(data[16:18], "big")
    data[page - 8:page] = bytes(8)  # as another program leaves a page: without a seal
    file.write_bytes(data)
    stand_by(resting, "newer Alona", "99", "Install the newer program")
    assert file.read_bytes() == bytes(data)
    resting.stop_core()
    file.write_bytes(whole)


def test_damage_is_kept_aside_and_what_can_be_read_goes_on(resting, file):
    damaged = bytearray(file.read_bytes())
    page = int.from_bytes(damaged[16:18], "big")
    rng = random.Random(4)
    for at in rng.sample(range(30, len(damaged) // page), 25):
        damaged[at * page + rng.randrange(page - 8)] ^= 1 << rng.randrange(8)
    file.write_bytes(damaged)
    publish(resting, resting.roof, [2000])
    resting.start_core()
    goes_on(resting, 401)
    kept = [path for path in (resting.data / "quarantine").iterdir() if path.suffix == ".sqlite3"]
    assert len(kept) == 1 and kept[0].read_bytes() == bytes(damaged)
    wait_for(lambda: any(f["id"] == "salvaged" for f in resting.overview()["findings"]), "the finding")
    finding = next(f for f in resting.overview()["findings"] if f["id"] == "salvaged")
    assert finding["level"] == "needs_you"
    assert kept[0].name in finding["why"] + finding["todo"]
    resting.stop_core()
    resting.start_core()  # once
    assert len(list((resting.data / "quarantine").glob("*.sqlite3"))) == 1


@pytest.fixture
def stopping(resting, file):
    text = resting.config_file.read_text()
    resting.config_file.write_text(text + '[storage]\non_corruption = "stop"\n')
    yield resting
    resting.config_file.write_text(text)


def test_where_the_configuration_says_stop_nothing_is_moved(stopping, file):
    damaged = bytearray(file.read_bytes())
    damaged[60] ^= 64
    whole = bytes(damaged)
    damaged[60] ^= 64
    file.write_bytes(whole)
    stand_by(stopping, "damaged", "checksum")
    assert file.read_bytes() == whole
    assert not (stopping.data / "quarantine").exists()
    file.write_bytes(damaged)
    goes_on(stopping, 400)


def test_a_flipped_bit_in_a_killed_cores_log_is_told(resting, file):
    resting.start_core()
    for value in range(20):
        publish(resting, resting.roof, [3000 + value])
        wait_for(lambda: len(resting.export()) == 401 + value, "the reading")
    resting.kill_core()
    log = file.parent / "alona.sqlite3-wal"
    damaged = bytearray(log.read_bytes())
    assert len(damaged) > 5000
    damaged[1000] ^= 16
    log.write_bytes(damaged)
    said = resting.run("export", check=False)
    assert said.returncode == 3 and "damaged" in said.stderr, said
    assert log.read_bytes() == bytes(damaged)
    resting.start_core()
    wait_for(lambda: any(f["id"] == "salvaged" for f in resting.overview()["findings"]), "the finding")
    kept = next((resting.data / "quarantine").glob("*.sqlite3-wal"))
    assert kept.read_bytes() == bytes(damaged)
    values = [r.value for r in resting.export()]
    assert values[:400] == list(range(1, 401))


def test_the_rescue_page_ends_with_its_core(resting, file):
    file.unlink()
    resting.start_core(wait=False)
    rescue_page(resting)
    resting.stop_core()
    assert ask(resting, "/")[0] is None
