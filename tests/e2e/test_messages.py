"""Whatever nodes send, each reading is accounted for: sent = stored + rejected + repeated + pending."""
import json
import random
import re
from collections import Counter
from pathlib import Path

from box import Box, wait_for

TS = 1_700_000_000  # a time that no clock here is behind
BOOT = 7
ROUND = 2_000  # messages in one go: fewer than the broker holds back for the core


class Case:
    """A kind of message: its topic's end, its payload for the n-th time, what becomes of its readings."""

    def __init__(self, name, payload, stored=0, reasons=None, detail=None, topic=None, bytes_of=None, readings=None,
                 numbered=True):
        self.name, self.payload, self.stored = name, payload, stored
        self.reasons = Counter(reasons or {})  # as `alona rejects list` counts them
        self.detail = detail
        self.topic = topic or f"telemetry/{name}"
        self.bytes_of = bytes_of  # of a payload, what the reject says; all of it unless told
        self.readings = readings if readings is not None else stored + sum(self.reasons.values())
        self.rejected = self.readings - stored
        self.numbered = numbered


def one(name, n, tail="", value=None, unit='"C"', v="1", sensor=None, more=""):
    value = n if value is None else value
    return f'{{"v":{v},"sensor":"{sensor or name}","value":{value},"unit":{unit}{more}{tail}}}'


def filled(name, size):
    def payload(n, tail):
        text = one(name, n, tail, more=',"fill":"@"')
        return text.replace("@", "x" * (size + n % 500 - len(text) + 1))
    return payload


def batch(parts):
    return lambda n, tail: '{"v":1' + tail + ',"readings":[' + ",".join(parts(n)) + "]}"


def part(sensor, value, unit='"m"'):
    return f'{{"sensor":"{sensor}","value":{value},"unit":{unit}}}'


def good():
    return [
        Case("plain", lambda n, t: one("plain", n, t), stored=1),
        Case("timed", lambda n, t: one("timed", n, t, more=f',"ts":{TS + n}'), stored=1),
        Case("aged", lambda n, t: one("aged", n, t, more=f',"age":{n}'), stored=1),
        Case("strange-fields", lambda n, t: one("strange-fields", n, t, more=',"x":{"y":[null,true,"z"]}'), stored=1),
        Case("bare", lambda n, t: str(n), stored=1, numbered=False),  # its unit is known: see known_units
        Case("batch", batch(lambda n: [part("b1", n), part("b2", n), part("b3", n)]), stored=3, topic="telemetry"),
        Case("full-batch", batch(lambda n: [part("f", n)] * 300), stored=300, topic="telemetry"),
        Case("event", lambda n, t: f'{{"v":1,"type":"event","data":{n}{t}}}', topic="event/event"),
        Case("heartbeat", lambda n, t: f'{{"v":1,"uptime":{n},"rssi":-60{t}}}', topic="heartbeat"),
    ]


def bad():
    def refused(name, reason, payload, detail=None, **more):
        return Case(name, payload, reasons={reason: 1}, detail=detail, **more)

    return [
        refused("long", "too_large", filled("long", 16_385), "16384 are allowed; send it in parts"),
        refused("longest", "too_large", filled("longest", 19_300), "16384 are allowed"),
        refused("latin", "encoding", lambda n, t: one("latin", n, t, unit='"\xb0C"').encode("latin-1"), "not UTF-8"),
        refused("nan", "json", lambda n, t: one("nan", n, t, value="NaN"), "NaN and infinity can't be sent"),
        refused("infinite", "json", lambda n, t: one("infinite", n, t, value="-inf"), "NaN and infinity"),
        refused("twice", "json", lambda n, t: one("twice", n, t, more=',"value":2'), 'the field "value" comes twice'),
        refused("comma", "json", lambda n, t: one("comma", n, t, more=',,"x":1'), "not JSON at byte"),
        refused("cut", "json", lambda n, t: one("cut", n, t, more=',"ts":1')[:-1] + ',"x":', "ends too early"),
        refused("nested", "json", lambda n, t: one("nested", n, t, more=',"x":' + "[" * 8 + "]" * 8), "deeper than 8"),
        refused("version", "version", lambda n, t: one("version", n, t, v="2"), "v: 2, known is 1"),
        refused("no-version", "version", lambda n, t: one("no-version", n, t).replace('"v":1,', ""), "v: missing"),
        refused("mismatch", "mismatch", lambda n, t: one("mismatch", n, t, sensor="other"), '"other" in the payload'),
        refused("huge", "range", lambda n, t: one("huge", n, t, value="1e16"), "value: 1e+16"),
        refused("year", "range", lambda n, t: one("year", n, t, more=f',"ts":{TS}000'), "send seconds, not millisec"),
        refused("unit", "range", lambda n, t: one("unit", n, t, unit='"degrees centigrad"'), "17 characters"),
        refused("text", "field", lambda n, t: one("text", n, t, value='"1"'), "send it without quotes"),
        refused("null", "field", lambda n, t: one("null", n, t, value="null"), "leave it out"),
        refused("no-value", "field", lambda n, t: f'{{"v":1,"sensor":"no-value","unit":"C"{t}}}', "value: missing"),
        refused("no-unit", "field", lambda n, t: str(n), "unit: a bare number needs", numbered=False),
        refused("true", "field", lambda n, t: "true" + " " * (n % 9), "send 0 or 1", numbered=False),
        refused("Capital", "topic", lambda n, t: one("Capital", n, t), "no node may publish on this topic"),
        refused("event-bad", "mismatch", lambda n, t: f'{{"v":1,"type":"x","data":null{t}}}', '"x" in the payload',
                topic="event/event-bad", readings=0),
        refused("rssi", "range", lambda n, t: f'{{"v":1,"uptime":1,"rssi":-999{t}}}', "rssi: -999", topic="heartbeat",
                readings=0),
        # Half good. The rejects say the bytes of the refused reading alone.
        Case("half", batch(lambda n: [part("h1", n), part("h2", '"x"'), part("h3", n), part("H", 1)]), stored=2,
             reasons={"field": 2}, detail="readings[1].value: a string", topic="telemetry",
             bytes_of=lambda _: len(part("h2", '"x"'))),
        Case("far", batch(lambda n: [part("h4", n), part("h5", "-1e99")]), stored=1, reasons={"range": 1},
             detail="readings[1].value", topic="telemetry", bytes_of=lambda _: len(part("h5", "-1e99"))),
        refused("whole-batch", "version", lambda n, t: f'{{"v":3{t},"readings":[{part("h6", n)}]}}', "v: 3",
                topic="telemetry"),
    ]


