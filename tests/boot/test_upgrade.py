"""Upgrades on a booted root, while a node goes on publishing: a good one loses nothing; one that can't start, or can't even be
installed, is undone; the plug pulled in the middle; and back again."""
import contextlib
import json
import sys
import time

import root as roots
from root import HERE, repacked, sh, wait_for
from test_boot import password, values

sys.path.append(str(HERE / "tests/e2e"))
from box import UnixConnection  # noqa: E402

CANNOT_START = "#!/bin/sh\n[ \"$1\" != core ] || exit 1\nexec /usr/lib/alona/real \"$@\"\n"
NEVER_READY = "#!/bin/sh\n[ \"$1\" != core ] || exec sleep 600\nexec /usr/lib/alona/real \"$@\"\n"
NEVER_READY_WITH_MORE = "#!/bin/sh\n[ \"$1\" != setup ] || exit 0\n" + NEVER_READY.removeprefix("#!/bin/sh\n")
CANNOT_ANYTHING = "#!/bin/sh\nexit 1\n"
OLD = sh("dpkg-deb", "-f", roots.package(), "Version").strip() if roots.package() else ""


def version(root):
    return root.out("dpkg-query", "-W", "-f", "${Version}", "alona")


def put(root, later, program=None, settings=""):
    """A package of a later version in the root."""
    deb = repacked(later, program, settings)
    root.put(deb, f"/root/alona-{later}.deb")
    return f"/root/alona-{later}.deb"


def keep_the_package(root):
    root.run("sh", "-c", f"cp /root/alona.deb /var/lib/alona-releases/alona_{OLD}_$(dpkg --print-architecture).deb")


class Node:
    """Publishes until it is told to end; all that it took must be stored."""

    def __init__(self, root, name, messages):
        made = json.loads(root.out("alona", "node", "add", name, "--json"))
        root.run("tee", "/root/nodes", input=f"{name} {made['password']}\n")
        self.root, self.name, self.messages = root, name, messages
        self.process = root.popen("alona", "sim", "--credentials", "/root/nodes", "--node-id", name, "--single", "--rate",
                                  "5", "--messages", str(messages), "--drain", "200", "--json")

    def expect_all_kept(self):
        said, errors = self.process.communicate(timeout=600)
        sums = json.loads(said.splitlines()[-1])
        assert self.process.returncode == 0 and sums["lost"] == sums["pending"] == 0, said + errors
        kept = self.root.out("alona", "export", "--node", self.name).splitlines()[1:]
        assert len(kept) == sums["acked"] == self.messages, "each once"


def test_without_a_way_back_there_is_no_upgrade(root):
    done = root.run("alona", "upgrade", "--yes", put(root, "9.1"), check=False)
    assert done.returncode == 3 and "no way back" in done.stderr and version(root) == OLD
    keep_the_package(root)
    for bad, why in (("/root/nodes", "isn't a Debian package"), ("/root/alona.deb", "runs already"), ("/nowhere.deb", "no file")):
        root.run("touch", "/root/nodes")
        done = root.run("alona", "upgrade", "--yes", bad, check=False)
        assert done.returncode == 3 and why in done.stderr, done
    root.run("sh", "-c", "head -c 1000000 /root/alona-9.1.deb >/root/cut.deb")
    done = root.run("alona", "upgrade", "--yes", "/root/cut.deb", check=False)
    assert done.returncode == 3 and "damaged" in done.stderr and version(root) == OLD, done


def test_one_that_cannot_start_is_undone_and_nothing_is_lost(root):
    node, before = Node(root, "patient", 500), values(root)
    for later, program in (("9.2", CANNOT_START), ("9.3", CANNOT_ANYTHING)):
        deb, begin = put(root, later, program), time.monotonic()
        done = root.run("alona", "upgrade", "--yes", deb, check=False)
        took = time.monotonic() - begin
        print(f"{later}: undone after {took:.0f} s")
        assert done.returncode == 1 and "was undone" in done.stderr, done
        assert took < 120 and version(root) == OLD
        wait_for("the core", root.well)
    node.expect_all_kept()
    assert values(root) == before
    # The package to go back to, and how the last upgrade ended.
    assert root.out("ls", "/var/lib/alona-releases").split() == [f"alona_{OLD}_{arch(root)}.deb", "outcome"]


