"""Nodes changed by hand: with the core and without, several at once, proven by real logins. And the broker's rules, as a
node meets them that tries what it may not."""
import json
import re
import signal
import subprocess
import threading
from contextlib import contextmanager

import paho.mqtt.client as mqtt
import pytest

from box import ALONA, Box, Login, wait_for

REFUSED = 5  # CONNACK: not authorised
LINE = re.compile(r"[a-z0-9_-]+:\$7\$101\$[A-Za-z0-9+/]{16}\$[A-Za-z0-9+/]{86}==")
OWN = ["alona-core", "canary", "alona-probe", "alona-doctor", "alona-witness"]


def connack(box, login=None):
    """The broker's answer to one login; none: anonymous."""
    codes = []
    client = mqtt.Client(client_id=login.user if login else "somebody")
    if login:
        client.username_pw_set(login.user, login.password)
    client.on_connect = lambda _client, _data, _flags, code: codes.append(code)
    client.connect("127.0.0.1", box.mqtt_port)
    wait_for(lambda: client.loop(0.05) is not None and codes, "a CONNACK")
    client.disconnect()
    return codes[0]


def users(box):
    text = box.password_file.read_text()
    assert text.endswith("\n") and all(LINE.fullmatch(line) for line in text.splitlines()), text
    return [line.split(":")[0] for line in text.splitlines()]


@contextmanager
def reloading(box):
    """What reloads the broker on a real box, played: SIGHUP when the password file is another. Also a reader that
    looks all the time; yields what it has seen: the inodes."""
    ended = threading.Event()
    inodes, faults = [box.password_file.stat().st_ino], []

    def watch():
        while not ended.wait(0.002):
            try:
                with open(box.password_file) as file:
                    text = file.read()
                if not text.endswith("\n") or not all(LINE.fullmatch(line) for line in text.splitlines()):
                    faults.append(text)
                status = box.password_file.stat()
                if status.st_mode & 0o7777 != 0o640:
                    faults.append(oct(status.st_mode))
            except OSError as error:
                faults.append(error)
                continue
            if status.st_ino != inodes[-1]:
                inodes.append(status.st_ino)
                box.reload_broker()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield inodes
    finally:
        ended.set()
        thread.join()
    assert faults == [], "the file was half, absent, or of another mode"


def node(box, *words):
    """`alona node WORDS --json`: the login, proven."""
    given = json.loads(box.run("node", *words, "--json").stdout)
    assert given["proven"] and given["host"] and given["port"] == box.mqtt_port
    assert re.fullmatch("[0-9a-f]{32}", given["password"]) and given["password"] in given["uri"]
    return Login(given["user"], given["password"])


def listed(box, *words):
    return {row["id"]: row for row in json.loads(box.run("node", "list", "--json", *words).stdout)}


def store_one(box, login, value):
    payload = f'{{"v":1,"sensor":"t","value":{value},"unit":"C"}}'
    client = box.client(login)
    box.publish(client, [(f"alona/{login.user}/telemetry/t", payload)])
    wait_for(lambda: box.counts(login.user)["stored"] == value, f"reading {value}")
    return client


def test_a_node_from_add_to_remove_and_back(box):
    with reloading(box) as inodes:
        first = node(box, "add", "roof", "--name", "Dach über uns", "--place", "house")
        assert len(inodes) == 2, "replaced by rename"
        client = store_one(box, first, 1)
        row = listed(box)["roof"]
        assert (row["name"], row["place"], row["removed"]) == ("Dach über uns", "house", False)
        assert "Dach über uns" in box.run("node", "list").stdout
        again = box.run("node", "add", "roof", check=False)
        assert again.returncode == 3 and "there is a node roof already\n`alona node rotate roof`" in again.stderr

        second = node(box, "rotate", "roof", "--yes")
        assert second != first and users(box) == [*OWN, "roof"]
        wait_for(lambda: client.connack == REFUSED, "the connected node to be put out")
        client.disconnect()
        assert connack(box, first) == REFUSED
        client = store_one(box, second, 2)

        said = box.run("node", "remove", "roof", "--yes").stdout
        assert said == "roof is removed; its history stays.\n"
        wait_for(lambda: client.connack == REFUSED, "the connected node to be put out")
        client.disconnect()
        assert connack(box, second) == REFUSED
        assert "roof" not in listed(box) and listed(box, "--all")["roof"]["removed"] and users(box) == OWN
        assert [r.value for r in box.export(node="roof")] == [1, 2]
        for verb in ("remove", "rotate"):
            gone = box.run("node", verb, "roof", "--yes", check=False)
            assert gone.returncode == 3 and "roof" in gone.stderr and "alona node list" in gone.stderr

        third = node(box, "add", "roof")
        assert listed(box)["roof"]["created"] == row["created"], "it comes back as itself"
        store_one(box, third, 3)
    assert [r.value for r in box.export(node="roof")] == [1, 2, 3]


