"""`alona upgrade` as a whole, on a machine whose dpkg is a script: what a boot can't be asked to try each time. The real dpkg
has tests/boot/test_upgrade.py."""
import fcntl
import os
import pty
import signal
import subprocess
import time

import pytest
from box import ALONA, Box, wait_for

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root installs packages")

# A package is a file with its version. Who is asked to install one says so in `said`, brings its configuration, and waits for as
# long as `slow` is there.
DPKG = """#!/bin/sh
cd "$(dirname "$0")/.." || exit 1
for last; do :; done
case "${0##*/} $*" in
  "dpkg-deb --show "*) printf 'alona %s amd64' "$(cat "$last")" ;;
  "dpkg-query "*db:Status*) printf 'installed ok' ;;
  "dpkg-query "*) printf 'alona %s amd64' "$(cat installed)" ;;
  "dpkg --compare-versions "*) exec /usr/bin/dpkg "$@" ;;
  *--install*)
    echo "install $(cat "$last")" >>said
    [ ! -e "toml-$(cat "$last")" ] || cp "toml-$(cat "$last")" ../alona.toml
    cp "$last" installed
    while [ -e slow ]; do sleep 0.1; done ;;
  *--configure*) echo configure >>said ;;
esac
"""

# What an upgrade takes for the machine's own: the program that is installed, and the package manager's locks.
PLACES = """
mount -t tmpfs none usr && mkdir usr/upper usr/work && ln -s "$1" usr/upper/alona
mount -t overlay overlay -o lowerdir=/usr/bin,upperdir=usr/upper,workdir=usr/work /usr/bin
mount --bind dpkg /var/lib/dpkg && exec "$@"
"""


class Machine:
    """A box without a core, which an upgrade starts; 1.0 is installed, and 2.0 lies there."""

    def __init__(self, box):
        self.box, self.folder = box, box.folder / "machine"
        self.releases = box.data.with_name(box.data.name + "-releases")
        for folder in (self.folder / "bin", self.folder / "usr", self.folder / "dpkg", self.releases):
            folder.mkdir(parents=True)
        for name in ("dpkg", "dpkg-deb", "dpkg-query", "apt-get"):
            (self.folder / "bin" / name).write_text(DPKG)
            (self.folder / "bin" / name).chmod(0o755)
        for name, text in (("installed", "1.0"), ("said", ""), ("next", "2.0"), ("dpkg/lock-frontend", "")):
            (self.folder / name).write_text(text)
        (self.releases / "alona_1.0_amd64.deb").write_text("1.0")
        self.journal, self.outcome, self.slow = self.releases / "upgrade", self.releases / "outcome", self.folder / "slow"
        self.env = dict(os.environ, PATH=f"{self.folder}/bin:{os.environ['PATH']}")

    def command(self, *words, program=ALONA):
        return ["/usr/bin/unshare", "--mount", "sh", "-ec", f"cd '{self.folder}'; {PLACES}", "sh", str(program), "upgrade", *words,
                "--config", str(self.box.config_file)]

    def upgrade(self):
        return self.command(str(self.folder / "next"), "--yes")

    def said(self):
        return (self.folder / "said").read_text().splitlines()

    def state(self):
        return self.outcome.read_text().splitlines()[3]


@pytest.fixture
def machine():
    with Box() as box:
        box.stop_core()
        yield Machine(box)


def at_a_terminal(command, env):
    """Runs it as a login does; its pid and the terminal's other end."""
    pid, master = pty.fork()
    if pid == 0:
        os.execve(command[0], command, env)
    return pid, master


def test_a_terminal_that_goes_away_cuts_nothing_short(machine):
    machine.slow.touch()
    pid, master = at_a_terminal(machine.upgrade(), machine.env)
    wait_for(lambda: machine.said() == ["install 2.0"], "dpkg")
    time.sleep(2.1)  # how far it is, is shown from then on
    os.close(master)
    time.sleep(0.2)
    machine.slow.unlink()
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) >= 0, "ended by itself, not by a signal"
    assert machine.state() == "done" and not machine.journal.exists()
    assert machine.said() == ["install 2.0"] and (machine.folder / "installed").read_text() == "2.0"


def test_a_pipe_that_nobody_reads_any_more_cuts_nothing_short(machine):
    """2>&1 | tee, which goes with its shell."""
    machine.slow.touch()
    read, write = os.pipe()
    with subprocess.Popen(machine.upgrade(), env=machine.env, stdout=write, stderr=write) as running:
        os.close(write)
        wait_for(lambda: machine.said() == ["install 2.0"], "dpkg")
        os.close(read)
        running.send_signal(signal.SIGHUP)
        machine.slow.unlink()
        assert running.wait(60) == 1, "its last line is lost, and no signal ends it"
    assert machine.state() == "done" and not machine.journal.exists()


def test_the_former_program_undoes_it_whatever_the_other_one_has_in_its_configuration(machine):
    """The power goes while dpkg has brought the file of the new one, with a key that the old one doesn't know."""
    for version, more in (("1.0", ""), ("2.0", "[of_tomorrow]\nkey = 1\n")):
        (machine.folder / f"toml-{version}").write_text(machine.box.config_file.read_text() + more)
    machine.slow.touch()
    with subprocess.Popen(machine.upgrade(), env=machine.env, stderr=subprocess.DEVNULL) as running:
        wait_for(lambda: (machine.folder / "installed").read_text() == "2.0", "dpkg")
        running.kill()
    machine.slow.unlink()
    assert machine.box.run("version", check=False).returncode == 0 and machine.box.run("check", check=False).returncode == 78
    kept = machine.releases / "alona"
    undone = subprocess.run(machine.command("--recover", "--at-boot", program=kept), env=machine.env, capture_output=True, text=True)
    assert undone.returncode == 0 and "1.0; 2.0 ran before" in undone.stdout, undone
    assert "of_tomorrow" in undone.stderr and "the configuration that it found" in undone.stderr
    assert machine.said() == ["install 2.0", "configure", "install 1.0"] and machine.state() == "failed"
    assert sorted(os.listdir(machine.releases)) == ["alona_1.0_amd64.deb", "outcome"]
    again = subprocess.run(machine.command("--recover"), env=machine.env, capture_output=True, text=True)
    assert again.stdout == "No upgrade was cut short.\n", again


def test_nothing_is_touched_while_another_has_the_lock(machine):
    with open(machine.folder / "dpkg/lock-frontend", "r+", encoding="ascii") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        done = subprocess.run(machine.upgrade(), env=machine.env, capture_output=True, text=True)
    assert done.returncode == 4 and f"process {os.getpid()}, installs packages just now" in done.stderr, done
    assert "Wait until it has ended" in done.stderr
    assert machine.said() == [] and not machine.journal.exists() and not list((machine.box.data / "backups").iterdir())
    assert subprocess.run(machine.upgrade(), env=machine.env, capture_output=True).returncode == 0
