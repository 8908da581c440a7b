"""`alona bundle`: one file that somebody far away can read, in which no secret of the box is; bounded, whole or not there."""
import base64
import json
import os
import re
import sqlite3
import stat
import subprocess
from pathlib import Path

import pytest
from page import Page

from box import Box, wait_for

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
PASSPHRASE = "correct horse battery staple 17"
IN_A_COMMENT = "the-wifi-password-is-hunter22"
SYSTEMS = {"units.txt", "journal.txt", "kernel.txt"}  # not everywhere


@pytest.fixture(scope="module")
def full():
    """A box in which there is something of everything, each with its secrets."""
    with Box(start=False, config={"core": f"# {IN_A_COMMENT}"}) as box:
        phrase = box.folder / "passphrase"
        phrase.write_text(PASSPHRASE + "\n")
        phrase.chmod(0o600)
        with open(box.config_file, "a") as config:
            config.write(f"[backup]\npassphrase_file = '{phrase}'  # {IN_A_COMMENT}\n")
        box.start_broker()
        box.start_core()
        box.roof = box.add_node("roof", "--name", "Dach", "--place", "oben")
        box.page = Page(box)
        box.page.log_in()
        client = box.client(box.roof)
        # A node that says its password where a reading should be.
        box.publish(client, [("alona/roof/telemetry/t", '{"v":1,"sensor":"t","value":21.125,"unit":"C"}'),
                             ("alona/roof/telemetry/x", json.dumps({"v": 1, box.roof.password: 1})),
                             ("alona/roof/error", json.dumps({"v": 1, "code": "wifi", "message": box.roof.password}))])
        wait_for(lambda: box.counts("roof")["stored"] >= 1 and box.run("rejects", "list", "--json").stdout != "[]\n",
                 "a reading and a reject")
        box.run("backup", "now")
        box.run("health", check=False)
        yield box


def secrets(box):
    """All that must not be in it, by what it is."""
    found = {f"hash of {line.split(':')[0]}": line.split(":", 1)[1] for line in box.password_file.read_text().splitlines()}
    found |= {f"digest of {name}": hashed.split("$")[-1] for name, hashed in list(found.items())}
    found |= {f"password of {file.name}": file.read_text().strip() for file in (box.data / "live/checks").iterdir()
              if file.suffix != ".lock"}
    assert len(found) >= 14
    with sqlite3.connect(f"file:{box.data}/live/db/alona.sqlite3?mode=ro", uri=True) as db:
        users = dict(db.execute("SELECT name, password_hash FROM user"))
        sessions = [row[0] for row in db.execute("SELECT token_hash FROM session")]
    assert users and sessions
    found |= {f"hash of {name} at the page": hashed for name, hashed in users.items()}
    found |= {f"digest of {name} at the page": hashed.split("$")[-1] for name, hashed in users.items()}
    found |= {f"session {n}": hashed for n, hashed in enumerate(sessions)}
    cookie = re.search(r"=([^;]{20,})", box.page.headers.get("Cookie", ""))
    found |= {"core's password": box.core_login().password, "node's password": box.roof.password,
              "page's password": box.setup["password"], "passphrase": PASSPHRASE, "comment": IN_A_COMMENT,
              "session's cookie": cookie[1], "page's token": box.page.headers["X-Alona-Token"],
              "a reading": "21.125"}
    return found


def unpacked(file, to):
    """Its members by name, as bytes; everything in one folder named like the file."""
    to.mkdir()
    subprocess.run(["tar", "--zstd", "-xf", str(file), "-C", str(to)], check=True)
    [top] = to.iterdir()
    return {str(path.relative_to(top)): path.read_bytes() for path in top.rglob("*") if path.is_file()}


def made(box, *options):
    return json.loads(box.run("bundle", "--json", *options).stdout)


