"""The box under systemd: started, in its sandbox, killed, stopped, cut off from power, and back each time."""
import json
import re
import time
from collections import Counter

from root import wait_for

SANDBOX = {"alona-core": 1.5, "mosquitto": 1.5, "alona-backup": 1.0, "alona-drill": 1.0, "alona-health": 1.0,
           "alona-clock": 1.5, "alona-time": 1.5, "alona-power": 1.0}


def password(root):
    return json.loads(root.password)["password"]


def publish(root, value, check=True):
    return root.run("mosquitto_pub", "-h", "127.0.0.1", "-u", "well", "-i", "well", "-P", password(root), "-q", "1", "-t",
                    "alona/well/telemetry/t", "-m", json.dumps({"v": 1, "sensor": "t", "value": value, "unit": "C"}),
                    check=check, timeout=60)


def seen(root, value):
    """A node sends again until the core has it."""
    wait_for(f"{value}", lambda: publish(root, value, check=False).returncode == 0 and value in values(root), every=1)


def values(root):
    lines = root.out("alona", "export", "--node", "well").splitlines()[1:]
    return [float(line.split(",")[4 - 1]) for line in lines]


def test_installed_it_runs_and_a_node_is_seen(root):
    assert root.state("alona-core") == root.state("mosquitto") == "active"
    assert not root.out("systemctl", "--failed", "--no-legend").strip()
    made = json.loads(root.out("alona", "setup", "--json"))
    assert made["password"] and made["user"] == "admin"
    seen(root, 1)
    assert root.run("mosquitto_pub", "-h", "127.0.0.1", "-t", "alona/well/telemetry/t", "-m", "x", check=False).returncode != 0, "anonymous"
    broker, core = root.pid("mosquitto"), root.pid("alona-core")
    assert root.out("stat", "-c", "%U", f"/proc/{broker}", f"/proc/{core}").split() == ["mosquitto", "alona"]


def test_the_sandbox_is_in_force_and_every_command_works_in_it(root):
    for unit, most in SANDBOX.items():
        text = root.out("systemd-analyze", "security", "--no-pager", f"{unit}.service")
        found = float(re.search(r"exposure level for \S+: ([\d.]+)", text)[1])
        print(f"{unit}: {found}")
        assert found <= most, text
    inside = ["nsenter", "-t", root.pid("alona-core"), "-m", "--"]
    assert root.run(*inside, "touch", "/etc/alona/x", check=False).returncode != 0, "read-only for it"
    for unit in ("alona-backup", "alona-drill", "alona-health"):
        root.run("systemctl", "start", unit)
    assert "proven" in root.out("alona", "backup", "list")
    for command in (["status"], ["node", "list"], ["check"], ["sql", "SELECT count(*) FROM readings"], ["rejects", "list"],
                    ["backup", "verify"]):
        assert root.run("alona", *command, check=False).returncode in (0, 1), command


def test_a_round_of_checks_by_somebody_else_accuses_no_disk(root):
    """Who is in the group alona may read everything, and write nothing."""
    said = root.run("runuser", "-u", "nobody", "-g", "alona", "--", "alona", "health", check=False).stdout
    assert "unknown  writable: only root and the user alona may write there" in said, said
    assert "ok       writable" in root.run("alona", "health", check=False).stdout


def doctor(root):
    """By name, what the doctor finds as root on the booted box."""
    return {check["id"]: check for check in json.loads(root.out("alona", "doctor", "--json", check=False))["checks"]}


def test_the_doctor_finds_an_installed_box_well_and_what_is_broken_in_it(root):
    checks = doctor(root)
    for name in ("core", "broker", "broker_allowed", "broker_anonymous", "broker_password", "broker_publish", "broker_subscribe",
                 "broker_will", "broker_files", "modes", "owners", "page", "version", "services", "timers", "sandbox"):
        assert checks[name]["state"] == "ok", checks[name]
    print({name: check["what"] for name, check in checks.items() if check["state"] != "ok"}, checks["fsync"]["what"])
    root.run("mkdir", "-p", "/run/systemd/system/alona-core.service.d")
    weak = "/run/systemd/system/alona-core.service.d/weak.conf"
    root.run("tee", weak, input="[Service]\nProtectSystem=no\nProtectHome=no\n")
    root.run("systemctl", "daemon-reload")
    root.run("systemctl", "restart", "alona-core")
    root.run("systemctl", "stop", "alona-backup.timer")
    root.run("systemctl", "disable", "alona-recover")
    root.run("chown", "root", "/var/lib/alona/live/checks/canary")
    wait_for("the core", root.well)
    checks = doctor(root)
    for name, word in (("sandbox", "outside of its folders"), ("timers", "alona-backup.timer"), ("owners", "checks/canary")):
        assert checks[name]["state"] == "failing" and word in checks[name]["what"], checks[name]
    root.run("rm", weak)
    root.run("systemctl", "daemon-reload")
    root.run("systemctl", "restart", "alona-core")
    root.run("systemctl", "start", "alona-backup.timer")
    root.run("systemctl", "enable", "alona-recover")
    root.run("chown", "alona", "/var/lib/alona/live/checks/canary")
    wait_for("the core", root.well)
    assert {doctor(root)[name]["state"] for name in ("services", "timers", "sandbox", "owners")} == {"ok"}


