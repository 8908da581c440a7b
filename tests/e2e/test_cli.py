"""The command line as its user meets it: help, wrong usage, what it prints and how it ends. Errors go to stderr, say
what to do and end with the exit code of docs/operations.md; stdout holds the answer alone, with --json as JSON."""
import json
import os
import shutil
import signal
import socketserver
import subprocess
import tempfile
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from box import ALONA, Box, free_port, wait_for

HELP = {  # a command and what its help must name
    "setup": ["--admin", "--password-file"],
    "core": ["--create"],
    "demo": ["--port", "--dir", "--ready-file"],
    "status": [],
    "health": [],
    "doctor": [],
    "node": ["add", "list", "rotate", "remove"],
    "node add": ["ID", "--name", "--place", "--host"],
    "node list": ["--all"],
    "node rotate": ["ID", "--host", "--yes"],
    "node remove": ["ID", "--yes"],
    "user": ["passwd"],
    "user passwd": ["NAME", "--password-file"],
    "export": ["--node", "--sensor", "--from", "--to", "--format"],
    "rejects": ["list", "show"],
    "rejects list": ["--max"],
    "rejects show": ["ID"],
    "bundle": ["--since", "--output"],
    "clock": ["TIME", "date -u"],
    "tail": ["NODE"],
    "upgrade": ["PACKAGE", "--rollback", "--recover", "--yes"],
    "version": [],
    "sim": ["--host", "--port", "--nodes", "--credentials", "--replay"],
}
WRONG_USAGE = [  # words, what stderr must name
    ("", "needs a command"),
    ("nonsense", "nonsense"),
    ("--bogus", "--bogus"),
    ("node", "needs a command"),
    ("node nonsense", "nonsense"),
    ("node add", "ID is required"),
    ("node add roof --nam Roof", "--nam"),
    ("node add roof extra", "extra"),
    ("node add Roof", '"Roof" can\'t be a node\'s id'),
    ("node add alona-core", "Alona's own"),
    ("node rotate Roof --yes", '"Roof"'),
    ("user passwd", "NAME is required"),
    ("user passwd admin", "--password-file"),
    ("export --format xml", "xml"),
    ("export --from yesterday", "--from can't be yesterday"),
    ("export --to 2026-13-01", "--to can't be 2026-13-01"),
    ("export --from 2026-11-02 --to 2026-11-01", "--from isn't before --to"),
    ("rejects show x", "ID = x"),
    ("clock", "TIME is required"),
    ("clock yesterday", '"yesterday" is no time'),
    ("rejects list --max 0", "--max"),
    ("bundle --since yesterday", "--since can't be yesterday"),
]


def alona(*arguments, **more):
    return subprocess.run([ALONA, *arguments], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, **more)


def refused(done, code, *parts):
    """The error is on stderr alone, for a person, with the code that is documented."""
    assert done.returncode == code, done
    assert done.stdout == ""
    assert done.stderr.startswith("alona: ") and "fault of the program" not in done.stderr
    for part in parts:
        assert part in done.stderr, done.stderr


@pytest.fixture(scope="module")
def still():
    """Set up; neither broker nor core run."""
    with Box(start=False) as made:
        yield made


def test_each_command_has_help_with_its_options_and_an_example():
    for command, names in HELP.items():
        done = alona(*command.split(), "--help")
        assert (done.returncode, done.stderr) == (0, ""), command
        for name in ["Example:", "--config", "--json", *names]:
            assert name in done.stdout, f"{command}: {name}"
    listed = alona("--help")
    assert listed.returncode == 0 and "Exit codes" in listed.stdout
    for command in HELP:
        assert f"\n  {command.split()[0]} " in listed.stdout, command


def test_version():
    text = alona("version").stdout
    assert text.startswith("alona ") and text == alona("--version").stdout
    assert text.split()[1] == json.loads(alona("version", "--json").stdout)["version"]


@pytest.mark.parametrize("words, named", WRONG_USAGE)
def test_wrong_usage_is_2_and_names_the_word(still, words, named):
    # --config last, so that a run that should have failed would at least not touch this machine's own box.
    refused(alona(*words.split(), "--config", str(still.config_file)), 2, named)


def test_a_wrong_configuration_is_78(still, tmp_path):
    refused(alona("status", "--config", str(tmp_path / "none.toml")), 78, "none.toml")
    (tmp_path / "bad.toml").write_text("[mqtt]\nprot = 1\n")
    for command in (["status"], ["doctor"], ["bundle"], ["node", "list"], ["export"], ["setup"], ["tail"], ["rejects", "list"]):
        refused(alona(*command, "--config", str(tmp_path / "bad.toml")), 78, "bad.toml", "line 2", "port")