def test_what_a_builder_needs_is_printed_and_told_over_the_api(box):
    with reloading(box):
        printed = box.run("node", "add", "roof", "--host", "192.168.4.1").stdout
        given = box.api("/api/v1/nodes/roof/rotate", "POST")
    password = re.search(r"shown once: ([0-9a-f]{32})", printed)[1]
    csv = ("key,type,encoding,value\nalona,namespace,,\nnode_id,data,string,roof\n{}host,data,string,{}\n"
           f"port,data,u16,{box.mqtt_port}\npassword,data,string,{{}}\nwifi_ssid,data,string,\nwifi_pass,data,string,\n")
    assert csv.format("", "192.168.4.1", password) in printed and '#define ALONA_NODE_ID "roof"' in printed
    # Its name on the LAN is what avahi says; without one none is made up.
    name = given["host_name"]
    assert name == "" or name.endswith(".local")
    named = f"name,data,string,{name}\n" if name else ""
    assert given["nvs_csv"] == csv.format(named, given["host"], given["password"]) and given["unproven"] is None
    assert given["port"] == box.mqtt_port
    assert f'password: "{given["password"]}"' in given["esphome"] and given["password"] in given["uri"]
    size = len(given["qr"])
    assert size >= 21 and all(re.fullmatch(f"[01]{{{size}}}", row) for row in given["qr"])


def test_without_a_yes_nothing_is_changed(box):
    login = box.add_node("roof")
    before = box.password_file.read_bytes()
    for verb in ("rotate", "remove"):
        done = box.run("node", verb, "roof", check=False, stdin=subprocess.DEVNULL)
        assert done.returncode == 3 and "nothing was changed" in done.stderr and "--yes" in done.stderr
    assert box.password_file.read_bytes() == before and connack(box, login) == 0


