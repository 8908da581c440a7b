"""A device or meter is replaced and its counters go on: no step, nothing twice, and what the meter showed can be reckoned
back from the diary."""
import json

from box import Box, Login, wait_for
from test_nodes_by_hand import REFUSED, connack, reloading

USAGE, REFUSED_EXIT, TEMPORARY = 2, 3, 4


def telemetry(value, ts=None, sensor="energy", unit="kWh"):
    body = {"v": 1, "sensor": sensor, "value": value, "unit": unit, **({"ts": ts} if ts else {})}
    return f"alona/meter/telemetry/{sensor}", json.dumps(body)


def values(box, sensor="energy"):
    return [row.value for row in sorted(box.export(), key=lambda row: row.ts_ms) if row.sensor == sensor]


def say(box, client, *messages):
    before = len(box.export())
    box.publish(client, list(messages))
    wait_for(lambda: len(box.export()) == before + len(messages), "the readings")


def settled(box, *words):
    """Just connected, the core doesn't know yet whether what comes waited at the broker, and says so."""
    def tried():
        done = box.run(*words, check=False)
        return None if "waited at the broker still comes in" in done.stderr else done
    return wait_for(tried, "the backlog's end")


def counter(box, *words, check=True, node="meter"):
    done = settled(box, "node", "counter", node, *words, "--yes")
    assert not check or done.returncode == 0, done.stderr
    return done


def told(box, sensor="energy"):
    return next(c for c in box.api("/api/v1/nodes/meter/counters")["counters"] if c["sensor"] == sensor)


def diary(box):
    return [e for e in box.api("/api/v1/nodes/meter")["events"] if e["type"] == "counter"]


def replace(box, *words):
    given = json.loads(settled(box, "node", "replace", "meter", *words, "--yes", "--json").stdout)
    assert given["proven"]
    return Login(given["user"], given["password"])


def test_a_device_is_replaced_and_its_counters_go_on(box):
    with reloading(box):
        old = box.add_node("meter")
        client = box.client(old)
        say(box, client, telemetry(1234.2), telemetry(1234.4), telemetry(21.5, sensor="temperature", unit="C"),
            telemetry(20.5, sensor="temperature", unit="C"))
        assert (told(box)["kind"], told(box, "temperature")["kind"]) == ("rises", "")
        new = replace(box, "--begins-at", "energy=0")
        wait_for(lambda: client.connack == REFUSED, "the old device to be put out")
        client.disconnect()
        assert connack(box, old) == REFUSED
        client = box.client(new)
        say(box, client, telemetry(0), telemetry(0.2), telemetry(19.5, sensor="temperature", unit="C"))
        box.kill_core()
        box.start_core()
        say(box, client, telemetry(0.3))
        assert values(box) == [1234.2, 1234.4, 1234.4, 1234.6, 1234.7]
        assert values(box, "temperature") == [21.5, 20.5, 19.5]
        assert [e["data"] for e in diary(box)] == [
            {"sensor": "energy", "unit": "kWh", "base": 1234.4, "base_before": 0.0, "taken_back": False}]
        # One that is refused changes nothing, the password included.
        wrong = settled(box, "node", "replace", "meter", "--begins-at", "energy=soon", "--yes")
        assert wrong.returncode == USAGE and "energy" not in wrong.stdout
        nothing = settled(box, "node", "replace", "meter", "--begins-at", "nothing=0", "--yes")
        assert "It has energy (kWh)" in nothing.stderr
        assert connack(box, new) == 0


