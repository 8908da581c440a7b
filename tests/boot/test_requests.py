"""What the core asks of root, on a booted root: taken up at once, judged, and done."""
from root import wait_for


def ask(root, what, content=""):
    root.run("runuser", "-u", "alona", "--", "tee", f"/run/alona/request/{what}", input=content)
    wait_for("whoever takes it up", lambda: root.run("test", "-e", f"/run/alona/request/{what}", check=False).returncode != 0)


def test_what_is_no_request_is_refused_and_changes_nothing(root):
    before = root.out("date", "+%Y")
    for content in ("0 1\n", "nonsense\n", "1" * 1000):
        ask(root, "clock", content)
        wait_for("the answer", lambda: root.state("alona-clock") in ("failed", "inactive"))
    said = root.log("-u", "alona-clock")
    assert "says no time" in said and "isn't a request" in said
    assert root.out("date", "+%Y") == before
    root.run("systemctl", "reset-failed", "alona-clock", check=False)


def test_one_that_meets_settings_that_cannot_be_read_is_taken_away(root):
    """Else the path unit would start its service again and again until it fails, and the wish come true much later."""
    root.run("cp", "-a", "/etc/alona/alona.toml", "/root/alona.toml")
    root.run("tee", "-a", "/etc/alona/alona.toml", input="nonsense\n")
    ask(root, "eject")
    wait_for("the answer", lambda: "alona.toml" in root.log("-u", "eject-alona-stick"))
    wait_for("its end", lambda: root.state("eject-alona-stick") in ("failed", "inactive"))
    assert root.state("eject-alona-stick.path") == "active"
    root.run("cp", "-a", "/root/alona.toml", "/etc/alona/alona.toml")
    root.run("systemctl", "reset-failed", "eject-alona-stick", check=False)


def test_without_a_stick_there_is_nothing_to_let_go(root):
    ask(root, "eject")
    wait_for("the answer", lambda: "no stick" in root.log("-u", "eject-alona-stick"))
    assert root.state("eject-alona-stick") == "inactive"


def test_the_box_ends_in_order(root):
    root.run("runuser", "-u", "alona", "--", "touch", "/run/alona/request/power_off")
    wait_for("its end", lambda: root.container.poll() is not None)
    root.cut()
    root.boot()
    wait_for("the core", root.well)
    said = root.log("-u", "alona-core", "-b", "-1")
    assert "Stopped alona-core" in said, said[-500:]