@pytest.mark.parametrize("running", [True, False], ids=["core", "no-core"])
def test_eight_at_once_are_all_there(running):
    with Box(start=False) as box:
        box.start_broker()
        if running:
            box.start_core()
        names = [f"n{i}" for i in range(8)]
        with reloading(box):
            commands = [subprocess.Popen([ALONA, "node", "add", name, "--json", "--config", str(box.config_file)],
                                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for name in names]
            ended = [(*command.communicate(timeout=60), command.returncode) for command in commands]
        assert [(err, code) for _, err, code in ended] == [("", 0)] * 8
        assert sorted(listed(box)) == names and sorted(users(box)) == sorted(OWN + names)
        given = [json.loads(out) for out, _, _ in ended]
        assert [connack(box, Login(one["user"], one["password"])) for one in given] == [0] * 8


def test_the_commands_do_it_themselves_while_the_core_is_stopped(box):
    with reloading(box):
        kept = node(box, "add", "kept")
        store_one(box, kept, 1)
        box.stop_core()
        new = node(box, "add", "new")
        rotated = node(box, "rotate", "kept", "--yes")
        gone = node(box, "add", "gone")
        assert box.run("node", "remove", "gone", "--yes").stdout == "gone is removed; its history stays.\n"
        assert [connack(box, login) for login in (new, rotated, kept, gone)] == [0, 0, REFUSED, REFUSED]
        twice = box.run("node", "add", "new", check=False)
        assert twice.returncode == 3 and "there is a node new already" in twice.stderr
        nearly = box.run("node", "remove", "nw", "--yes", check=False)
        assert nearly.returncode == 3 and "Did you mean new?" in nearly.stderr
        box.start_core()
        store_one(box, rotated, 2)
        store_one(box, new, 1)
    assert sorted(listed(box)) == ["kept", "new"] and sorted(listed(box, "--all")) == ["gone", "kept", "new"]


def test_a_change_that_nobody_saw_is_made_again(box):
    """As when systemd was still at work on the change before: the file is touched, and whoever watches it sees that."""
    passwd = box.data / "live/broker/passwd"
    adding = subprocess.Popen([ALONA, "node", "add", "roof", "--json", "--config", box.config_file], stdout=subprocess.PIPE, text=True)
    wait_for(lambda: "roof:" in passwd.read_text(), "the login in the file")
    unseen = passwd.stat()
    wait_for(lambda: passwd.stat().st_mtime_ns != unseen.st_mtime_ns, "the touch")
    assert passwd.stat().st_ino == unseen.st_ino
    box.reload_broker()
    said = adding.communicate(timeout=60)[0]
    assert adding.returncode == 0 and json.loads(said)["proven"]


def test_a_broker_that_does_not_reload_leaves_the_node_added_and_says_so(box):
    added = box.run("node", "add", "roof", "--json", check=False)
    assert added.returncode == 4 and "not proven" in added.stderr and "systemctl reload mosquitto" in added.stderr
    given = json.loads(added.stdout)
    assert not given["proven"] and "roof" in listed(box)
    box.reload_broker()
    wait_for(lambda: connack(box, Login("roof", given["password"])) == 0, "the password to hold")


def test_a_node_may_speak_only_as_itself(box):
    heard = []
    roof, well = box.add_node("roof"), box.add_node("well")
    assert connack(box) == REFUSED, "anonymous"
    assert connack(box, Login("roof", well.password)) == connack(box, Login("nobody", "x")) == REFUSED
    victim = store_one(box, well, 1)
    intruder = box.client(roof, on_message=heard.append,
                          subscribe=["#", "alona/#", "alona/well/#", "alona/+/telemetry/+", "alona/+/ack", "$SYS/#"])
    reading = '{"v":1,"sensor":"t","value":9,"unit":"C"}'
    numbered = '{"v":1,"sensor":"t","value":%d,"unit":"C","boot":1,"seq":%d,"low":1}'
    status = '{"v":1,"state":"offline"}'
    box.publish(intruder, [
        ("alona/well/telemetry/t", reading), ("alona/well/status", status), ("alona/well/ack", reading),
        ("alona/core/status", status), ("alona/core/time", '{"v":1,"ts":1,"quality":1}'), ("alona/nobody/telemetry/t", reading),
        ("alona/roof/ack", '{"v":1,"boot":1,"seq":99,"ts":1,"quality":1}'), ("alona/canary/telemetry/t", reading),
        ("other/roof", reading)])
    box.publish(victim, [("alona/well/telemetry/t", numbered % (2, 1))])
    wait_for(lambda: box.counts("well")["stored"] == 2, "the victim's own")
    box.publish(intruder, [("alona/roof/telemetry/t", numbered % (7, 1))])  # the marker; what it may, and its ack
    wait_for(lambda: any(message.topic == "alona/roof/ack" for message in heard), "the marker's ack")
    assert [(r.node, r.value) for r in box.export()] == [("roof", 7), ("well", 1), ("well", 2)]
    assert box.run("rejects", "list", "--json").stdout == "[]\n", "nothing reached the core"
    assert box.api("/api/v1/nodes/well")["presence"] == "online" and sorted(listed(box)) == ["roof", "well"]
    assert {message.topic for message in heard} <= {"alona/roof/ack", "alona/core/status", "alona/core/time"}
    assert all(json.loads(m.payload)["seq"] == 1 for m in heard if m.topic == "alona/roof/ack")


def test_a_core_that_is_stuck_may_do_it_later_and_that_is_said(box, long_run):
    if not long_run:
        pytest.skip("half a minute of waiting: ALONA_LONG=1")
    box.core.signal(signal.SIGSTOP)
    try:
        done = box.run("node", "add", "late", check=False)
    finally:
        box.core.signal(signal.SIGCONT)
    assert done.returncode == 1 and "in time" in done.stderr and "It may be done all the same" in done.stderr
    wait_for(lambda: "late" in listed(box), "the node")