AT = "/etc/systemd/system/alona-backup.timer.d/50-at.conf"


def backup_at(root, at):
    """As the manual says it."""
    root.run("sed", "-i", f's/^at = "[0-9:]*"/at = "{at}"/', "/etc/alona/alona.toml")
    return root.out("alona", "setup", "--admin", "")


def timer_says(root, at):
    return f"OnCalendar=*-*-* {at}:00 ;" in root.out("systemctl", "show", "-P", "TimersCalendar", "alona-backup.timer")


def another_time(root):
    """Half a day away: a time of today that is over would have the backup made up for now."""
    return f"{(int(root.out('date', '+%H')) + 12) % 24:02}:40"


def test_the_daily_backup_is_made_when_the_settings_say(root):
    at = another_time(root)
    assert timer_says(root, "03:15")
    assert "is there the time of the daily backup, 03:15" in backup_at(root, "03:15")
    assert f"made     the time of the daily backup, {at}" in backup_at(root, at)
    assert timer_says(root, at) and root.state("alona-backup.timer") == "active"
    assert doctor(root)["timers"]["state"] == "ok"
    root.run("sed", "-i", f's/^at = "{at}"/at = "03:15"/', "/etc/alona/alona.toml")
    check = doctor(root)["timers"]
    assert check["state"] == "note" and at in check["what"] and "03:15" in check["what"], check
    backup_at(root, "03:15")
    assert timer_says(root, "03:15")
    assert root.run("test", "-e", AT, check=False).returncode != 0


def test_a_bundle_of_an_installed_box_has_its_journal_and_units(root):
    made = json.loads(root.out("alona", "bundle", "--json"))
    assert {"journal.txt", "units.txt", "versions.txt"} <= set(made["members"]), made["left_out"]
    assert root.out("stat", "-c", "%U %a", made["file"]).split() == ["alona", "640"]
    print(made)


def test_the_journal_is_kept_on_the_disk_and_has_its_bounds(root):
    root.run("systemctl", "restart", "systemd-journald")
    said = root.log("-u", "systemd-journald", "-n", "20")
    assert re.search(r"/var/log/journal/\S+\) is \S+, max 200(\.0)?M", said), said
    in_force = root.out("systemd-analyze", "cat-config", "systemd/journald.conf")
    for line in ("Storage=persistent", "SystemMaxUse=200M", "SystemKeepFree=500M", "MaxRetentionSec="):
        assert re.search(f"^{line}", in_force, re.M), in_force


def test_order_of_the_start(root):
    def begun(unit):
        return int(root.out("systemctl", "show", "-P", "ActiveEnterTimestampMonotonic", unit))
    root.run("systemctl", "stop", "alona-core", "mosquitto")
    root.run("systemctl", "start", "alona-core")
    assert 0 < begun("mosquitto") <= begun("alona-core")
    # The core outlives the broker's restarts.
    core = root.pid("alona-core")
    root.run("systemctl", "restart", "mosquitto")
    assert root.pid("alona-core") == core
    wait_for("the core", root.well)


def test_killed_in_turn_under_load_nothing_that_was_acknowledged_is_lost(root, long_run):
    root.run("mkdir", "-p", "/run/systemd/system/alona-core.service.d")
    root.run("tee", "/run/systemd/system/alona-core.service.d/quick.conf", input="[Service]\nRestartSec=100ms\n")
    root.run("systemctl", "daemon-reload")
    kills, before = 200 if long_run else 12, len(values(root))
    root.run("tee", "/root/nodes", input=f"well {password(root)}\n")
    node = root.popen("alona", "sim", "--credentials", "/root/nodes", "--node-id", "well", "--single", "--rate", "5",
                      "--ring", "32768", "--messages", str(60 * kills), "--drain", "600", "--json")
    killed = 0
    while node.poll() is None and killed < kills:
        root.kill(("alona-core", "mosquitto")[killed % 2])
        killed += 1
        if killed % 10 == 0:
            root.kill("alona-core"), root.kill("mosquitto")
        time.sleep(0.3)  # so that each of them falls somewhere else
        wait_for("both", lambda: root.state("alona-core") == root.state("mosquitto") == "active")
        time.sleep(killed % 7 / 5)
    said, errors = node.communicate(timeout=900)
    sums = json.loads(said.splitlines()[-1])
    print(f"{killed} kills; the node: {sums}")
    assert node.returncode == 0 and killed == kills, said + errors
    assert sums["lost"] == sums["pending"] == 0 and sums["acked"] == sums["taken"] == 60 * kills
    assert len(values(root)) - before == sums["acked"], "each once"
    assert root.state("alona-core") == root.state("mosquitto") == "active"