class Sender:
    """One node that numbers some of its messages and hears its acks; keeps the account of what it sent."""

    def __init__(self, box, node, rng):
        self.box, self.rng, self.node = box, rng, node
        self.acks = []
        self.client = box.client(node, on_message=self.acks.append, subscribe=[f"alona/{node.user}/ack"])
        self.seq = self.n = self.messages = 0
        self.numbered = []  # (case, topic, payload) that may be sent again
        self.account = Counter()
        self.values = Counter()  # what the export must say, by sensor
        self.rejects = {}  # (topic, reason): [count, bytes of the first, detail]

    def topic(self, case):
        return f"alona/{self.node.user}/{case.topic}"

    def make(self, case, numbered):
        self.n += 1
        tail = ""
        if numbered:
            self.seq += 1
            # 400 are held back, as a node would whose acks are slow.
            tail = f',"boot":{BOOT},"seq":{self.seq},"low":{max(1, self.seq - 400)}'
        payload = case.payload(self.n, tail)
        payload = payload if isinstance(payload, bytes) else payload.encode()
        self.account.update(sent=case.readings, stored=case.stored, rejected=case.rejected)
        for reason, count in case.reasons.items():
            size = case.bytes_of(payload) if case.bytes_of else len(payload)
            row = self.rejects.setdefault((self.topic(case), reason), [0, size, case.detail])
            row[0] += count
        if numbered:
            self.numbered = self.numbered[-300:] + [(case, self.topic(case), payload)]
        return self.topic(case), payload

    def again(self):
        case, topic, payload = self.rng.choice(self.numbered)
        self.account.update(sent=case.readings, repeated=case.readings)
        return topic, payload

    def send(self, cases, messages):
        """So many of them mixed; returns when the core has settled the last."""
        weights = [0.05 if case.name == "full-batch" else 1 for case in cases]
        for begin in range(0, messages, ROUND):
            batch_of = []
            for _ in range(min(ROUND, messages - begin)):
                if self.numbered and self.rng.random() < 0.05:
                    batch_of.append(self.again())
                    continue
                [case] = self.rng.choices(cases, weights)
                batch_of.append(self.make(case, case.numbered and self.rng.random() < 0.5))
            batch_of.append(self.make(cases[0], True))
            self.box.publish(self.client, batch_of)
            self.messages += len(batch_of)
            self.wait_acked()

    def wait_acked(self):
        wait_for(lambda: self.acks and json.loads(self.acks[-1].payload)["seq"] == self.seq, f"ack {self.seq}")
        assert json.loads(self.acks[-1].payload)["boot"] == BOOT

    def check(self):
        counts = self.box.counts(self.node.user)
        expected = {name: self.account[name] for name in ("stored", "rejected", "repeated")} | {"lost": 0}
        assert counts == expected
        assert self.account["sent"] == counts["stored"] + counts["rejected"] + counts["repeated"]
        assert len(self.box.export(node=self.node.user)) == counts["stored"]
        check_rejects(self.box, self.rejects)


