"""`alona user passwd`, proven at the page's own API."""
import http.client
import json

from page import Page


def log_in(box, password, name="admin"):
    """Status and session cookie."""
    page = http.client.HTTPConnection("127.0.0.1", box.page_port, timeout=10)
    page.request("POST", "/api/v1/session", json.dumps({"name": name, "password": password}),
                 {"Content-Type": "application/json", "Origin": f"http://127.0.0.1:{box.page_port}"})
    answer = page.getresponse()
    cookie = (answer.getheader("Set-Cookie") or "").split(";")[0]
    page.close()
    return answer.status, cookie


def looks(box, cookie):
    page = http.client.HTTPConnection("127.0.0.1", box.page_port, timeout=10)
    page.request("GET", "/api/v1/overview", headers={"Cookie": cookie})
    status = page.getresponse().status
    page.close()
    return status


def test_a_new_password_of_the_page_replaces_the_old(box):
    old = box.setup["password"]
    status, cookie = log_in(box, old)
    assert status == 200 and looks(box, cookie) == 200

    def passwd(password, name="admin", **more):
        return box.run("user", "passwd", name, "--password-file", "-", input=password + "\n", **more)

    for bad, reason in (("seven77", "too short"), ("", "too short"), ("x" * 257, "too long")):
        done = passwd(bad, check=False)
        assert done.returncode == 2 and reason in done.stderr and "8 and 256" in done.stderr
    assert passwd("long enough", name="No One", check=False).returncode == 2
    assert log_in(box, old)[0] == 200 and looks(box, cookie) == 200
    assert "every session of that user has ended" in passwd("neues Paßwort").stdout
    assert log_in(box, old)[0] == 401 and log_in(box, "neues Paßwort")[0] == 200 and looks(box, cookie) == 401

    box.stop_core()
    file = box.folder / "secret"
    file.write_text("from a file\n")
    box.run("user", "passwd", "second", "--password-file", str(file))  # a new user
    passwd("while it is away")
    box.start_core()
    assert log_in(box, "from a file", "second")[0] == log_in(box, "while it is away")[0] == 200
    assert log_in(box, "neues Paßwort")[0] == 401


def test_setup_beside_a_running_core_makes_the_first_user_through_it(box):
    made = json.loads(box.run("setup", "--admin", "anna", "--json").stdout)
    assert made["changed"] and log_in(box, made["password"], "anna")[0] == 200
    again = json.loads(box.run("setup", "--admin", "anna", "--json").stdout)
    assert not again["changed"] and "password" not in again
    assert box.run("setup", "--admin", "No One", check=False).returncode == 2


def test_an_admin_sees_adds_and_removes_users_and_the_last_admin_stays(box):
    page = Page(box)
    assert page.ask("/users").status == 401
    page.log_in()
    admin = box.setup["user"]
    assert page.ask("/users").json() == {"users": [{"name": admin, "admin": True}]}
    last = page.ask(f"/users/{admin}", "DELETE")
    assert last.status == 409 and "last admin" in last.json()["title"] and last.json()["next"]
    assert page.ask("/users", "POST", {"name": "bea", "password": "three small words"}).status == 204
    status, cookie = log_in(box, "three small words", "bea")
    assert status == 200 and looks(box, cookie) == 200
    assert [user["name"] for user in page.ask("/users").json()["users"]] == sorted(["bea", admin])
    assert page.ask("/users/bea", "DELETE").status == 204
    assert looks(box, cookie) == 401 and log_in(box, "three small words", "bea")[0] == 401
    assert page.ask("/users/bea", "DELETE").status == 404
    audit = box.run("sql", "SELECT who, what FROM audit").stdout
    assert "set the password of the user bea" in audit and "removed the user bea" in audit and admin in audit
