"""The second copies of the backups through the real command line: on a folder, on a stick with a file system of its own
that is plugged in, full, away, or pulled in the middle; and encrypted."""
import fcntl
import json
import os
import signal
import struct
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from box import ALONA, Box, wait_for

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a stick")


class Stick:
    """A file system in a file, on a loop device: what a USB stick is to the box."""

    def __init__(self, folder, label, mib=16, kind="ext4"):
        self.label, self.image = label, folder / f"{label}.img"
        with open(self.image, "wb") as image:
            image.truncate(mib << 20)
        if kind not in Path("/proc/filesystems").read_text():
            pytest.skip(f"this kernel has no {kind}")
        make = {"ext4": ["mkfs.ext4", "-q", "-L", label], "vfat": ["mkfs.vfat", "-n", label]}[kind]
        try:
            subprocess.run([*make, str(self.image)], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as why:
            pytest.skip(f"{make[0]}: {why}")
        self.device, self.links = None, []

    def plug(self, by_label=False, by_id=False):
        made = subprocess.run(["losetup", "--find", "--show", str(self.image)], capture_output=True, text=True)
        if made.returncode != 0:
            pytest.skip(f"no loop device: {made.stderr}")
        self.device = made.stdout.strip()
        wanted = [Path("/dev/disk/by-label") / self.label] if by_label else []
        wanted += [Path("/dev/disk/by-id") / f"usb-{self.label}-0:0"] if by_id else []
        for link in wanted:  # as udev does it
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(self.device)
            self.links.append(link)
        return self

    def mount(self, at):
        at.mkdir(exist_ok=True)
        subprocess.run(["mount", self.device, str(at)], check=True)

    def unplug(self):
        for link in self.links:
            link.unlink(missing_ok=True)
        if self.device:
            subprocess.run(["losetup", "--detach", self.device], check=False)
        self.device, self.links = None, []


@pytest.fixture
def stick(tmp_path, request):
    made = Stick(tmp_path, f"ALN{os.getpid() % 100000}", **getattr(request, "param", {}))
    yield made
    for at in (tmp_path / "mnt",):
        while subprocess.run(["umount", "-l", str(at)], capture_output=True).returncode == 0:
            pass
    made.unplug()


def box_with(target, more=""):
    return Box({"backup": f"second_target = '{target}'\n{more}"}, start=False)


def made(box, *arguments, check=True):
    return box.run("backup", *arguments, check=check)


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != "lost+found")


def test_a_folder_gets_each_new_set_and_what_it_lacks(tmp_path):
    target = tmp_path / "second"
    with box_with(target) as box:
        said = made(box, "now", check=False)
        assert said.returncode == 4 and "the set is made" in said.stderr and str(target) in said.stderr, said
        assert not target.exists() and "missing-since" in (box.data / "backups/SECOND.state").read_text()
        assert made(box, "list", "--second", check=False).returncode == 4
        target.mkdir()
        said = made(box, "copy").stdout
        assert "Copied alona-" in said and "on the same disk" in said
        assert "Nothing to copy" in made(box, "copy").stdout
        time_passes(box)
        now = json.loads(made(box, "now", "--json").stdout)
        assert now["second"]["copied"] == [now["set"]] and now["second"]["newest"] == now["set"]
        listed = json.loads(made(box, "list", "--second", "--json").stdout)
        assert [one["state"] for one in listed] == ["verified", "verified"] and listed[0]["set"] == now["set"]
        assert made(box, "verify", "--second", "--all").stdout.count("whole") == 2
        file = target / now["set"]
        whole = file.read_bytes()
        file.write_bytes(whole[:1000] + bytes([whole[1000] ^ 1]) + whole[1001:])
        assert made(box, "verify", "--second", now["set"], check=False).returncode == 3
        assert now["set"] in made(box, "copy").stdout and file.read_bytes() == whole


def time_passes(box):
    """Names tell sets apart by the second."""
    before = datetime.now(timezone.utc).replace(microsecond=0)
    wait_for(lambda: datetime.now(timezone.utc).replace(microsecond=0) > before, "the next second")


def test_no_target_says_how_to_set_one(box):
    said = made(box, "copy", check=False)
    assert said.returncode == 78 and "second_target" in said.stderr


