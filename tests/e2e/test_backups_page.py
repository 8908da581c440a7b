"""Backups as the page has them: listed, started, followed, downloaded, refused; each over the API of a running core."""
import hashlib
import os
import signal
import subprocess
from pathlib import Path

from box import Box, wait_for
from page import Page, memory_kib


def readings(box, n):
    client = box.client(box.add_node("roof"))
    box.publish(client, [("alona/roof/telemetry/t", f'{{"v":1,"sensor":"t","value":{i},"unit":"C"}}')
                         for i in range(n)])
    wait_for(lambda: len(box.export()) == n, "the readings")


def admin(box):
    page = Page(box)
    assert page.log_in().status == 200
    return page


def told(page):
    answer = page.ask("/backups")
    assert answer.status == 200, answer
    return answer.json()


def done(page, path):
    """Starts it and waits for its end; how it ended."""
    before = told(page)["last"]
    answer = page.ask(path, "POST")
    assert answer.status == 202, answer
    wait_for(lambda: told(page)["running"] is None and told(page)["last"] != before, "the end of " + path)
    return told(page)["last"]


def children(box):
    tasks = Path(f"/proc/{box.core.pid}/task").iterdir()
    return [int(pid) for task in tasks for pid in (task / "children").read_text().split()]


def download(page, name):
    connection = page.connect()
    try:
        connection.request("GET", "/api/v1/backups/" + name, headers=page.headers)
        answer = connection.getresponse()
        return answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def test_started_followed_proven_and_taken_away(box):
    readings(box, 200)
    page = admin(box)
    assert told(page) | {"now": 0} == {"now": 0, "proven": None, "running": None, "last": None, "sets": []}

    ended = done(page, "/backups")
    [made] = told(page)["sets"]
    assert ended["failed"] is None and ended["kind"] == "now" and ended["set"] == made["set"], ended
    assert made["state"] == "verified" and made["readings"] == 200 and made["newest"] and made["failed"] is None
    def finding():
        return [one["id"] for one in box.overview()["findings"] if one["id"].startswith("backup")]
    wait_for(lambda: finding() == ["backup_proof"], lambda: f"the finding, not {finding()}")

    assert done(page, f"/backups/{made['set']}/verify")["failed"] is None
    drilled = done(page, f"/backups/{made['set']}/drill")
    assert drilled["kind"] == "drill" and drilled["set"] == made["set"] and drilled["failed"] is None
    now = told(page)
    assert now["proven"]["set"] == made["set"] and now["sets"][0]["state"] == "proven"
    wait_for(lambda: finding() == [], "the finding to go")
    wait_for(lambda: box.overview()["backup"]["proven"] == now["proven"]["at"], "the overview's word")
    assert "backup    newest 20" in box.run("status", check=False).stdout

    file = box.data / "backups" / made["set"]
    status, headers, body = download(page, made["set"])
    assert status == 200 and body == file.read_bytes()
    assert headers["content-length"] == str(made["bytes"]) == str(len(body))
    assert headers["content-disposition"] == f'attachment; filename="{made["set"]}"'
    names = subprocess.run(["tar", "--zstd", "-tf", "-"], input=body, capture_output=True, check=True).stdout.decode()
    assert names.splitlines()[0].endswith("/MANIFEST") and "live/db/alona.sqlite3" in names

    audit = box.run("sql", "SELECT what FROM audit").stdout
    for what in ("started a backup", f"started a drill of the backup {made['set']}", f"downloads the backup {made['set']}"):
        assert what in audit, audit