def test_a_meter_is_replaced_on_the_same_device_twice_undone_and_restored(box):
    client = box.client(box.add_node("meter"))
    say(box, client, telemetry(1000.1))
    first = counter(box, "energy", "--goes-on-from", "1000.3", "--begins-at", "0.2")
    assert first.stdout == "1000.1 is added to each reading of energy (kWh) of meter from now on.\n"
    again = counter(box, "energy", "--goes-on-from", "1000.3", "--begins-at", "0.2")
    assert again.stdout.startswith("It was so already: 1000.1 ")
    say(box, client, telemetry(0.2))
    assert values(box) == [1000.1, 1000.3] and len(diary(box)) == 1
    shown = counter(box).stdout.splitlines()
    assert shown[1].split()[:5] == ["energy", "(kWh)", "1000.3", "1000.1", "0.2"]

    box.stop_core()  # a backup's restore carries it as well: it lies in the database alone
    box.start_core()
    assert told(box)["base"] == 1000.1 and told(box)["undo"]
    undone = counter(box, "energy", "--undo")
    assert undone.stdout == "0 is added to each reading of energy (kWh) of meter from now on.\n"
    say(box, client, telemetry(0.4))
    assert values(box)[-1] == 0.4 and [e["data"]["taken_back"] for e in diary(box)] == [True, False]
    nothing = counter(box, "energy", "--undo", check=False)
    assert nothing.returncode == REFUSED_EXIT and "nothing to take back" in nothing.stderr


def test_what_the_old_meter_said_and_comes_late_stays_what_it_was(box):
    client = box.client(box.add_node("meter"))
    now = box.api("/api/v1/overview")["now"] // 1000
    late = telemetry(502, now - 50)
    say(box, client, telemetry(500, now - 100))
    counter(box, "energy", "--begins-at", "0")
    say(box, client, late, telemetry(1, now + 100))
    box.publish(client, [late, telemetry(1, now + 100)])
    wait_for(lambda: box.counts("meter")["repeated"] == 2, "the repeats")
    assert values(box) == [500, 502, 501]


def test_bad_numbers_names_and_a_core_that_is_stopped(box):
    client = box.client(box.add_node("meter"))
    say(box, client, telemetry(7))
    for bad in ("NaN", "inf", "-inf", "1e400", "2e15", "", "12,5", "many", "0x10", "1 2"):
        for option in ("--goes-on-from", "--begins-at"):
            if bad:
                assert counter(box, "energy", f"{option}={bad}", check=False).returncode == USAGE, bad
    assert counter(box, "energy", "--begins-at", "0", "--unit", "Wh", check=False).returncode != 0
    unknown = counter(box, "no-such", "--begins-at", "0", check=False)
    assert unknown.returncode != 0 and "It has energy (kWh)" in unknown.stderr
    assert counter(box, "../x", "--begins-at", "0", check=False).returncode == USAGE
    assert box.run("node", "counter", "nobody", check=False).returncode != 0
    assert box.run("node", "counter", "meter", "energy", "--begins-at", "0", check=False).returncode == REFUSED_EXIT
    assert told(box)["base"] == 0 and diary(box) == []
    box.stop_core()
    for words in (("node", "counter", "meter"), ("node", "counter", "meter", "energy", "--begins-at", "0", "--yes"),
                  ("node", "replace", "meter", "--begins-at", "energy=0", "--yes")):
        stopped = box.run(*words, check=False)
        assert stopped.returncode == TEMPORARY and "it alone knows what it has stored last" in stopped.stderr, words


def test_a_broker_that_does_not_reload_leaves_the_counters():
    with Box() as box:
        old = box.add_node("meter")
        client = box.client(old)
        say(box, client, telemetry(50))
        # Nobody reloads it: without `reloading` a change isn't taken up.
        stuck = settled(box, "node", "replace", "meter", "--begins-at", "energy=0", "--yes")
        assert stuck.returncode == TEMPORARY and "no counter was carried on" in stuck.stderr, stuck.stderr
        say(box, client, telemetry(51))
        assert values(box) == [50, 51]


def test_the_simulated_house_s_energy_meter_is_replaced(box):
    """Its model counts on from where it stood; the history makes the step that was asked for, and no other."""
    house = box.add_node("house")
    sim = box.sim("--kind", "meter", "--rate", "5", nodes=(house,))
    energy = lambda: [row.value for row in sorted(box.export(), key=lambda r: r.ts_ms) if row.sensor == "energy"]  # noqa: E731
    wait_for(lambda: len(energy()) >= 3, "some readings", 60)
    counter(box, "energy", "--goes-on-from", "10000", "--begins-at", "0", node="house")
    wait_for(lambda: sum(v >= 10_000 for v in energy()) >= 3, "readings of the new meter", 60)
    sim.end()
    all_values = energy()
    assert all_values == sorted(all_values) and all_values[0] < 10_000
