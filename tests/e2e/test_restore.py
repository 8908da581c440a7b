"""`alona restore` on a box with a real broker and core: what comes back, what goes back, and what is never lost."""
import json
import os
import pathlib
import pty
import random
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

from box import ALONA, Box, wait_for

TELEMETRY = '{{"v":1,"sensor":"t","value":{},"unit":"C"}}'


def messages(first, n, node="roof"):
    return [(f"alona/{node}/telemetry/t", TELEMETRY.format(value)) for value in range(first, first + n)]


def values(box):
    return sorted(row.value for row in box.export())


def stored(box, n):
    wait_for(lambda: box.overview()["readings_stored"] >= n, f"{n} readings")


def backup(box):
    return box.data / "backups" / json.loads(box.run("backup", "now", "--json").stdout)["set"]


def kept(box, kind="before"):
    return sorted(box.data.glob(f"{kind}-restore-*"))


def test_card_gone_one_command_and_the_nodes_come_back(tmp_path):
    """The rehearsal of the worst day: the data folder, the configuration and the core's password are gone."""
    with Box({"core": 'timezone = "Europe/Berlin"'}) as box:
        nodes = [box.add_node(name) for name in ("roof", "cellar", "well")]
        clients = [box.client(node) for node in nodes]
        for node, client in zip(nodes, clients, strict=True):
            box.publish(client, messages(0, 400, node.user))
        stored(box, 1200)
        before = box.export()
        config = box.config_file.read_text()
        stick = tmp_path / "stick"
        stick.mkdir()
        shutil.copy(backup(box), stick)

        box.kill_core()
        box.stop_broker()
        shutil.rmtree(box.data)
        shutil.rmtree(box.broker_state)
        (box.folder / "mqtt-password").unlink()
        # A fresh box: where things lie, which the package knows by itself, and nothing else.
        box.config_file.write_text(f"[core]\ndata_dir = '{box.data}'\nruntime_dir = '{box.folder}/run'\n"
                                   f"[mqtt]\npassword_file = '{box.folder}/mqtt-password'\n")
        done = box.run("restore", "--from", str(stick))
        assert "1200 readings" in done.stdout and "is restored" in done.stdout, done.stdout

        assert box.config_file.read_text() == config
        box.broker_state.mkdir(mode=0o700)
        box.start_broker()
        box.start_core()
        assert box.export() == before
        for node in nodes:  # with the passwords they have
            box.publish(box.client(node), [(f"alona/{node.user}/telemetry/t", TELEMETRY.format(-1))])
        wait_for(lambda: sum(row.value == -1 for row in box.export()) == 3, "the nodes' next readings")
        assert [n["id"] for n in box.overview()["nodes"]] and box.api("/api/v1/system") is not None
        assert not kept(box)


def test_from_an_encrypted_set_on_a_stick(tmp_path):
    stick, secret = tmp_path / "stick", tmp_path / "secret"
    stick.mkdir()
    secret.write_text("correct horse battery staple\n")
    secret.chmod(0o600)
    with Box({"backup": f"second_target = '{stick}'\npassphrase_file = '{secret}'"}) as box:
        box.publish(box.client(box.add_node("roof")), messages(0, 100))
        stored(box, 100)
        backup(box)
        box.stop_core()
        shutil.rmtree(box.data / "live")
        shutil.rmtree(box.data / "backups")
        box.config_file.write_text(box.config_file.read_text().replace("passphrase_file", "# passphrase_file"))
        wrong = tmp_path / "wrong"
        wrong.write_text("another phrase of words\n")
        said = box.run("restore", "--from", str(stick), "--passphrase-file", str(wrong), "--yes", check=False)
        assert said.returncode != 0 and "passphrase" in said.stderr, said
        assert not (box.data / "live").exists()
        box.run("restore", "--from", str(stick), "--passphrase-file", str(secret), "--yes")
        assert not (box.data / "scratch/restore").exists(), "nothing that was encrypted stays open"
        box.reload_broker()
        box.start_core()
        assert values(box) == list(range(100))