@needs_root
@pytest.mark.parametrize("stick", [{"kind": "ext4"}, {"kind": "vfat"}], indirect=True, ids=["ext4", "vfat"])
def test_a_stick_is_found_by_its_label_and_unmounted_again(stick):
    with box_with(f"label:{stick.label}") as box:
        said = made(box, "now", check=False)
        assert said.returncode == 4 and f"no stick labelled {stick.label}" in said.stderr, said
        stick.plug(by_label=True)
        assert "Copied alona-" in made(box, "copy").stdout
        assert str(box.folder) not in Path("/proc/self/mountinfo").read_text(), "it may be pulled"
        assert [one["state"] for one in json.loads(made(box, "list", "--second", "--json").stdout)] == ["verified"]
        assert "whole" in made(box, "verify", "--second").stdout
        assert str(box.folder) not in Path("/proc/self/mountinfo").read_text()


@needs_root
def test_a_backup_on_a_stick_that_nobody_has_mounted_is_found(stick, tmp_path):
    if list(Path("/dev/disk/by-id").glob("usb-*")):
        pytest.skip("a USB disk is plugged in, which would be looked at, too")

    def mounted():
        return [line for line in Path("/proc/self/mounts").read_text().splitlines() if line.startswith(f"{stick.device} ")]
    with box_with(f"label:{stick.label}") as box:
        def restore(folder, check=True):
            return box.run("restore", "--from", "USB", "--to", str(tmp_path / folder), check=check)
        assert "there is no backup set" in restore("none", check=False).stderr
        stick.plug(by_label=True, by_id=True)
        made(box, "now")
        assert "is whole and unpacked" in restore("out").stdout
        assert (tmp_path / "out/live/db/alona.sqlite3").stat().st_size > 0
        assert not mounted(), "it may be pulled"
        # Somebody writes on it.
        with open(stick.device, "rb") as device:
            fcntl.flock(device, fcntl.LOCK_EX)
            said = restore("again", check=False)
        assert said.returncode == 4 and "a copy of the backups is under way" in said.stderr, said
        # Nothing on it can be read.
        with open(stick.device, "r+b") as device:
            device.write(bytes(1 << 20))
        said = restore("again", check=False)
        assert said.returncode == 3 and "can't be read" in said.stderr, said
        assert not (tmp_path / "again").exists() and not mounted()