def test_what_is_in_it_and_no_secret_is(full, tmp_path):
    told = made(full)
    file = Path(told["file"])
    assert file.parent == full.data / "bundles" and file.stat().st_size == told["bytes"] <= 10 << 20
    assert stat.S_IMODE(file.stat().st_mode) == 0o640 and [file] == list((full.data / "bundles").iterdir())
    members = unpacked(file, tmp_path / "out")
    assert set(members) == set(told["members"])
    expected = {"MANIFEST", "versions.txt", "alona.toml", "overview.json", "system.json", "health.json", "nodes.txt",
                "rejects.txt", "database.txt", "backups.txt", "broker/acl", "broker/alona.conf", "broker/users.txt",
                "files.txt", "disks.txt", "memory.txt"}
    assert expected <= set(members) <= expected | SYSTEMS
    assert {line.split(":")[0] for line in told["left_out"]} == (expected | SYSTEMS) - set(members)
    assert sum(map(len, members.values())) <= 10 << 20

    raw, everything = file.read_bytes(), b"\n".join(members.values())
    for what, secret in secrets(full).items():
        for form in (secret, base64.b64encode(secret.encode()).decode().rstrip("=")):
            assert form.encode() not in everything and form.encode() not in raw, what
    assert b"$7$" not in everything and b"$argon2" not in everything

    text = {name: body.decode() for name, body in members.items()}
    for name in members:
        assert name == "MANIFEST" or f"  {name} " in text["MANIFEST"]
    for line in told["left_out"]:
        assert line in text["MANIFEST"]
    assert re.search(r"^alona \d", text["versions.txt"], re.M) and "SQLite 3." in text["versions.txt"]
    assert "passphrase_file" in text["alona.toml"] and "#" not in text["alona.toml"]
    assert json.loads(text["overview.json"])["broker_connected"] and json.loads(text["health.json"])["checks"]
    assert text["nodes.txt"].startswith("roof ") and "Dach, oben" in text["nodes.txt"]
    assert "json" in text["rejects.txt"] or "field" in text["rejects.txt"] and "alona/roof/telemetry/x" in text["rejects.txt"]
    assert re.search(r"^page size +\d+$", text["database.txt"], re.M) and re.search(r"^rows of node +1$", text["database.txt"], re.M)
    assert "verified" in text["backups.txt"]
    assert {"alona-core", "roof"} <= set(text["broker/users.txt"].split()) and "pattern write" in text["broker/acl"]
    assert "live/broker/passwd" in text["files.txt"] and "MemTotal" in text["memory.txt"]


def test_what_a_member_quotes_by_mistake_is_taken_out(full, tmp_path):
    """Someone has copied passwords to where they don't belong."""
    acl = full.data / "live/broker/acl"
    kept = acl.read_text()
    hashes = full.password_file.read_text()
    acl.write_text(kept + "# " + full.core_login().password + "\n# x:" + hashes.splitlines()[0].split(":", 1)[1]
                   + " y\n# costs $7$ and $6$ a month\n# " + PASSPHRASE + "\n")
    try:
        body = unpacked(Path(made(full)["file"]), tmp_path / "out")["broker/acl"].decode()
    finally:
        acl.write_text(kept)
    assert body == kept + "# [left out]\n# x:[left out] y\n# costs $7$ and $6$ a month\n# [left out]\n"


def test_from_the_page_for_admins_alone(full, tmp_path):
    """Made by a process of its own, with a core that goes on, and gone with it."""
    connection = full.page.connect()
    connection.request("GET", "/api/v1/bundle", headers=full.page.headers)
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200 and answer.headers["content-type"] == "application/zstd"
    name = re.search(r'filename="(alona-bundle-\S+\.tar\.zst)"', answer.headers["content-disposition"])[1]
    assert body == (full.data / "bundles" / name).read_bytes()
    (tmp_path / "b").write_bytes(body)
    members = unpacked(tmp_path / "b", tmp_path / "out")
    assert {"MANIFEST", "overview.json", "database.txt"} <= set(members)
    everything = b"\n".join(members.values())
    assert not [what for what, secret in secrets(full).items() if secret.encode() in everything]
    assert Page(full).ask("/bundle").status == 401
    assert "downloads a debug bundle" in full.run("sql", "SELECT what FROM audit").stdout
    bundles = full.data / "bundles"
    aside = bundles.rename(bundles.with_name("aside"))
    bundles.write_text("no folder")
    refused = full.page.ask("/bundle")
    bundles.unlink()
    aside.rename(bundles)
    assert refused.status >= 500 and "Not a directory" in refused.text and "next" in refused.json(), refused


