"""What a start that can't be says: what is wrong, why, what to do; with the documented exit code, and with every file
as it was. What passes by itself, such as a broker that isn't there yet, is waited for, with the page served meanwhile. What
a restart can't cure, such as a damaged database, is test_rescue.py's."""
import re
import socket
import sqlite3
import subprocess
import sys

import pytest
from box import ALONA, Box, wait_for

FAILED, REFUSED, TEMPORARY, CONFIG = 1, 3, 4, 78


def start(box):
    """The exit code of a core that ends by itself, and what it said."""
    done = subprocess.run([ALONA, "core", "--config", str(box.config_file)], capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout + done.stderr


def refused(box, code, *says):
    """Nothing is changed by a start that is refused, and it says `says`."""
    before = files(box)
    got, text = start(box)
    print(text)
    assert got == code, text
    for part in says:
        assert part in text, text
    assert len(text.splitlines()) <= 3, text
    assert files(box) == before


def files(box):
    return {path: path.read_bytes() for path in box.data.rglob("*") if path.is_file() and path.suffix != ".lock"}


@pytest.fixture(scope="module")
def resting():
    """A box that has a reading, and whose core and broker have ended."""
    with Box() as box:
        client = box.client(box.add_node("roof"))
        box.publish(client, [("alona/roof/telemetry/t", '{"v":1,"sensor":"t","value":1,"unit":"C"}')])
        wait_for(lambda: box.counts("roof")["stored"] == 1, "the reading")
        client.disconnect()
        box.stop_core()
        box.stop_broker()
        yield box


@pytest.fixture
def changed_config(resting):
    text = resting.config_file.read_text()

    def change(old, new):
        assert old in text
        resting.config_file.write_text(text.replace(old, new))
        return resting

    yield change
    resting.config_file.write_text(text)


@pytest.mark.parametrize("old, new, says", [
    ("[core]\n", '[core]\nsiet = "x"\n', ["line 2: there is no key siet in [core]", "Did you mean site"]),
    ("[core]\n", "[cor]\n", ["line 1: there is no section [cor]", "Did you mean [core]?"]),
    ("[core]\n", "[core\n", ["line 1: not TOML", "A line is a [section]"]),
    ('site = "Test"', 'timezone = "Europe/Berln"', ["there is no time zone Europe/Berln", "timedatectl"]),
    ('site = "Test"', 'site = "a\\u0000b"', ["site in [core] can't be", "Allowed is"]),
    ("port = ", "port = 7", ["port in [mqtt] can't be 7", "Allowed is a whole number from 1 to 65535"]),
    ("[web]\n", '[storage]\ncommit_interval = "1 h"\n[web]\n', ['commit_interval in [storage] can\'t be', '"10s"']),
])
def test_a_bad_configuration(changed_config, old, new, says):
    refused(changed_config(old, new), CONFIG, "alona.toml", *says)


def test_no_configuration_where_one_was_named(resting):
    away = resting.config_file.rename(resting.folder / "away")
    try:
        refused(resting, CONFIG, "cannot read", "No such file", "Check --config")
    finally:
        away.rename(resting.config_file)


def test_no_password_for_the_broker(changed_config):
    refused(changed_config("mqtt-password'", "mqtt-pasword'"), CONFIG, "mqtt-pasword: No such file", "`alona setup` makes it")


def test_a_busy_port(resting):
    with socket.socket() as other:
        other.bind(("127.0.0.1", resting.page_port))
        other.listen()
        refused(resting, FAILED, f"port {resting.page_port} is taken by another program", "ss -ltnp", "[web] listen")


@pytest.fixture
def database(resting):
    file = resting.data / "live/db/alona.sqlite3"
    whole = file.read_bytes()
    yield file
    for log in file.parent.glob("alona.sqlite3-*"):
        log.unlink()
    file.write_bytes(whole)
    assert len(resting.export()) == 1


HOLD = """
import sqlite3, sys
shell = sqlite3.connect(sys.argv[1], isolation_level=None)
shell.execute("PRAGMA locking_mode = EXCLUSIVE")
shell.execute("BEGIN EXCLUSIVE")
shell.execute("CREATE TABLE mine (x)")
print("held", flush=True)
sys.stdin.read()
"""


def test_a_database_that_another_program_holds(resting, database):
    # Truly another: reading the file in this process, as we do, would end this process's locks on it.
    with subprocess.Popen([sys.executable, "-c", HOLD, database], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        refused(resting, TEMPORARY, "another process holds the database", "sqlite3 shell", "try again")


def test_a_second_core(box):
    refused(box, TEMPORARY, f"in use by process {box.core.pid}", "Wait until it has ended, or stop it")
    assert box.overview()["broker_connected"]


def test_the_page_is_served_while_no_broker_is_there(resting):
    resting.start_core(wait=False)
    try:
        wait_for(resting.overview, "the page")
        assert not resting.overview()["broker_connected"]
        assert len(resting.export()) == 1
        said = r"no broker, trying on: cannot connect to the broker at 127.0.0.1:\d+: Connection refused"
        wait_for(lambda: re.search(said, resting.core.log.read_text()), "the complaint")
        # It waits with backoff, 5 s at most, and says so once.
        resting.start_broker()
        resting.wait_healthy()
        assert len(re.findall(said, resting.core.log.read_text())) == 1
    finally:
        resting.stop_core()
        resting.stop_broker()


def test_a_wrong_password_at_the_broker_is_told_and_tried_again(resting):
    file = resting.folder / "mqtt-password"
    right = file.read_text()
    file.write_text("wrong\n")
    resting.start_broker()
    try:
        resting.start_core(wait=False)
        complaint = "refused user 'alona-core': wrong user or password"
        wait_for(lambda: complaint in resting.core.log.read_text(), "the complaint")
        assert "Check the user and the password" in resting.core.log.read_text()
        assert not wait_for(resting.overview, "the page")["broker_connected"]
        resting.stop_core()
    finally:
        file.write_text(right)
    resting.start_core()
    resting.stop_core()
    resting.stop_broker()


def test_a_running_core_outlasts_a_program_that_holds_the_database(box):
    client = box.client(box.add_node("roof"))

    def send(value):
        box.publish(client, [("alona/roof/telemetry/t", f'{{"v":1,"sensor":"t","value":{value},"unit":"C"}}')])

    send(1)
    wait_for(lambda: box.counts("roof")["stored"] == 1, "the first reading")
    shell = sqlite3.connect(box.data / "live/db/alona.sqlite3", isolation_level=None)
    shell.execute("BEGIN IMMEDIATE")
    send(2)
    findings = lambda: {finding["id"]: finding for finding in box.overview()["findings"]}
    wait_for(lambda: "storing" in findings(), "the finding")
    assert "another program holds the database" in findings()["storing"]["what"]
    assert box.counts("roof")["stored"] == 1
    shell.execute("ROLLBACK")
    shell.close()
    wait_for(lambda: box.counts("roof")["stored"] == 2, "the second reading", 60)
    wait_for(lambda: "storing" not in findings(), "the finding's end")
    assert [r.value for r in box.export()] == [1, 2]
    assert box.core.log.read_text().count("storing failed; nothing is acknowledged") == 1


def test_the_first_start_after_setup_is_no_unclean_one():
    with Box(start=False) as box:
        database = box.data / "live/db/alona.sqlite3"
        assert database.exists() and not database.with_name(database.name + "-wal").exists()
        box.start_broker()
        box.start_core()
        wait_for(lambda: box.api("/api/v1/session"), "the core")
        box.stop_core()
        assert "unclean" not in box.core.log.read_text()
        assert not database.with_name(database.name + "-wal").exists()
