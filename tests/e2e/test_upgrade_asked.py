"""The page asks for another version: only a word reaches root, and what root left is told. Installing itself is tests/boot."""
import sqlite3

import pytest


def upgrade(box):
    return box.api("/api/v1/system")["upgrade"]


def test_without_the_package_nobody_takes_it_up(box):
    assert upgrade(box) == {"offer": None, "trouble": None, "former": None, "last": None}
    with pytest.raises(AssertionError, match="can't be told to do that"):
        box.api("/api/v1/box", "POST", {"do": "upgrade"})


def test_a_word_is_all_that_is_asked_and_the_outcome_is_told(box):
    requests = box.folder / "run/request"
    requests.mkdir()
    for word in ("upgrade", "roll_back"):
        box.api("/api/v1/box", "POST", {"do": word})
        assert (requests / word).read_bytes() == b""
    with pytest.raises(AssertionError):
        box.api("/api/v1/box", "POST", {"do": "upgrade", "package": "/tmp/evil.deb"})
    with sqlite3.connect(f"file:{box.data}/live/db/alona.sqlite3?mode=ro", uri=True) as shell:
        asked = [what for what, in shell.execute("SELECT what FROM audit") if what.startswith("box ")]
    shell.close()
    assert asked == ["box upgrade", "box roll_back"]

    releases = box.data.with_name(box.data.name + "-releases")
    releases.mkdir()
    outcome = releases / "outcome"
    outcome.write_text("alona-outcome 1\n1795521600000\nupgrade\nfailed\nit was undone: <b>why</b>\nWhat to do.\n")
    last = upgrade(box)["last"]
    assert (last["back"], last["state"], last["text"]) == (False, "failed", "it was undone: <b>why</b>\nWhat to do.")
    box.kill_core()
    box.start_core()
    assert upgrade(box)["last"] == last, "after a restart of the core, too"
    outcome.write_bytes(b"\xff\x00" * 500)
    assert upgrade(box)["last"] is None


def test_root_takes_a_request_for_its_word_and_a_link_for_none(box):
    requests = box.folder / "run/request"
    requests.mkdir()
    nobody = box.run("request", "upgrade", check=False)
    assert nobody.returncode == 3 and "nobody has asked" in nobody.stderr
    (requests / "upgrade").symlink_to("/etc/passwd")
    link = box.run("request", "upgrade", check=False)
    assert link.returncode == 3 and "isn't a request" in link.stderr and not (requests / "upgrade").is_symlink()