def test_over_a_running_core_under_load_and_back_again(box):
    roof = box.add_node("roof")
    client = box.client(roof)
    box.publish(client, messages(0, 300))
    stored(box, 300)
    first = backup(box)
    box.add_node("barn")
    stop, sent = threading.Event(), [300]

    def load():
        while not stop.is_set():
            box.publish(client, messages(sent[0], 20))
            sent[0] += 20

    loading = threading.Thread(target=load)
    loading.start()
    try:
        time.sleep(1)
        done = box.run("restore", first.name, "--yes")
    finally:
        stop.set()
        loading.join()
    assert box.core.wait() == 0, "the core was asked to end"
    assert "start the core again" in done.stdout, done.stdout
    box.reload_broker()
    box.start_core()
    # The broker kept what came in meanwhile: it is stored now. What the old core had stored is kept beside.
    wait_for(lambda: values(box) and values(box)[-1] == sent[0] - 1, "the readings since")
    now = values(box)
    assert now[:300] == list(range(300))
    [old] = kept(box)
    with Box(start=False) as other:
        shutil.rmtree(other.data / "live")
        shutil.copytree(old / "live", other.data / "live")
        beside = [row.value for row in other.export()]
    assert sorted({*now, *beside}) == list(range(sent[0])), "of what was acknowledged nothing is lost"
    assert "barn" in (old / "live/broker/passwd").read_text()
    assert "barn" not in (box.data / "live/broker/passwd").read_text()
    # Once a later backup is proven, it goes.
    backup(box)
    box.run("backup", "drill")
    assert not kept(box)


def test_a_terminal_that_goes_away_leaves_nothing_half_done(box):
    box.add_node("roof")
    wanted = backup(box)
    box.kill_core()
    for _ in range(5):
        ours, its = pty.openpty()
        running = subprocess.Popen([ALONA, "restore", wanted.name, "--yes", "--config", box.config_file], stdin=its, stdout=its,
                                   stderr=its)
        os.close(its)
        os.read(ours, 1)  # it is at work
        running.send_signal(signal.SIGHUP)
        os.close(ours)
        # 4: to be done again; 0 or 1: it was as good as done, and its last words went nowhere.
        assert running.wait(60) in (0, 1, 4)
        assert "No restore was cut short" in box.run("restore", "--recover").stdout


def test_a_core_that_does_not_turn_is_given_back_what_it_had(box):
    box.publish(box.client(box.add_node("roof")), messages(0, 50))
    stored(box, 50)
    first = backup(box)
    box.publish(box.client(box.add_node("barn")), messages(50, 50, "barn"))
    stored(box, 100)
    before = box.export()
    box.stop_core()
    with socket.socket() as other:  # another program has taken the page's port
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", box.page_port))
        other.listen()
        done = box.run("restore", first.name, "--yes", check=False)
    assert done.returncode == 1 and "undone, and all is as it was" in done.stderr, done.stderr
    assert str(box.page_port) in done.stderr, "it says why"
    box.start_core()
    assert box.export() == before
    assert not kept(box) and len(kept(box, "failed")) == 1


