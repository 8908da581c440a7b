"""`alona doctor`: a well box has nothing wrong; each fault is found, named, and has its paragraph; nothing stays of a visit,
and no node notices it."""
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from plain_mqtt import Plain

from box import ALONA, Box, wait_for

RUNBOOK = (Path(__file__).resolve().parents[2] / "docs/runbook.md").read_text()
BROKER = {"broker", "broker_allowed", "broker_anonymous", "broker_password", "broker_publish", "broker_subscribe",
          "broker_will", "broker_files"}
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


def examined(box):
    """By name, each with what a person needs."""
    done = box.run("doctor", "--json", check=False)
    assert done.returncode in (0, 1) and done.stderr == "", done
    record = json.loads(done.stdout)
    checks = {check["id"]: check for check in record["checks"]}
    assert len(checks) == len(record["checks"])
    failing = [check for check in checks.values() if check["state"] == "failing"]
    assert record["well"] == (not failing) == (done.returncode == 0)
    for name, check in checks.items():
        paragraph = name.split(":")[0]
        assert check["anchor"] == f"docs/runbook.md#{paragraph}" and check["why"], check
        assert f"\n## {paragraph}\n" in RUNBOOK, name
        assert check["state"] == "ok" or check["what"], check
        assert check["state"] not in ("note", "failing") or check["next"], check
    return checks


def failing(box):
    """All that fails but the clock, which nobody has told the time."""
    return {name: check["what"] for name, check in examined(box).items() if check["state"] == "failing" and name != "clock"}


@pytest.fixture(scope="module")
def well():
    with Box() as box:
        box.roof = box.add_node("roof")
        box.run("backup", "now")
        box.run("backup", "drill")
        client = box.client(box.roof)
        box.publish(client, [("alona/roof/telemetry/t", '{"v":1,"sensor":"t","value":1,"unit":"C"}')])
        wait_for(lambda: box.counts("roof")["stored"] == 1, "the reading")
        client.disconnect()  # else it comes back and ends the connection of whoever is the roof next
        yield box


def test_a_well_box_and_what_is_looked_at(well):
    checks = examined(well)
    assert {name for name, check in checks.items() if check["state"] == "failing"} <= {"clock"}
    assert {name for name, check in checks.items() if check["state"] == "ok"} >= BROKER | {
        "core", "room", "inodes", "writable", "modes", "owners", "page", "version"}
    assert re.search(r"synced in \d+ us|lies in memory", checks["fsync"]["what"])
    text = well.run("doctor", check=False).stdout
    assert re.search(r"^ok +broker_publish$", text, re.M) and "docs/runbook.md#lan" in text


def test_no_node_notices_a_visit_and_nothing_stays_of_it(well):
    before = well.overview()
    with Plain(well.mqtt_port, well.roof) as roof:
        for wide in ("alona/+/ack", "alona/core/#"):
            roof.subscribe(wide)
        roof.heard()
        examined(well)
        assert {topic for topic, _, _ in roof.heard()} <= {"alona/core/time", "alona/core/status"}
    assert well.run("rejects", "list", "--json").stdout == "[]\n"
    assert well.overview()["broker_connected"] and len(well.overview()["nodes"]) == len(before["nodes"]) == 1
    well.stop_core()
    with Plain(well.mqtt_port, well.core_login()) as core:
        core.subscribe("#")
        assert {topic for topic, _, _ in core.heard()} <= {"alona/core/status"}, "retained"
    well.start_core()
    assert not [file.name for file in (well.data / "health").iterdir() if "-" in file.name]


def with_rules(box, more):
    """Other rules in force; back to Alona's when called."""
    acl = box.data / "live/broker/acl"
    kept = acl.read_text()

    def put(text):
        acl.write_text(text)
        box.reload_broker()
    put(kept + "\n" + more + "\n")
    return lambda: put(kept)