def arch(root):
    return root.out("dpkg", "--print-architecture").strip()


def test_the_plug_pulled_in_the_middle(root):
    """The later one's settings have a section that the former doesn't know, which undoes it all the same."""
    keep_the_package(root)
    before, settings, known = values(root), root.folder / "etc/alona/alona.toml", []
    own = settings.read_text()
    for wait in (1, 4, 9):
        root.popen("alona", "upgrade", "--yes", put(root, "9.4", NEVER_READY_WITH_MORE, "[later]\nkey = 1\n"))
        wait_for("its journal", lambda: root.run("test", "-e", "/var/lib/alona-releases/upgrade", check=False).returncode == 0,
                 every=0.05)
        time.sleep(wait)
        root.cut()
        known.append(settings.read_text() == own)
        root.boot()
        wait_for("the core", root.well)
        assert version(root) == OLD and values(root) == before and settings.read_text() == own
        said = root.log("-u", "undo-alona-upgrade", "-b")
        assert "is undone" in said and ("by the configuration that it found" in said) != known[-1], said
        assert root.run("dpkg", "--audit").stdout == ""
        assert root.run("test", "-e", "/var/lib/alona-releases/upgrade", check=False).returncode != 0
    assert False in known, "each time the plug was pulled before dpkg had come to the settings"


def test_a_good_one_loses_no_reading_and_there_is_a_way_back(root):
    node = Node(root, "steady", 300)
    said = root.out("alona", "upgrade", "--yes", put(root, "9.5"))
    assert f"Upgraded to 9.5; {OLD} ran before" in said and version(root) == "9.5"
    root.out("alona", "upgrade", "--rollback", "--yes")
    assert version(root) == OLD
    node.expect_all_kept()
    assert root.well() and password(root)


def outcome(root):
    core = UnixConnection(f"/proc/{root.leader}/root/run/alona/core.sock", 10)
    with contextlib.closing(core):
        core.request("GET", "/api/v1/system")
        return json.loads(core.getresponse().read())["upgrade"]


def ask(root, what):
    root.run("runuser", "-u", "alona", "--", "touch", f"/run/alona/request/{what}")


def ended(root):
    wait_for("its end", lambda: root.state("install-alona") != "activating" and root.run(
        "test", "-e", "/run/alona/request/upgrade", check=False).returncode != 0, 300)
    wait_for("the core", root.well)


def test_the_page_installs_from_a_stick_and_goes_back(root):
    """The stick is a mount of the root's own disk: a container may not mount another."""
    keep_the_package(root)
    before = version(root)
    ask(root, "upgrade")
    ended(root)
    assert version(root) == before and "no package of Alona on a stick" in outcome(root)["last"]["text"]
    root.run("sh", "-c", "mkdir -p /root/stick /mnt && mount --bind /root/stick /mnt")
    deb = put(root, "9.7")
    root.run("sh", "-c", f"head -c 100000 {deb} >/mnt/alona_9.7_broken.deb")
    wait_for("the page to say that it is damaged", lambda: "damaged" in (outcome(root)["trouble"] or ""))
    root.run("sh", "-c", f"rm /mnt/alona_9.7_broken.deb; cp {deb} /mnt/alona_9.7.deb")
    wait_for("the offer", lambda: outcome(root)["offer"] == "9.7")
    # What a stranger writes into the request doesn't count.
    root.run("runuser", "-u", "alona", "--", "tee", "/run/alona/request/upgrade", input="/tmp/evil.deb\n")
    ended(root)
    assert version(root) == "9.7", root.log("-u", "install-alona")
    last = outcome(root)["last"]
    assert last["state"] == "done" and last["text"].startswith("9.7 runs"), last
    ask(root, "roll_back")
    wait_for("the way back", lambda: version(root) == before, 300)
    ended(root)
    assert outcome(root)["last"]["state"] == "done" and outcome(root)["last"]["back"]
    root.run("umount", "/mnt")
