"""Backups beside a running core, and the way back by hand as docs/backup.md says, word for word."""
import json
import re
import signal
import subprocess
import threading
from pathlib import Path

from box import ALONA, Box, wait_for

DOCS = (Path(__file__).resolve().parents[2] / "docs/backup.md").read_text()
[TAKE_APART, _, CHECK, PUT_BACK] = re.findall(r"```sh\n(.*?)```", DOCS, re.S)


def sets(box):
    return json.loads(box.run("backup", "list", "--json").stdout)


def messages(first, n):
    return [("alona/roof/telemetry/t", f'{{"v":1,"sensor":"t","value":{value},"unit":"C"}}')
            for value in range(first, first + n)]


def test_under_load_a_set_is_one_moment_and_comes_back_by_hand(box, tmp_path):
    roof = box.add_node("roof")
    client = box.client(roof)
    box.publish(client, messages(0, 500))
    wait_for(lambda: len(box.export()) == 500, "the readings")
    stop = threading.Event()

    def load():
        first = 500
        while not stop.is_set():
            box.publish(client, messages(first, 50))
            first += 50

    loading = threading.Thread(target=load)
    loading.start()
    try:
        made = json.loads(box.run("backup", "now", "--json").stdout)
    finally:
        stop.set()
        loading.join()
    assert made["state"] == "verified" and made["readings"] >= 500, made
    assert box.run("backup", "drill").stdout.strip().endswith("readings shown")
    assert [s["state"] for s in sets(box)] == ["proven"]

    # Everything is lost but the set.
    box.stop_core()
    folder = tmp_path / "stick"
    folder.mkdir()
    name = made["set"].removesuffix(".tar.zst")
    (folder / made["set"]).write_bytes((box.data / "backups" / made["set"]).read_bytes())
    etc = tmp_path / "etc"
    etc.mkdir()
    steps = (TAKE_APART + CHECK + PUT_BACK).replace("SET", name).replace("sudo ", "")
    steps = steps.replace("/var/lib/alona", str(box.data)).replace("/etc/alona", str(etc))
    done = subprocess.run(["bash", "-euc", steps], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "ok" and ": OK\n" in done.stdout and "FAILED" not in done.stdout

    assert (etc / "alona.toml").read_text() == box.config_file.read_text()
    box.reload_broker()
    box.start_core()
    readings = [row.value for row in box.export()]
    assert readings[:made["readings"]] == [float(n) for n in range(made["readings"])]
    again = box.client(roof)  # with its old password
    box.publish(again, [("alona/roof/telemetry/t", '{"v":1,"sensor":"t","value":-1,"unit":"C"}')])
    wait_for(lambda: any(row.value == -1 for row in box.export()), "a reading after the restore")


def test_what_is_wrong_is_said_with_its_exit_code(box):
    box.add_node("roof")
    assert "No backups yet" in box.run("backup", "list").stdout
    assert box.run("backup", "verify", check=False).returncode == 3
    box.run("backup", "now")
    [made] = sets(box)
    file = box.data / "backups" / made["set"]
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    said = box.run("backup", "verify", check=False)
    assert said.returncode == 3 and "no whole backup set" in said.stderr, said
    [bad] = sets(box)
    assert bad["state"] == "failed" and bad["failed"]
    file.write_bytes(whole)
    assert box.run("backup", "verify").stdout.strip().endswith(": whole")
    assert box.run("backup", "verify", "nothing", check=False).returncode == 3


def test_stopped_by_ctrl_c_it_leaves_nothing(box):
    box.add_node("roof")
    child = subprocess.Popen([ALONA, "--config", str(box.config_file), "backup", "now"], stderr=subprocess.PIPE, text=True)
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=60)
    assert child.returncode in (0, 4, -signal.SIGINT)
    assert len(sets(box)) == (1 if child.returncode == 0 else 0)
    assert not list((box.data / "backups").glob("*.part")) or child.returncode == -signal.SIGINT