def check_rejects(box, expected):
    """expected: (topic, reason): (count, bytes of the first, a part of the detail)."""
    listed = {(row["topic"], row["reason"]): row
              for row in json.loads(box.run("rejects", "list", "--json", "--max", "10000").stdout)}
    assert listed.keys() == expected.keys()
    for key, (count, size, detail) in expected.items():
        assert (listed[key]["count"], listed[key]["bytes"]) == (count, size), key
        assert detail in listed[key]["detail"], key


def known_units(sender):
    """A bare number needs a series whose unit the core knows."""
    return sender.make(Case("bare", lambda n, t: one("bare", n, t), stored=1), False)


def rss_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])


def test_each_kind_is_stored_or_refused_with_its_reason(box, seed):
    sender = Sender(box, box.add_node("mix"), random.Random(seed))
    one_each = [known_units(sender)]
    for case in good() + bad():
        one_each.append(sender.make(case, False))
        if case.numbered:
            one_each.append(sender.make(case, True))
    box.publish(sender.client, one_each)
    sender.wait_acked()  # nothing that was refused holds it up
    sender.check()
    values = Counter(r.sensor for r in box.export())
    assert values["plain"] == values["b1"] == values["h1"] == 2 and values["bare"] == 2
    assert not {"h2", "h5", "h6", "Capital", "nan", "long"} & values.keys()


def test_each_refused_message_that_is_numbered_is_acknowledged(box, seed):
    sender = Sender(box, box.add_node("mix"), random.Random(seed))
    for case in bad():
        if case.numbered:
            box.publish(sender.client, [sender.make(case, True)])
            sender.wait_acked()
    sender.check()


def test_a_seq_far_ahead_is_refused_and_waits_for_the_others(box):
    client = box.client(box.add_node("ahead"))

    def numbered(seq):
        return "alona/ahead/telemetry/t", one("t", seq, f',"boot":1,"seq":{seq},"low":1')
    box.publish(client, [numbered(1), numbered(1_026)])
    wait_for(lambda: box.counts("ahead")["rejected"] == 1, "the refusal")
    box.publish(client, [numbered(1_025), numbered(2), numbered(1_026)])
    wait_for(lambda: box.counts("ahead")["stored"] == 4, "the others")
    assert box.counts("ahead") == {"stored": 4, "rejected": 1, "repeated": 0, "lost": 0}
    _, payload = numbered(1_026)
    check_rejects(box, {("alona/ahead/telemetry/t", "window"): (1, len(payload), "seq 1026 is more than 1024 ahead")})


def test_no_more_series_than_configured():
    with Box({"limits": "series = 2"}) as box:
        client = box.client(box.add_node("many"))
        sent = [(f"alona/many/telemetry/s{n}", one(f"s{n}", n)) for n in range(3)]
        box.publish(client, sent + sent)
        wait_for(lambda: box.counts("many")["rejected"] == 2, "the refusals")
        assert box.counts("many") == {"stored": 4, "rejected": 2, "repeated": 0, "lost": 0}
        check_rejects(box, {("alona/many/telemetry/s2", "limit"): (2, len(sent[2][1]), "more than 2 series")})


def test_retained_messages_are_taken_once():
    """The broker hands a retained message to a running core like any other; its copy comes at each connect."""
    with Box(start=False) as box:
        box.start_broker()
        node = box.add_node("kept")
        client = box.client(node)

        def retained(sensor, tail=""):
            topic, payload = f"alona/kept/telemetry/{sensor}", one(sensor, 1, tail)
            sent = client.publish(topic, payload, qos=1, retain=True)
            sent.wait_for_publish(10)
            return {(topic, "retained"): (1, len(payload), "only status may be retained")}

        # Before the core has ever been there: only as the broker's copies.
        old = retained("old") | retained("old-numbered", ',"boot":1,"seq":1,"low":1')
        box.start_core()
        wait_for(lambda: box.counts("kept")["rejected"] == 2, "the copies' refusal")
        check_rejects(box, old)
        assert box.export() == []
        retained("new")
        retained("new-numbered", ',"boot":2,"seq":1,"low":1')
        wait_for(lambda: box.counts("kept")["stored"] == 2, "the new ones")
        box.stop_core()
        box.start_core()
        counts = {"stored": 2, "rejected": 4, "repeated": 2, "lost": 0}
        wait_for(lambda: box.counts("kept") == counts, "all four copies")
        assert {r.sensor for r in box.export()} == {"new", "new-numbered"}


def test_memory_stays_flat_and_the_account_adds_up_over_thirty_thousand_messages(box, seed):
    sender = Sender(box, box.add_node("mix"), random.Random(seed))
    cases = good() + bad()
    box.publish(sender.client, [known_units(sender)])
    sender.send(cases, 4_000)
    warm = rss_kib(box.core.pid)
    sender.send(cases, 30_000)
    end = rss_kib(box.core.pid)
    sent = dict(sender.account)
    print(f"{sender.messages} messages, readings {sent}; core's VmRSS {warm} KiB after 4,000, {end} KiB at the end")
    sender.check()
    assert end - warm <= 3 * 1024