def test_without_a_database_it_is_said_and_none_is_made(tmp_path):
    config = tmp_path / "alona.toml"
    config.write_text(f"[core]\ndata_dir = '{tmp_path}/data'\nruntime_dir = '{tmp_path}/run'\n"
                      f"[mqtt]\nport = {free_port()}\n")
    for command in (["node", "list"], ["node", "add", "roof"], ["export"], ["rejects", "list"]):
        refused(alona(*command, "--config", str(config)), 3, "there is no database", "alona setup")
    assert not (tmp_path / "data").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_who_may_not_is_told_so(still):
    """In place of advice to set up anew what only may not be looked at."""
    with tempfile.TemporaryDirectory(prefix="alona-e2e-") as name:
        # Where everybody may look, unlike perhaps the folder that all this is built in.
        folder = Path(name)
        folder.chmod(0o755)
        program, config = shutil.copy(ALONA, folder / "alona"), shutil.copy(still.config_file, folder / "alona.toml")
        for file in (program, config):
            os.chmod(file, 0o755)
        for command in (["node", "list"], ["node", "add", "roof"], ["export"], ["rejects", "list"], ["setup"]):
            done = subprocess.run([program, *command, "--config", config], capture_output=True, text=True, timeout=60,
                                  stdin=subprocess.DEVNULL, user=65534, group=65534, extra_groups=[])
            refused(done, 1, "sudo" if "add" in command else "as root")


def test_what_cannot_be_printed_is_no_success(still):
    for command in (["version"], ["node", "list"], ["setup"], ["export"]):
        with open("/dev/full", "w") as full:
            done = subprocess.run([ALONA, *command, "--config", str(still.config_file)], stdout=full,
                                  stderr=subprocess.PIPE, text=True, timeout=60)
        assert done.returncode == 1 and "No space left" in done.stderr, command


def test_a_second_setup_changes_nothing_and_says_so(still):
    files = [still.config_file, still.folder / "mqtt-password", *(still.data / "live").rglob("*")]
    kept = {path: (path.stat().st_ino, path.stat().st_mode, path.read_bytes()) for path in files
            if path.is_file() and not path.name.endswith(("-shm", ".lock"))}
    assert {"passwd", "acl", "alona.conf", "alona.sqlite3", "canary", "alona-probe"} <= {path.name for path in kept}
    done = still.run("setup")
    assert "nothing was changed" in done.stdout and "made " not in done.stdout
    assert "Password of" not in done.stdout
    again = json.loads(still.run("setup", "--json").stdout)
    assert not again["changed"] and "password" not in again and not again["broker_must_reload"]
    assert kept == {path: (path.stat().st_ino, path.stat().st_mode, path.read_bytes()) for path in kept}
    assert json.loads(still.run("setup", "--json", "--admin", "second").stdout)["changed"], "a user that is missing"


def test_status_says_what_is_wrong_and_ends_accordingly(box):
    node = box.add_node("roof")
    box.publish(box.client(node), [("alona/roof/telemetry/t", '{"v":1,"sensor":"t","value":1,"unit":"C"}')])
    wait_for(lambda: box.counts("roof")["stored"] == 1, "the reading")

    def status():
        """The text and the JSON, which must agree with each other and the exit code."""
        text, machine = box.run("status", check=False), box.run("status", "--json", check=False)
        overview = json.loads(machine.stdout)
        needs = [f["id"] for f in overview["findings"] if f["level"] == "needs_you"]
        assert text.returncode == machine.returncode == (1 if needs else 0)
        assert text.stderr == machine.stderr == "" and "Test: " in text.stdout
        for finding in overview["findings"]:
            assert finding["what"] in text.stdout
        return text.stdout, overview

    text, overview = status()
    assert overview["broker_connected"] and "roof" in text
    box.stop_broker()
    wait_for(lambda: not box.overview()["broker_connected"], "the core to notice")
    text, overview = status()
    assert not overview["broker_connected"] and "connected" not in text.replace("not connected", "")
    box.stop_core()
    for option in ([], ["--json"]):
        refused(box.run("status", *option, check=False), 4, "the core doesn't answer", "systemctl start alona-core")
    refused(box.run("tail", check=False), 4, "the core doesn't answer")


