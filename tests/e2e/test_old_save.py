"""A broker that is killed long after its last save comes back with the state of that save and delivers again what the
core acknowledged since then, under the same packet ids. Nothing of it is stored twice: a node with boot and seq is
protected by its window, one without by the tail of packet ids and hashes (docs/protocol.md, "Exactly once"). And what
is new after that, under packet ids that the broker gave before, is no repeat, however often the same value was said.
"""
import pytest
from box import Box, wait_for

SEQUENCED, PLAIN, BATCHES = 2000, 2500, 500  # 5,000 messages
PER_BATCH = 3


def sequenced(seq, value):
    return ("alona/roof/telemetry/t",
            f'{{"v":1,"sensor":"t","value":{value},"unit":"C","boot":7,"seq":{seq},"low":1}}')


def plain(value):
    """As simple nodes say it: no ts, and the same few texts again and again."""
    return "alona/well/telemetry/level", f'{{"v":1,"sensor":"level","value":{value},"unit":"m"}}'


def batch(number):
    readings = ",".join(f'{{"sensor":"s{i}","value":{number % 10},"unit":"1"}}' for i in range(PER_BATCH))
    return "alona/cabin/telemetry", f'{{"v":1,"readings":[{readings}]}}'


class Nodes:
    def __init__(self, box):
        self.box = box
        self.logins = [box.add_node(name) for name in ("roof", "well", "cabin")]
        self.roof, self.well, self.cabin = (box.client(login) for login in self.logins)

    def count(self, name):
        return {kind: self.box.counts(node)[name] for node, kind in
                (("roof", "sequenced"), ("well", "plain"), ("cabin", "batches"))}


FIRST = {"sequenced": SEQUENCED, "plain": PLAIN, "batches": BATCHES * PER_BATCH}
NONE = dict.fromkeys(FIRST, 0)


@pytest.fixture
def redelivered():
    """A box whose broker has just delivered 5,000 settled messages again, its nodes, and what each had stored."""
    with Box() as box:
        nodes = Nodes(box)
        box.stop_core()
        box.publish(nodes.roof, [sequenced(seq, seq % 7) for seq in range(1, SEQUENCED + 1)])
        box.publish(nodes.well, [plain(number % 5) for number in range(PLAIN)])
        box.publish(nodes.cabin, [batch(number) for number in range(BATCHES)])
        box.save_broker()
        saved = (box.broker_state / "mosquitto.db").stat()

        box.start_core()
        wait_for(lambda: nodes.count("stored") == FIRST, "all to be stored")
        # New packet ids, which the broker will have forgotten.
        box.publish(nodes.well, [plain(1)] * 300)
        stored = FIRST | {"plain": PLAIN + 300}
        wait_for(lambda: nodes.count("stored") == stored, "the later ones to be stored")
        assert nodes.count("repeated") == NONE

        box.kill_broker()
        now = (box.broker_state / "mosquitto.db").stat()
        assert (now.st_ino, now.st_mtime_ns) == (saved.st_ino, saved.st_mtime_ns), "it has saved again"
        box.start_broker()
        # The proof that they did come again: each is counted.
        wait_for(lambda: nodes.count("repeated") == FIRST,
                 lambda: f"5,000 repeats, are {nodes.count('repeated')}, stored {nodes.count('stored')}")
        yield box, nodes, stored


def test_five_thousand_settled_messages_come_again_and_none_is_stored_twice(redelivered):
    box, nodes, stored = redelivered
    assert nodes.count("stored") == stored
    assert len(box.export()) == sum(stored.values())
    # Once more, with a core that is killed in between: the tail lies with the commits.
    box.kill_core()
    box.kill_broker()
    box.start_broker()
    box.start_core()
    wait_for(lambda: nodes.count("repeated") == {kind: 2 * n for kind, n in FIRST.items()},
             lambda: f"5,000 repeats again, are {nodes.count('repeated')}, stored {nodes.count('stored')}")
    assert nodes.count("stored") == stored


def test_what_is_new_after_it_is_kept_though_its_packet_ids_were_used_before(redelivered):
    box, nodes, stored = redelivered
    box.publish(nodes.roof, [sequenced(SEQUENCED + 1, 0)])
    wait_for(lambda: nodes.count("stored")["sequenced"] == SEQUENCED + 1, "the first new message")
    box.publish(nodes.well, [plain(1)] * 300)
    wait_for(lambda: sum(box.counts("well").values()) == stored["plain"] + PLAIN + 300, "the new ones to be settled")
    assert nodes.count("stored")["plain"] == stored["plain"] + 300, f"dropped as repeats: {nodes.count('repeated')}"
    assert nodes.count("rejected") == NONE