def test_crashes_in_a_row_never_end_in_a_failed_unit(root, long_run):
    crashes = 100 if long_run else 10
    before = root.restarts("alona-core")
    for _ in range(crashes):
        now = root.restarts("alona-core")
        root.kill("alona-core", "SEGV")
        wait_for("the next start", lambda now=now: root.restarts("alona-core") > now and root.pid("alona-core") != 0,
                 every=0.05)
    assert root.restarts("alona-core") >= before + crashes
    wait_for("the core", root.well)


def test_a_stuck_core_is_restarted_by_the_watchdog(root):
    stuck, begin = root.pid("alona-core"), time.monotonic()
    root.kill("alona-core", "STOP")
    wait_for("the watchdog", lambda: root.pid("alona-core") not in (0, stuck) and root.well(), 60)
    took = time.monotonic() - begin
    print(f"back after {took:.0f} s")
    assert took <= 45


def test_a_damaged_state_file_keeps_the_broker_away_for_one_start(root):
    root.run("systemctl", "stop", "mosquitto")
    root.run("dd", "if=/dev/urandom", "of=/var/lib/mosquitto/mosquitto.db", "bs=5000", "count=1")
    root.run("systemctl", "start", "mosquitto", check=False)
    seen(root, 77)
    root.run("test", "-e", "/var/lib/mosquitto/mosquitto.db.damaged")
    assert "set aside" in root.log("-u", "mosquitto")
    assert not root.run("sh", "-c", "ls -d /var/lib/mosquitto/trial.*", check=False).stdout, "nothing is left of the trial"


def test_a_broker_that_is_killed_keeps_its_state_file(root):
    root.kill("mosquitto")
    seen(root, 78)
    root.run("systemctl", "restart", "mosquitto")
    root.run("test", "-e", "/var/lib/mosquitto/mosquitto.db")


def backed_up(root):
    """What is in the newest backup: what was there before and after. A reading that was sent twice may still come."""
    before = values(root)
    root.run("alona", "backup", "now")
    return before if values(root) == before else None


def test_a_restore_from_a_folder_under_systemd(root):
    kept = []
    wait_for("a backup while nothing comes", lambda: kept.append(backed_up(root)) or kept[-1] is not None, every=1)
    then = kept[-1]
    root.run("mkdir", "-p", "/mnt/stick")
    root.run("sh", "-c", "cp /var/lib/alona/backups/*.zst /mnt/stick/")
    seen(root, 99)
    said = root.out("alona", "restore", "--from", "/mnt/stick", "--yes")
    assert "is restored" in said
    wait_for("the core", root.well)
    assert values(root) == then
    seen(root, 100)  # with its old password
    assert root.out("stat", "-c", "%U:%G %a", "/var/lib/alona/live/broker").strip() == "alona:mosquitto 2750"


def test_the_plug_is_pulled_and_all_comes_back(root):
    seen(root, 101)
    then = values(root)
    root.cut()
    root.boot()
    wait_for("the core", root.well)
    assert not Counter(then) - Counter(values(root)), "what was sent once more may have come since"
    seen(root, 102)
    assert not root.out("systemctl", "--failed", "--no-legend").strip()


BUSY = """[Service]
ExecCondition=
ExecStart=
ExecStart=/bin/sh -c "while sleep 0.01; do mkdir -p /var/lib/alona/backups/new; date >/var/lib/alona/backups/new/part; done"
"""


def test_removed_the_data_stay_and_purged_they_go_only_when_asked(root):
    at = another_time(root)
    backup_at(root, at)
    root.run("test", "-e", AT)
    root.run("dpkg", "-r", "alona")
    assert root.run("test", "-e", "/etc/systemd/system/alona-backup.timer.d", check=False).returncode != 0
    root.run("test", "-e", "/var/lib/alona/live/db/alona.sqlite3")
    wait_for("the broker with its own configuration", lambda: root.state("mosquitto") == "active")
    root.install()
    wait_for("the core", root.well)
    assert 102 in values(root)
    assert timer_says(root, at)
    said = root.run("dpkg", "-P", "alona")
    assert "Kept: /var/lib/alona" in said.stdout + said.stderr
    root.install()
    wait_for("the core", root.well)
    assert 102 in values(root), "nobody has said yes"
    root.run("debconf-set-selections", input="alona alona/purge-data boolean true\n")
    jobs = ("alona-backup", "alona-copy", "alona-health")  # a drill waits for the backup
    for job in jobs:  # at work for as long as nobody stops it
        root.run("mkdir", "-p", f"/run/systemd/system/{job}.service.d")
        root.run("tee", f"/run/systemd/system/{job}.service.d/busy.conf", input=BUSY)
    root.run("systemctl", "daemon-reload")
    root.run("systemctl", "start", "--no-block", *jobs)
    wait_for("all at work", lambda: {root.state(job) for job in jobs} == {"activating"})
    said = root.run("dpkg", "-P", "alona")
    assert "Deleting /var/lib/alona" in said.stdout + said.stderr
    assert {root.state(job) for job in jobs} <= {"inactive", "failed"}
    assert root.run("test", "-e", "/var/lib/alona", check=False).returncode != 0