class Tail:
    """`alona tail WORDS` in the background; its output in a file."""

    def __init__(self, box, name, *words):
        self.file = box.folder / f"tail-{name}"
        with open(self.file, "w") as out:
            self.process = subprocess.Popen([ALONA, "tail", *words, "--config", str(box.config_file)], stdout=out,
                                            stderr=subprocess.PIPE, text=True)

    def shown(self):
        return self.file.read_text()

    def ended(self, sig=None):
        if sig:
            self.process.send_signal(sig)
        _, err = self.process.communicate(timeout=30)
        return self.process.returncode, err


def test_tail_shows_what_is_stored_as_it_is_stored_until_ctrl_c(box):
    roof, well = box.client(box.add_node("roof")), box.client(box.add_node("well"))
    for nobody in ("rof", "Ro/of"):
        refused(box.run("tail", nobody, check=False), 3, "there is no node", "alona node list")
    tails = [Tail(box, "all"), Tail(box, "roof", "roof"), Tail(box, "json", "--json"), Tail(box, "left")]
    everything, one, machine, left = tails

    def send_and_look(n):
        """One that has just begun may not hear yet: so once more until all do."""
        reading = f'{{"v":1,"sensor":"t","value":{n},"unit":"°C"}}'
        box.publish(well, [("alona/well/telemetry/t", reading)])
        box.publish(roof, [("alona/roof/telemetry/bad", "{"), ("alona/roof/telemetry/t", reading)])
        wait_for(lambda: box.counts("roof")["stored"] == n, "the reading")
        return all(" °C" in tail.shown() for tail in (everything, one, left)) and "°C" in machine.shown()

    try:
        numbers = iter(range(1, 10_000))
        wait_for(lambda: send_and_look(next(numbers)), lambda: [tail.shown() for tail in tails])
        wait_for(lambda: " roof " in everything.shown() and " well " in everything.shown(), "both nodes")
        assert [tail.ended(signal.SIGINT) for tail in (everything, one, machine)] == [(0, "")] * 3
        box.stop_core()
        code, err = left.ended()
    finally:
        for tail in tails:
            if tail.process.poll() is None:
                tail.ended(signal.SIGKILL)
    assert code == 1 and err.startswith("alona: the core has ended the stream")
    assert " well " not in one.shown() and " roof " in one.shown()
    exported = box.run("export", "--format", "ndjson").stdout.splitlines(keepends=True)
    assert set(machine.shown().splitlines(keepends=True)) <= set(exported), "a tail's rows are an export's"


def test_tail_knows_a_series_that_came_between_the_list_and_the_stream(tmp_path):
    """The core's part is played here: no real one can be made to take the reading in just then."""
    series = [{"id": 7, "node": "roof", "sensor": "t", "unit": "°C"}]
    lists = [[], series, series]
    events = [{"readings": [[9, 1795521600000, 5, 0, 0]]},  # of one that is in no list
              {"readings": [[7, 1795521600000, 21.5, 0, 0]]}, {"readings": [[9, 1795521601000, 6, 0, 0]]}]

    class Core(BaseHTTPRequestHandler):
        def do_GET(self):
            stream = self.path == "/api/v1/live"
            if stream:
                body = "".join(f"event: readings\ndata: {json.dumps(event)}\n\n" for event in events).encode()
            else:
                body = json.dumps({"series": lists.pop(0)}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream" if stream else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def address_string(self):
            return "the command line"

        def log_message(self, *_):
            pass

    (tmp_path / "run").mkdir()
    (tmp_path / "alona.toml").write_text(f'[core]\ndata_dir = "{tmp_path}/data"\nruntime_dir = "{tmp_path}/run"\n')
    with socketserver.ThreadingUnixStreamServer(str(tmp_path / "run/core.sock"), Core) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            done = subprocess.run([ALONA, "tail", "--config", tmp_path / "alona.toml"], capture_output=True, text=True, timeout=30)
        finally:
            server.shutdown()
            serving.join()
    assert done.stdout.split() == ["2026-11-24T12:00:00.000Z", "roof", "t", "21.5", "°C"], done
    assert done.returncode == 1 and "the core has ended the stream" in done.stderr
    assert lists == [series], "it asked again for the one that it didn't know, and not for each reading"


def test_the_time_of_a_shell_is_taken_where_no_browsers_is():
    with Box({"time": "accept_browser = false"}) as box:
        said = box.run("clock", "2026-11-24T18:42:07Z", check=False)
        # Else this machine's clock follows the network, and nobody needs to say what time it is.
        assert said.returncode == 0 or "from the network" in said.stderr, said.stderr
        if said.returncode == 0:
            assert box.overview()["clock_trusted"]
