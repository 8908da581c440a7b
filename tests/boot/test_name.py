"""The box's name on its LAN: asked for in mDNS by a neighbour, with another of this name there, and gone with the package.
The LAN is a veth pair between the booted root and a network namespace of its own."""
import os
import pathlib
import subprocess
import sys

import pytest
from root import Root, ready, sh, wait_for, why_not

BOX, NEIGHBOUR = "192.168.77.2", "192.168.77.3"
MDNS = pathlib.Path(__file__).with_name("mdns.py")


class Lan:
    """The other end of the cable."""

    def __init__(self, root):
        self.space = f"alona-lan-{os.getpid()}"
        sh("ip", "netns", "add", self.space)
        sh("ip", "link", "add", "box0", "netns", root.leader, "type", "veth", "peer", "name", "lan0", "netns", self.space)
        for command in (f"addr add {NEIGHBOUR}/24 dev lan0", "link set lan0 up", "link set lo up"):
            sh("ip", "-n", self.space, *command.split())
        for command in (f"addr add {BOX}/24 dev box0", "link set box0 up"):
            sh("nsenter", "-t", root.leader, "-n", "ip", *command.split())

    def asks(self, name):
        done = subprocess.run(["ip", "netns", "exec", self.space, sys.executable, MDNS, "ask", name, NEIGHBOUR],
                              capture_output=True, text=True)
        return done.stdout.strip()

    def claims(self, name):
        child = subprocess.Popen(["ip", "netns", "exec", self.space, sys.executable, MDNS, "claim", name, NEIGHBOUR],
                                 stdout=subprocess.PIPE, text=True)
        assert child.stdout.readline() == "claimed\n"
        return child

    def end(self):
        sh("ip", "netns", "del", self.space)


@pytest.fixture(scope="module")
def named():
    reason = why_not()
    if reason:
        pytest.skip(reason)
    with Root(ready()) as root:
        root.install()
        wait_for("the core", root.well)
        lan = Lan(root)
        try:
            yield root, lan
        finally:
            lan.end()


def reached(root):
    line = [line for line in root.out("sh", "-c", "alona status || true").splitlines() if line.startswith("reached")]
    return line[0].split(None, 1)[1] if line else ""


def test_a_neighbour_finds_it_by_name_and_the_box_says_the_same(named):
    root, lan = named
    wait_for("the name", lambda: lan.asks("alona.local") == BOX)
    wait_for("the box's own word", lambda: reached(root) == f"alona.local, {BOX}")
    assert root.out("hostname").strip() != "alona", "the machine keeps its own name"
    root.kill("avahi-daemon")
    wait_for("it to come back", lambda: lan.asks("alona.local") == BOX)


def test_behind_another_of_this_name_it_says_its_true_one(named):
    root, lan = named
    other = lan.claims("alona.local")
    try:
        root.run("systemctl", "restart", "avahi-daemon")
        wait_for("another name", lambda: lan.asks("alona-2.local") == BOX)
        wait_for("the box's own word", lambda: reached(root) == f"alona-2.local, {BOX}")
    finally:
        other.kill()
        other.wait()
    root.run("systemctl", "restart", "avahi-daemon")
    wait_for("its own name again", lambda: lan.asks("alona.local") == BOX)


def test_the_name_goes_with_the_package(named):
    root, lan = named
    root.out("dpkg", "--remove", "alona")
    wait_for("the machine's own name", lambda: root.out("sh", "-c", "journalctl -u avahi-daemon -o cat --no-pager | "
                                                        "grep 'Host name is' | tail -1").find("alona") < 0)
    assert "alona" not in root.out("systemctl", "cat", "avahi-daemon")
