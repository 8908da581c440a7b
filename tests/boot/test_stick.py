"""A USB stick in a machine with a kernel and a udev of its own, for an owner who has no shell: plugged in, offered, installed,
pulled; a backup onto it and from it. Nobody mounts anything by hand."""
import datetime
import json
import time
from types import SimpleNamespace

import pytest
from machine import Machine, why_not
from root import repacked, sh, wait_for
from test_power import UP, Page, free_port, installed
from test_upgrade import OLD


@pytest.fixture(scope="module", autouse=True)
def able():
    if reason := why_not():
        pytest.skip(reason)


@pytest.fixture(scope="module")
def machine():
    port = free_port()
    with Machine({port: 4000}) as made:
        made.page_port = port
        installed(made)
        made.run(f"cp /root/alona.deb /var/lib/alona-releases/alona_{OLD}_amd64.deb")
        made.page = Page(SimpleNamespace(page_port=port, setup=json.loads(made.run("alona setup --json"))))
        assert made.page.log_in().status == 200
        yield made


class Stick:
    def __init__(self, machine, name, mib=64):
        self.machine, self.image = machine, machine.folder / f"{name}.img"
        with open(self.image, "wb") as image:
            image.truncate(mib << 20)

    def plug(self, device="/dev/sda"):
        self.machine.plug(self.image)
        self.machine.wait("the stick", f"test -b {device}", 60)
        self.machine.run("udevadm settle")

    def pull(self):
        self.machine.pull()
        self.machine.wait("the stick to be gone", "! test -e /dev/sda", 60)

    def make(self, kind, *files, label="KIT", folder="."):
        """A partition with a file system and these files of the machine, as a person's computer makes it."""
        machine = self.machine
        self.plug()
        machine.run("echo ',,c' | sfdisk -q /dev/sda")
        machine.wait("the partition", "test -b /dev/sda1", 60)
        machine.run(f"mkfs.{kind} {'-n' if kind == 'vfat' else '-q -L'} {label} /dev/sda1")
        machine.run(f"mkdir -p /root/at && mount /dev/sda1 /root/at && mkdir -p /root/at/{folder}")
        for file in files:
            machine.run(f"cp {file} /root/at/{folder}/")
        machine.run("umount /root/at")
        self.pull()


def found(machine):
    answer = machine.page.ask("/system")
    assert answer.status == 200, answer
    return answer.json()["upgrade"]


def looked(machine):
    machine.wait("the look at it", "systemctl is-active -q alona-stick@sda1", 60)


def nothing_is_mounted(machine):
    assert machine.run("grep -c /dev/sd /proc/self/mounts || true").strip() == "0"


def version(machine):
    return machine.run("dpkg-query -W -f '${Version}' alona")


