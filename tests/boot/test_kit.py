"""The field kit on a bare root without any network: installed, its page answers, the first node is seen. And a card that
died: a fresh root, the kit, one restore from a stick, and the nodes come back with their old passwords."""
import json
import pathlib
import re
import shutil
import time

import pytest
import root as roots
from root import wait_for

KITS = roots.HERE / "build/kit"


def kit():
    return max(KITS.glob(f"alona-*-{roots.suite()}-{roots.architecture()}"), key=lambda folder: folder.stat().st_mtime, default=None)


def bare():
    """A root of debootstrap's minbase with an init, booted, the kit's stick in it: in a folder with a space, as sticks have."""
    made = roots.Root(roots.bare())
    shutil.copytree(kit(), made.folder / "mnt" / f"{kit().name} copy")
    return made


def runbook_commands():
    """What docs/runbook.md says to a person with a dead card, word for word. Its stick is a folder here, and nobody needs sudo."""
    text = (roots.HERE / "docs/runbook.md").read_text().split("\n## card\n")[1].split("\n## ")[0]
    found = [" ".join(command.split()) for command in re.findall(r"`sudo ([^`]+)`", text)]
    assert [command.split()[0] for command in found] == ["mount", "sh", "alona"]
    return [command.replace("mount /dev/sda1 /mnt", "mount --bind /mnt /mnt") for command in found]


def publish(root, password, value):
    message = json.dumps({"v": 1, "sensor": "t", "value": value, "unit": "C"})
    return root.run("mosquitto_pub", "-h", "127.0.0.1", "-u", "well", "-i", "well", "-P", password, "-q", "1", "-t",
                    "alona/well/telemetry/t", "-m", message, check=False).returncode == 0


def values(root):
    return [float(line.split(",")[3]) for line in root.out("alona", "export", "--node", "well").splitlines()[1:]]


@pytest.fixture(scope="module", autouse=True)
def able():
    reason = roots.why_not() or ("" if kit() else "there is no kit (./dev kit)")
    if reason:
        pytest.skip(reason)


def test_a_bare_root_becomes_a_box_and_a_dead_one_comes_back(tmp_path):
    box, edited = bare(), '[core]\nsite = "Old barn"\n'
    # Somebody's own settings, from another time: dpkg would ask whose are to stay.
    (box.folder / "etc/alona").mkdir()
    (box.folder / "etc/alona/alona.toml").write_text(edited)
    with box as first:
        begin = time.monotonic()
        said = first.out("sh", "-c", "sh /mnt/*/install", timeout=300)
        assert "Password of admin" in said and ":4000/" in said, said
        assert first.out("cat", "/etc/alona/alona.toml") == edited
        node = json.loads(first.out("alona", "node", "add", "well", "--json"))
        wait_for("the first reading", lambda: publish(first, node["password"], 1) and 1 in values(first), every=1)
        took = time.monotonic() - begin
        print(f"from nothing to the first reading: {took:.0f} s, 2 commands")
        assert took < 300
        again = first.out("sh", "-c", "sh /mnt/*/install", timeout=300)
        assert "Password" not in again and "Alona runs" in again
        first.run("alona", "backup", "now")
        then = values(first)
        for file in (first.folder / "var/lib/alona/backups").glob("*.zst"):
            shutil.copy(file, tmp_path)

    with bare() as second:
        (second.folder / "mnt/backups").mkdir()
        for file in tmp_path.iterdir():
            shutil.copy(file, second.folder / "mnt/backups")
        begin, commands = time.monotonic(), runbook_commands()
        for command in commands:
            said = second.out("sh", "-c", command, timeout=300)
        assert "is restored" in said
        assert values(second) == then
        wait_for("the node with its old password",
                 lambda: publish(second, node["password"], 2) and 2 in values(second), every=1)
        took = time.monotonic() - begin
        print(f"from a dead card to the node's next reading: {took:.0f} s, {len(commands)} commands")
        assert len(commands) <= 5
        assert took < 600


def test_a_damaged_kit_or_one_for_another_machine_installs_nothing():
    with bare() as made:
        folder = next((made.folder / "mnt").iterdir())
        deb = next(folder.glob("packages/zstd_*.deb"))
        data = bytearray(deb.read_bytes())
        data[len(data) // 2] ^= 1
        deb.write_bytes(data)
        done = made.run("sh", "-c", "sh /mnt/*/install", check=False)
        assert done.returncode == 3 and "damaged" in done.stderr, done
        (folder / "target").write_text("jessie mips\n")
        done = made.run("sh", "-c", "sh /mnt/*/install", check=False)
        assert done.returncode == 3 and "jessie" in done.stderr, done
        assert made.run("dpkg", "-s", "alona", check=False).returncode != 0