def test_the_newest_five_are_kept_and_strangers_stay(full):
    folder = full.data / "bundles"
    (folder / "notes.txt").write_text("mine")
    old = folder / "alona-bundle-x-20200101T000000Z.tar.zst.9.part"
    old.write_text("cut short")
    os.utime(old, (1, 1))
    for year in range(2001, 2010):
        (folder / f"alona-bundle-x-{year}0101T000000Z.tar.zst").write_text("")
    newest = Path(made(full)["file"])
    names = {path.name for path in folder.iterdir()}
    bundles = {name for name in names if name.endswith(".tar.zst")}
    assert len(bundles) == 5 and newest.name in bundles and "notes.txt" in names and old.name not in names
    assert not any("-200" in name for name in bundles) or len([n for n in bundles if "-2009" in n]) == 1
    (folder / "notes.txt").unlink()


def test_with_a_dead_core_and_broker_and_a_damaged_database(full, tmp_path):
    full.stop_core()
    full.stop_broker()
    database = full.data / "live/db/alona.sqlite3"
    aside = database.with_name("aside")
    database.rename(aside)
    try:
        database.write_bytes(b"not a database" * 100)
        told = made(full, "--since", "2020-01-01", "--output", str(tmp_path / "b.tar.zst"))
    finally:
        aside.replace(database)
        full.start_broker()
        full.start_core()
    assert {"overview.json", "system.json", "nodes.txt"} <= {line.split(":")[0] for line in told["left_out"]}
    members = unpacked(Path(told["file"]), tmp_path / "out")
    assert "broker/acl" in members and b"nodes.txt: " in members["MANIFEST"]


def test_wrong_words_and_a_file_that_is_there(full, tmp_path):
    done = full.run("bundle", "--since", "yesterday", check=False)
    assert done.returncode == 2 and "--since can't be yesterday" in done.stderr
    there = tmp_path / "there"
    there.write_text("mine")
    done = full.run("bundle", "--output", str(there), check=False)
    assert done.returncode == 3 and "already" in done.stderr and there.read_text() == "mine"
    done = full.run("bundle", "--output", str(tmp_path / "no/such/folder/x"), check=False)
    assert done.returncode == 3 and "No such file" in done.stderr and "--output" in done.stderr
    assert done.stdout == "" and [path.name for path in tmp_path.iterdir()] == ["there"]


@needs_root
@pytest.mark.parametrize("options, word", [("size=4k", "No space left"), ("size=4m,ro", "Read-only")], ids=["full", "read-only"])
def test_a_disk_that_takes_nothing(full, options, word):
    bundles = full.data / "bundles"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "alona-test", str(bundles)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip(f"mount: {mounted.stderr}")
    try:
        done = full.run("bundle", check=False)
        assert done.returncode == 1 and word in done.stderr and "alona bundle --output" in done.stderr, done
        assert done.stdout == "" and list(bundles.iterdir()) == [], "nothing is left of it"
    finally:
        subprocess.run(["umount", str(bundles)], check=True)


def test_the_journal_and_the_whole_are_bounded(full, tmp_path):
    """A journal without end, and programs that don't answer, played by others of the same name."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "journalctl").write_text(f"#!/bin/sh\necho \"$@\" >{tmp_path}/asked\nexec yes 'a line of the journal, {full.core_login().password}'\n")
    (programs / "dmesg").write_text("#!/bin/sh\nexec yes kernel\n")
    for name in ("journalctl", "dmesg"):
        (programs / name).chmod(0o755)
    env = dict(os.environ, PATH=f"{programs}:{os.environ['PATH']}")
    told = json.loads(full.run("bundle", "--json", "--since", "2d", "--output", str(tmp_path / "b.tar.zst"), env=env).stdout)
    members = unpacked(Path(told["file"]), tmp_path / "out")
    assert len(members["journal.txt"]) <= 6 << 20 and b"cut here" in members["journal.txt"][-200:]
    assert len(members["kernel.txt"]) <= 256 << 10 and sum(map(len, members.values())) <= 10 << 20
    assert full.core_login().password.encode() not in members["journal.txt"] and told["bytes"] < 1 << 20
    asked = (tmp_path / "asked").read_text()
    assert "--since=@" in asked and "--unit=alona-*" in asked and "--unit=mosquitto.service" in asked