def cores_of(box):
    """Processes that are a core of this box, whoever started them."""
    def command(process):
        try:
            return (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            return []
    commands = map(command, pathlib.Path("/proc").glob("[0-9]*"))
    return [words for words in commands if str(box.config_file).encode() in words and b"core" in words]


def test_killed_in_the_middle_the_next_start_has_the_old_or_the_new(box, seed, long_run):
    random.seed(seed)
    box.publish(box.client(box.add_node("roof")), messages(0, 100))
    stored(box, 100)
    first = backup(box)
    box.publish(box.client(box.add_node("barn")), messages(100, 100, "barn"))
    stored(box, 200)
    old, new, outcomes = list(range(200)), list(range(100)), set()
    second = backup(box)
    for _ in range(40 if long_run else 6):
        restoring = subprocess.Popen([ALONA, "--config", str(box.config_file), "restore", str(first), "--yes"],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(random.uniform(0, 1.0))
        restoring.kill()
        restoring.wait()
        if box.core.running():
            box.stop_core()
        # The core that it had just started is told by the kernel that it is alone, and stops.
        wait_for(lambda: not cores_of(box), "the end of the core that it had started")
        wait_for(lambda: "in use" not in box.run("restore", "--recover", check=False).stderr, "the lock")
        box.start_core()
        now = values(box)
        assert now in (old, new), len(now)
        outcomes.add(len(now))
        assert not (box.data / "restoring").exists() and not (box.data / "restore").exists()
        if now == new:  # there again
            box.run("restore", str(second), "--yes")
            box.core.wait()
            box.start_core()
    print(f"outcomes: {outcomes}")
    box.run("backup", "verify", "--all")


def test_over_a_damaged_database_while_the_rescue_page_stands(tmp_path):
    with Box({"storage": 'on_corruption = "stop"'}) as box:
        box.publish(box.client(box.add_node("roof")), messages(0, 100))
        stored(box, 100)
        backup(box)
        box.run("backup", "drill")
        box.stop_core()
        database = box.data / "live/db/alona.sqlite3"
        damaged = bytearray(database.read_bytes())
        damaged[:16] = bytes(16)
        for at in range(100, len(damaged), 700):
            damaged[at] ^= 1
        database.write_bytes(damaged)
        for tail in ("-wal", "-shm"):
            database.with_name(database.name + tail).unlink(missing_ok=True)
        box.start_core(wait=False)

        def rescue_page():
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{box.page_port}/", timeout=5) as answer:
                    return answer.read().decode()
            except urllib.error.HTTPError as error:
                return error.read().decode()
            except OSError:
                return None

        page = wait_for(rescue_page, "the rescue page")
        command = re.search(r"sudo (alona restore alona-[^< ]*\.tar\.zst)", page)
        assert command, page
        box.run(*command[1].split()[1:], "--yes")
        if box.core.running():  # it may have seen the new one by itself
            box.wait_healthy()
        else:
            box.start_core()
        assert values(box) == list(range(100))
        [old] = kept(box)
        assert (old / "live/db/alona.sqlite3").read_bytes() == bytes(damaged), "as it was found"


def test_what_it_says(box, tmp_path):
    box.publish(box.client(box.add_node("roof")), messages(0, 10))
    stored(box, 10)
    said = box.run("restore", "--yes", check=False)
    assert said.returncode == 3 and "no backup set" in said.stderr, said
    first = backup(box)
    said = box.run("restore", check=False, stdin=subprocess.DEVNULL)
    assert said.returncode == 3 and "nothing was touched" in said.stderr, said
    said = box.run("restore", "another", "--yes", check=False)
    assert said.returncode == 3 and "another" in said.stderr, said
    said = box.run("restore", "--from", str(tmp_path), "--yes", check=False)
    assert said.returncode == 3 and "no backup set" in said.stderr, said
    whole = box.run("restore", first.name, "--to", str(tmp_path / "here"))
    assert "is whole and unpacked" in whole.stdout
    assert (tmp_path / "here/live/db/alona.sqlite3").exists() and "readings 10" in (tmp_path / "here/MANIFEST").read_text()
    said = box.run("restore", first.name, "--to", str(tmp_path / "here"), check=False)
    assert said.returncode == 3 and "exists already" in said.stderr, said
    assert "No restore was cut short" in box.run("restore", "--recover").stdout
    cut = tmp_path / first.name
    cut.write_bytes(first.read_bytes()[:-60])
    said = box.run("restore", str(cut), "--yes", check=False)
    assert said.returncode == 3 and "no whole backup set" in said.stderr, said
    assert box.core.running() and len(box.export()) == 10


def test_it_asks_a_person_and_no_changes_nothing(box):
    box.publish(box.client(box.add_node("roof")), messages(0, 10))
    stored(box, 10)
    backup(box)
    for answer, code in ((b"n\n", 3), (b"y\n", 0)):
        parent, terminal = pty.openpty()
        asking = subprocess.Popen([ALONA, "--config", str(box.config_file), "restore"], stdin=terminal,
                                  stdout=terminal, stderr=terminal, start_new_session=True)
        os.close(terminal)
        text = b""
        while b"Go on?" not in text:
            text += os.read(parent, 4096)
        assert b"10 readings" in text, text
        os.write(parent, answer)
        try:
            while chunk := os.read(parent, 4096):
                text += chunk
        except OSError:
            pass  # the terminal is gone
        assert asking.wait(timeout=90) == code, text
        os.close(parent)
        assert box.core.running() == (code == 3)