def test_who_may_not_and_what_is_not_there(box):
    box.run("backup", "now")
    page = admin(box)
    [made] = told(page)["sets"]
    stranger = Page(box)
    for path, method in (("/backups", "GET"), ("/backups", "POST"), (f"/backups/{made['set']}", "GET"),
                         (f"/backups/{made['set']}/drill", "POST")):
        assert stranger.ask(path, method).status == 401, path
    other = made["set"].replace("alona-", "alona-x", 1)
    for name in (other, "..%2f..%2falona.toml", "..", "%2e%2e%2fdata%2ftime", ".lock", made["set"] + ".state",
                 made["set"] + "%00", "%2fetc%2fpasswd"):
        status, _, body = download(page, name)
        assert status in (400, 404), (name, status)
        assert b"[core]" not in body and b"root:" not in body
        for work in ("verify", "drill"):
            assert page.ask(f"/backups/{name}/{work}", "POST").status in (400, 404), name
    (box.data / "backups" / other).symlink_to("/etc/passwd")
    assert download(page, other)[0] == 404
    assert told(page)["last"] is None


def test_with_reading_for_all_only_an_admin_takes_it_away():
    with Box(config={"web": "public_read = true"}) as box:
        box.run("backup", "now")
        [made] = told(Page(box))["sets"]
        assert download(Page(box), made["set"])[0] == 403


def test_one_at_a_time_and_what_fails_is_said(box):
    readings(box, 50)
    page = admin(box)
    box.run("backup", "now")
    [made] = told(page)["sets"]
    file = box.data / "backups" / made["set"]
    # Another has the folder, as `alona backup` in a shell would.
    with open(box.data / "backups/.lock", "a") as held:
        subprocess.run(["flock", "-n", str(held.fileno())], pass_fds=[held.fileno()], check=True)
        ended = done(page, "/backups")
        assert "another backup is under way" in ended["failed"], ended
        assert ended["next"]
    # A drill that doesn't come on: its process is stopped.
    assert page.ask(f"/backups/{made['set']}/drill", "POST").status == 202
    drill = children(box)
    for pid in drill:
        os.kill(pid, signal.SIGSTOP)
    if told(page)["running"]:
        second = page.ask("/backups", "POST")
        assert second.status == 503 and "under way" in second.json()["title"], second
    for pid in drill:
        os.kill(pid, signal.SIGCONT)
    wait_for(lambda: told(page)["running"] is None, "the end of the drill")
    assert children(box) == [], "a zombie"

    file.write_bytes(file.read_bytes()[:-100])
    ended = done(page, f"/backups/{made['set']}/drill")
    assert ended["failed"], ended
    assert [(s["state"], bool(s["failed"])) for s in told(page)["sets"]] == [("failed", True)]
    wait_for(lambda: any(one["id"] == "backup" for one in box.overview()["findings"]), "the finding")


def test_the_core_ends_with_a_backup_under_way_and_leaves_nothing(box):
    readings(box, 50)
    page = admin(box)
    assert page.ask("/backups", "POST").status == 202
    box.stop_core()
    assert not subprocess.run(["pgrep", "-f", f"--config {box.config_file}"], capture_output=True).stdout
    box.start_core()
    page = admin(box)
    assert told(page)["running"] is None and told(page)["last"] is None
    assert done(page, "/backups")["failed"] is None


def test_a_large_set_is_streamed_at_constant_memory(box, long_run):
    box.run("backup", "now")
    page = admin(box)
    [made] = told(page)["sets"]
    mib = 500 if long_run else 64
    large = box.data / "backups" / made["set"].replace("alona-", "alona-big", 1)
    block = os.urandom(1 << 20)
    with open(large, "wb") as out:
        for _ in range(mib):
            out.write(block)
    before = memory_kib(box.core, "VmRSS")
    connection, taken, most = page.connect(), 0, 0
    connection.request("GET", "/api/v1/backups/" + large.name, headers=page.headers)
    answer = connection.getresponse()
    assert answer.getheader("Content-Length") == str(mib << 20)
    digest = hashlib.sha256()
    while piece := answer.read(1 << 20):
        digest.update(piece)
        taken += len(piece)
        if taken == mib << 19:
            large.unlink()  # dropped meanwhile: what is open is read to its end
        most = max(most, memory_kib(box.core, "VmRSS"))
    connection.close()
    assert taken == mib << 20 and digest.digest() == hashlib.sha256(block * mib).digest()
    print(f"download of {mib} MiB: the core held {before} KiB before, at most {most} KiB during it")
    assert most < before + 8 * 1024
