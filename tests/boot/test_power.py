"""A machine with a kernel of its own: its power is cut again and again under load, and its dead clock is set."""
import datetime
import json
import os
import random
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from machine import Machine, why_not
from root import HERE, wait_for

sys.path.append(str(HERE / "tests/e2e"))
from box import free_port  # noqa: E402
from page import Page  # noqa: E402

ALONA = os.environ.get("ALONA", str(HERE / "build/release/bin/alona"))
UP = "alona status >/dev/null 2>&1; [ $? -le 1 ]"
# adjtimex(2), as a daemon that keeps the clock by the network's time does: synchronised, and by how much at most it is off.
SYNCHRONISED = "perl -e '$t = pack(q(L x4 q4 l x4 q20), 0x1c, 0, 0, 0, 0, 0, (0) x 20); exit(syscall(159, $t) < 0)'"


@pytest.fixture(scope="module", autouse=True)
def able():
    reason = why_not() or ("" if os.path.exists(ALONA) else "there is no program to be the node (./dev build)")
    if reason:
        pytest.skip(reason)


def installed(machine):
    machine.run("dpkg -i /root/alona.deb")
    machine.wait("the core", UP)


def stored(machine):
    return machine.run("alona export --node well").splitlines()[1:]


def caught_up(machine):
    """Whether all that waited in the node while the box was dark is stored."""
    newest = datetime.datetime.fromisoformat(stored(machine)[-1].split(",")[0].replace("Z", "+00:00"))
    return newest.timestamp() > int(machine.run("date +%s")) - 5


def test_the_power_is_cut_under_load_and_nothing_acknowledged_is_lost(long_run, tmp_path):
    seed = int(os.environ.get("ALONA_SEED") or random.SystemRandom().randrange(2**32))
    print(f"ALONA_SEED={seed}")
    rng, cuts, port = random.Random(seed), 100 if long_run else 8, free_port()
    with Machine({port: 1883}) as machine:
        installed(machine)
        node = json.loads(machine.run("alona node add well --json"))
        (tmp_path / "nodes").write_text(f"well {node['password']}\n")
        simulated = subprocess.Popen(
            [ALONA, "sim", "--port", str(port), "--credentials", tmp_path / "nodes", "--node-id", "well", "--single", "--rate", "2",
             "--ring", "32768", "--json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            for _ in range(cuts):
                time.sleep(rng.uniform(0, 6))
                machine.cut()
                machine.boot()
                machine.wait("the core", UP)
                assert not machine.run("systemctl --failed --no-legend").strip()
            # It tries again after at most five minutes.
            wait_for("the node to be back", lambda: caught_up(machine), 400, every=2)
            simulated.send_signal(signal.SIGTERM)
            said, errors = simulated.communicate(timeout=60)
        finally:
            simulated.kill()
        sums = json.loads(said.splitlines()[-1])
        print(f"{cuts} cuts; the node: {sums}")
        assert simulated.returncode == 0, said + errors
        assert sums["lost"] == 0 and sums["acked"] >= 20 * cuts
        rows = [line.split(",")[:3] for line in stored(machine)]
        assert len(rows) == sums["acked"] == sums["taken"] and len(set(map(tuple, rows))) == len(rows), "each once"
        machine.run("alona check")


def test_a_dead_clock_is_set_by_a_visitor_and_kept(long_run):
    old = ("-rtc", "base=2015-01-01T00:00:00")

    def utc():
        return datetime.datetime.fromtimestamp(int(machine.run("date +%s")), datetime.timezone.utc)
    port = free_port()
    with Machine({port: 4000}) as machine:
        machine.cut()
        machine.boot(old)
        installed(machine)
        # systemd goes on from when it was made, not from 2015.
        assert utc() < datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=7), "a machine in the past"
        admin = json.loads(machine.run("alona setup --json"))
        page = Page(SimpleNamespace(page_port=port, setup=admin))
        assert page.log_in().status == 200
        now = datetime.datetime.now(datetime.timezone.utc)
        answer = page.ask("/clock", "POST", {"time": now.strftime("%Y-%m-%dT%H:%M:%S.000Z")})
        assert answer.status == 204, answer
        machine.wait("the clock", f"[ $(date +%s) -ge {int(now.timestamp()) - 2} ]", 30)
        assert abs((utc() - datetime.datetime.now(datetime.timezone.utc)).total_seconds()) < 5
        chip = machine.run("cat /sys/class/rtc/rtc0/date").strip()
        assert chip == now.strftime("%Y-%m-%d"), "the chip, too"
        machine.wait("a commit that knows the time", "alona check >/dev/null")
        time.sleep(2)
        # The chip is dead again at the next boot: the box goes on from when it was last seen running.
        machine.run("systemctl stop alona-core")
        machine.cut()
        machine.boot(old)
        machine.wait("the core", UP)
        assert utc() >= now - datetime.timedelta(minutes=1), utc()
        assert page.log_in().status == 200
        known = page.ask("/system").json()["clock"]
        assert known["source"] in ("floor", "chip") and not known["trusted"], known
        # At a shell, where nobody has a browser.
        machine.run(f"alona clock {datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')}")
        known = page.ask("/system").json()["clock"]
        assert known["source"] == "visitor" and known["trusted"], known
        # And the network: the core sees it from within its sandbox, which lets nobody set a clock.
        # Again and again, as such a daemon does: setting the clock, which the visitor's word still may, ends it.
        def follows():
            machine.run(SYNCHRONISED)
            return page.ask("/system").json()["clock"]["source"] == "ntp"
        wait_for("the core to see it", follows, 60)
        assert page.ask("/system").json()["clock"]["trusted"]