def stopped_while_copying(box, mount):
    """`alona backup now`, stopped by SIGSTOP while its copy is being written."""
    for _ in range(20):
        time_passes(box)
        child = subprocess.Popen([ALONA, "--config", str(box.config_file), "backup", "now"],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while child.poll() is None and not part_of(mount):
            pass
        child.send_signal(signal.SIGSTOP)
        part = part_of(mount)
        if child.poll() is None and part and (mount / part).stat().st_size < NOISE:
            return child
        child.send_signal(signal.SIGCONT)
        child.communicate(timeout=120)
    raise AssertionError("copying was too quick, twenty times")


NOISE = 12 << 20
FS_IOC_SHUTDOWN, NOLOGFLUSH = 0x8004587D, struct.pack("I", 2)


def part_of(folder):
    return next((name for name in os.listdir(folder) if name.endswith(".tar.zst.part")), None)


@needs_root
@pytest.mark.parametrize("stick", [{"mib": 128}], indirect=True, ids=[""])
@pytest.mark.parametrize("pull", ["umount -l", "device dies"])
def test_a_stick_pulled_in_the_middle(stick, tmp_path, pull):
    mount = tmp_path / "mnt"
    with box_with(mount) as box:
        stick.plug().mount(mount)
        made(box, "now")
        # Enough to be caught in the middle: noise that zstd can't shorten.
        (box.folder / "noise").write_bytes(os.urandom(NOISE))
        box.config_file.write_text(box.config_file.read_text() + f"include = ['{box.folder}/noise']\n")
        child = stopped_while_copying(box, mount)
        if pull == "device dies":  # whatever is asked of it from now on ends with EIO
            folder = os.open(mount, os.O_RDONLY)
            fcntl.ioctl(folder, FS_IOC_SHUTDOWN, NOLOGFLUSH)
            os.close(folder)
        else:
            subprocess.run(["umount", "-l", str(mount)], check=True)
        child.send_signal(signal.SIGCONT)
        said, wrong = child.communicate(timeout=120)
        own = json.loads(made(box, "list", "--json").stdout)
        assert len(own) >= 2 and all(one["state"] == "verified" for one in own)
        assert made(box, "verify", "--all").stdout.count("whole") == len(own)
        if pull == "device dies":
            assert child.returncode == 1 and "the set is made, but not its second copy" in wrong, (said, wrong)
            assert "Was it pulled?" in wrong and "failed " in (box.data / "backups/SECOND.state").read_text(), wrong
            subprocess.run(["umount", str(mount)], check=True)
        else:
            # The open folder goes on being the stick's, and nothing comes to lie on the box's own disk.
            assert child.returncode == 0, wrong
        assert names(mount) == []
        absent = made(box, "copy", check=False)  # an empty mount point isn't the stick
        assert absent.returncode == 4 and "empty folder" in absent.stderr, absent
        stick.mount(mount)
        copied = json.loads(made(box, "copy", "--json").stdout)
        assert copied["newest"] == own[0]["set"] and not copied["same_disk"]
        assert set(names(mount)) >= {one["set"] for one in own} and not part_of(mount)
        assert made(box, "verify", "--second", "--all").stdout.count("whole") == len(own)


@needs_root
@pytest.mark.parametrize("stick", [{"mib": 8}], indirect=True)
def test_a_full_stick_is_told_and_nothing_is_harmed(stick, tmp_path):
    mount = tmp_path / "mnt"
    with box_with(mount) as box:
        stick.plug().mount(mount)
        made(box, "now")
        with open(mount / "photos", "wb", buffering=0) as photos:
            try:
                while photos.write(bytes(65536)):
                    pass
            except OSError:
                pass
        before = names(mount)
        time_passes(box)
        said = made(box, "now", check=False)
        assert said.returncode == 1 and "no room" in said.stderr and "the set is made" in said.stderr, said
        assert names(mount) == before
        (mount / "photos").unlink()
        assert "Copied" in made(box, "copy").stdout


def test_an_alert_after_a_week(tmp_path):
    with box_with(tmp_path / "away") as box:
        box.start_broker()
        made(box, "now", check=False)
        state = box.data / "backups/SECOND.state"
        box.start_core()
        assert "not there since" in box.run("status", check=False).stdout
        assert not [one for one in box.overview()["findings"] if one["id"] == "second_copy"]
        box.stop_core()
        long_ago = (datetime.now(timezone.utc) - timedelta(days=9)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        state.write_text(f"copied {long_ago} alona-x.tar.zst\nmissing-since {long_ago}\n")
        box.start_core()
        found = wait_for(lambda: [one for one in box.overview()["findings"] if one["id"] == "second_copy"], "the alert")[0]
        assert "9 days" in found["what"] and long_ago[:10] in found["why"] and "backup copy" in found["todo"], found
        said = box.run("status", check=False)
        assert said.returncode == 1 and f"copy of {long_ago[:10]}" in said.stdout, said.stdout


def test_encrypted_it_comes_back_with_the_program_and_without(tmp_path):
    target, secret = tmp_path / "second", tmp_path / "passphrase"
    target.mkdir()
    secret.write_text("too short\n")
    with box_with(target, f"passphrase_file = '{secret}'\n") as box:
        said = made(box, "now", check=False)
        assert said.returncode == 78 and "12 characters" in said.stderr and "the set is made" in said.stderr, said
        assert names(target) == []
        secret.write_text("five words nobody would guess\n")
        secret.chmod(0o644)
        said = made(box, "copy")
        assert "chmod o-r" in said.stderr
        secret.chmod(0o600)
        [own] = json.loads(made(box, "list", "--json").stdout)
        [copy] = json.loads(made(box, "list", "--second", "--json").stdout)
        assert copy["set"] == own["set"] + ".enc" and copy["encrypted"] and copy["taken"] == own["taken"]
        assert "encrypted, taken" in made(box, "list", "--second").stdout
        assert "whole" in made(box, "verify", "--second").stdout
        file, plain = target / copy["set"], (box.data / "backups" / own["set"]).read_bytes()
        made(box, "decrypt", str(file), str(tmp_path / "a.tar.zst"))
        assert (tmp_path / "a.tar.zst").read_bytes() == plain
        assert made(box, "decrypt", str(file), str(tmp_path / "a.tar.zst"), check=False).returncode == 3
        tool = Path(__file__).resolve().parents[2] / "docs/decrypt.py"
        subprocess.run([sys.executable, tool, file, tmp_path / "b.tar.zst", secret], check=True, timeout=60)
        assert (tmp_path / "b.tar.zst").read_bytes() == plain
        secret.write_text("other words nobody would guess\n")
        said = made(box, "verify", "--second", check=False)
        assert said.returncode == 1 and "passphrase" in said.stderr, said
        secret.write_text("five words nobody would guess\n")
        file.write_bytes(file.read_bytes()[:-1])
        said = made(box, "verify", "--second", check=False)
        assert said.returncode == 3 and str(target) in said.stderr and "/proc/" not in said.stderr, said