def put(machine, file, name):
    """A file of this machine's into the other, as on a stick: whole, and byte for byte."""
    stick = Stick(machine, "carrier", 1 + file.stat().st_size // 2**20)
    with open(stick.image, "r+b") as image:
        image.write(file.read_bytes())
    stick.plug()
    machine.run(f"head -c {file.stat().st_size} /dev/sda >{name}")
    stick.pull()


def test_the_alona_of_a_stick_is_offered_installed_and_gone_when_it_is_pulled(machine):
    put(machine, repacked("9.7"), "/root/alona_9.7_amd64.deb")
    stick = Stick(machine, "kit")
    stick.make("vfat", "/root/alona_9.7_amd64.deb", folder="alona-9.7/packages")
    assert found(machine)["offer"] is None
    stick.plug("/dev/sda1")
    looked(machine)
    wait_for("the offer", lambda: found(machine)["offer"] == "9.7", 60)
    nothing_is_mounted(machine)
    answer = machine.page.ask("/box", "POST", {"do": "upgrade"})
    assert answer.status == 202, answer
    machine.wait("the upgrade", "test \"$(dpkg-query -W -f '${Version}' alona)\" = 9.7", 300)
    machine.wait("its end", "test $(systemctl show -P ActiveState install-alona) = inactive", 300)
    machine.wait("Alona", UP)
    wait_for("the page", lambda: machine.page.log_in().status == 200, 60)
    told = found(machine)
    assert told["last"]["state"] == "done" and told["last"]["text"].startswith("9.7 runs"), told
    assert told["offer"] is None and told["trouble"] == "9.7 is on the stick, and 9.7 runs.", told
    nothing_is_mounted(machine)
    stick.pull()
    wait_for("the page to forget it", lambda: found(machine)["trouble"] is None, 60)
    machine.run("test ! -e /run/alona-sticks/sda1/found")
    assert not machine.run("systemctl --failed --no-legend").strip()


def test_a_stick_pulled_at_any_moment_of_its_look_leaves_nothing_behind(machine):
    """The look waits 3 s for whoever mounts sticks here, and then reads: pulled before, within and after."""
    stick = Stick(machine, "short")
    stick.make("vfat", "/root/alona_9.7_amd64.deb")
    cut = 0
    for tenths in range(0, 80, 5):
        stick.plug("/dev/sda1")
        time.sleep(tenths / 10)
        cut += machine.run("systemctl show -P ActiveState alona-stick@sda1").strip() == "activating"
        stick.pull()
        machine.wait("the look to end", "test $(systemctl show -P ActiveState alona-stick@sda1) = inactive", 60)
        assert not machine.run("systemctl --failed --no-legend").strip(), machine.run("journalctl -n 30 --no-pager")
        nothing_is_mounted(machine)
        machine.run("test ! -e /run/alona-sticks/sda1")
    assert 0 < cut, "none was cut short"
    assert found(machine)["offer"] is None and found(machine)["trouble"] is None
    stick.plug("/dev/sda1")  # and none of that keeps the next from being seen
    looked(machine)
    wait_for("the page to see it", lambda: "is on the stick" in (found(machine)["trouble"] or ""), 60)
    stick.pull()


def test_a_stick_that_cannot_be_read_is_said_to_be_so(machine):
    """Its beginning says that it is FAT, and the rest isn't."""
    stick = Stick(machine, "broken")
    stick.make("vfat")
    with open(stick.image, "r+b") as image:
        image.seek(1 << 20)
        boot = bytearray(image.read(512))
        boot[14:16] = b"\0\0"  # no reserved sectors: no file system has that
        image.seek(1 << 20)
        image.write(boot)
    stick.plug("/dev/sda1")
    machine.run("systemctl start alona-stick@sda1")
    assert "can't be read" in (found(machine)["trouble"] or ""), machine.run("journalctl -n 30 --no-pager -u 'alona-stick@*'")
    assert not machine.run("systemctl --failed --no-legend").strip()
    stick.pull()
    wait_for("the page to forget it", lambda: found(machine)["trouble"] is None, 60)


def test_a_backup_goes_onto_a_stick_and_comes_back_from_it(machine):
    stick = Stick(machine, "second")
    stick.make("ext4", label="ALONA")
    machine.run("sed -i '/second_target/d; s/^.backup.$/&\\nsecond_target = \"label:ALONA\"/' /etc/alona/alona.toml")
    machine.run("alona node add well && { alona backup now || test $? = 4; }")  # 4: its second target isn't plugged in
    stick.plug("/dev/sda1")
    # The look has just begun, or comes in the middle: neither keeps the other away.
    machine.run("systemctl start alona-copy")
    looked(machine)
    nothing_is_mounted(machine)
    machine.run("alona node remove well --yes")
    assert "well" not in machine.run("alona node list")
    said = machine.run("alona restore --from USB --yes")
    assert "is restored" in said, said
    assert "well" in machine.run("alona node list")
    nothing_is_mounted(machine)
    machine.run("touch /run/alona/request/eject && chown alona: /run/alona/request/eject")
    machine.wait("it to be let go", "! test -e /dev/sda", 60)