@pytest.mark.parametrize("rule, found", [
    ("pattern write alona/+/telemetry/+", {"broker_publish"}),
    ("pattern write alona/core/time", {"broker_publish"}),
    ("pattern write alona/alona-nobody/status", {"broker_publish", "broker_will"}),
    ("pattern write alona/%u/ack", {"broker_publish"}),
    ("pattern read alona/+/heartbeat", {"broker_subscribe"}),
    ("pattern read $SYS/#", {"broker_subscribe"}),
    ("user alona-doctor\ntopic readwrite #", {"broker_publish", "broker_will", "broker_subscribe"}),
    ("user alona-witness\ntopic deny alona/#", {"broker_allowed"}),
    ("pattern deny alona/%u/status", {"broker_allowed"}),
])
def test_a_rule_too_many_is_seen_by_what_it_lets_through(well, rule, found):
    back = with_rules(well, rule)
    try:
        assert set(failing(well)) == found | {"broker_files"}
    finally:
        back()
    wait_for(lambda: not failing(well), lambda: failing(well))


def test_a_broker_that_admits_strangers(well):
    kept = well.broker_conf.read_text()

    def restart(conf):
        well.stop_broker()
        well.broker_conf.write_text(conf)
        well.start_broker()
        well.wait_healthy()
    try:
        # While the user's name is the client's id, who has none doesn't come in.
        anybody = kept.replace("allow_anonymous false", "allow_anonymous true").replace("use_username_as_clientid true", "")
        restart(anybody)
        assert set(failing(well)) == {"broker_anonymous"}
        restart(re.sub("(?m)^(password_file|acl_file) .*$", "", anybody))
        assert set(failing(well)) == {"broker_anonymous", "broker_password", "broker_publish", "broker_subscribe", "broker_will"}
    finally:
        restart(kept)
    assert not failing(well)


def test_logins_that_the_broker_lacks(well):
    kept = well.password_file.read_text()
    well.password_file.write_text("".join(line for line in kept.splitlines(True) if not line.startswith("alona-doctor")))
    well.reload_broker()
    assert set(failing(well)) == {"broker_login", "broker_files"}
    well.run("setup", "--admin", "")
    well.reload_broker()
    wait_for(lambda: not failing(well), lambda: failing(well))


def test_no_broker_and_no_core(well):
    well.stop_broker()
    checks = examined(well)
    assert checks["broker"]["state"] == "failing" and checks["broker_rules"]["state"] == "unknown"
    well.start_broker()
    well.wait_healthy()
    well.stop_core()
    assert set(failing(well)) == {"core", "page"}
    assert examined(well)["version"]["state"] == "unknown"
    well.start_core()
    wait_for(lambda: not failing(well), lambda: failing(well))


def test_files_that_others_can_read_or_own(well):
    secret = well.data / "live/checks/canary"
    secret.chmod(0o644)
    said = examined(well)["modes"]
    assert said["state"] == "failing" and str(secret) in said["what"] and f"chmod 0600 {secret}" in said["next"]
    secret.chmod(0o600)
    if os.geteuid() == 0:
        os.chown(secret, 65534, -1)
        assert str(secret) in failing(well)["owners"]
        os.chown(secret, 0, -1)
    assert not failing(well)


def test_two_doctors_at_once_dont_fool_each_other(well):
    visits = [subprocess.Popen([ALONA, "doctor", "--json", "--config", str(well.config_file)], stdout=subprocess.PIPE)
              for _ in range(4)]
    states = []
    for visit in visits:
        record = json.loads(visit.communicate(timeout=60)[0])
        assert not [check for check in record["checks"] if check["state"] == "failing" and check["id"] != "clock"]
        states += [check["state"] for check in record["checks"] if check["id"] in ("broker_rules", "broker_publish")]
    assert len(states) == 4 and "ok" in states and set(states) <= {"ok", "unknown"}


@needs_root
def test_who_may_not_look_is_told_what_wasnt_looked_at(well):
    with tempfile.TemporaryDirectory(prefix="alona-e2e-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        program, config = shutil.copy(ALONA, folder / "alona"), shutil.copy(well.config_file, folder / "alona.toml")
        for file in (program, config):
            os.chmod(file, 0o755)
        done = subprocess.run([program, "doctor", "--config", config], capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, user=65534, group=65534, extra_groups=[])
    assert re.search("^unknown +broker_rules", done.stdout, re.M) and "(sudo)" in done.stdout, done
    assert "fault of the program" not in done.stderr
