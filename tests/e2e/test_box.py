"""The box itself: what every other test here builds on."""
from box import Login, wait_for

READING = '{"v":1,"sensor":"temperature","value":-0.0,"unit":"°C","ts":1795545727.25,"boot":7,"seq":1,"low":1}'


def test_a_reading_goes_through_and_outlives_kills(box):
    roof = box.add_node("roof")
    acks = []
    client = box.client(roof, subscribe=["alona/roof/ack"], on_message=lambda m: acks.append(m.payload))
    box.publish(client, [("alona/roof/telemetry/temperature", READING)])
    wait_for(lambda: acks, "the core's ack")
    box.kill_core()
    box.start_core()
    box.stop_broker()
    box.start_broker()
    box.wait_healthy()
    for form in ("csv", "ndjson"):
        [reading] = box.export(form)
        assert (reading.ts_ms, reading.node, reading.sensor, reading.unit, reading.quality) == (
            1795545727250, "roof", "temperature", "°C", "node")
        assert reading.value.hex() == "-0x0.0p+0"
    assert box.counts("roof") == {"stored": 1, "rejected": 0, "repeated": 0, "lost": 0}


def test_only_who_has_a_password_comes_in(box):
    assert box.client(Login("roof", "guessed")).connack == 5
    box.stop_core()
    assert box.client(box.add_node("roof")).connack == 0
