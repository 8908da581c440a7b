"""Who may say and hear what, at the real broker with the real configuration: each user with each topic in each way. The
broker refuses silently, so a second user, who may hear everything, tells what got through. What is allowed is written
down here once more, on its own: not read from the file under test."""
import pytest
from paho.mqtt.client import topic_matches_sub
from plain_mqtt import Plain

from box import Box, Login, wait_for

NODES = ["roof", "well", "cellar", "a", "0_x-9"]
ADMITTED, REFUSED = 0, 5
CHECKS = ["canary", "alona-probe", "alona-doctor", "alona-witness"]  # users of Alona's own
NODE_SAYS = ["telemetry", "telemetry/t", "event/door", "heartbeat", "status", "error"]
KINDS = [*NODE_SAYS, "ack", "telemetry/a/b", "event", "event/a/b", "status/x", "config", ""]
CORE_SAYS = ["status", "time", "alert/smoke"]
STRANGE = ["alona", "alona/", "alona/core/alert", "alona/core/alert/a/b", "alona/core/config", "/alona/roof/status",
           "ALONA/roof/status", "alona//status", "alona/ROOF/status", "alona/roof /status", "roof/status", "other/roof",
           "homeassistant/roof/config", "$SYS/broker/uptime", "$SYS/roof"]
OWNERS = [*NODES, "nobody", "canary", "alona-core", "core"]
TOPICS = sorted({f"alona/{owner}/{kind}".rstrip("/") for owner in OWNERS for kind in KINDS}
                | {f"alona/core/{kind}" for kind in CORE_SAYS} | set(STRANGE))
WIDE = ["#", "+", "+/#", "+/+", "+/+/+", "+/+/+/+", "alona/#", "alona/+", "alona/+/#", "alona/+/+", "alona/+/ack",
        "alona/+/status", "alona/+/telemetry", "alona/+/telemetry/+", "alona/+/event/#", "alona/core/#",
        "alona/core/+", "alona/core/alert/+", "$SYS/#", "$SYS/broker/+", "$SYS/+"]


def may_say(user, topic):
    if user == "alona-core":
        return topic == "alona" or topic.startswith("alona/")
    if user == "canary":  # its one reading, and nothing else
        return topic == "alona/canary/telemetry"
    return topic in {f"alona/{user}/{kind}" for kind in NODE_SAYS}  # the other checks have a node's rights


def may_hear(user, topic):
    if user == "alona-core" and topic.startswith("$SYS/broker/"):
        return True
    if user in ("alona-core", "alona-witness"):  # who tells the doctor what gets through
        return topic == "alona" or topic.startswith("alona/")
    return (topic == f"alona/{user}/ack" and user != "canary") or topic in {f"alona/core/{kind}" for kind in CORE_SAYS}


class Counted:
    """Figures of the whole file, printed at its end."""
    sums = {}

    @classmethod
    def add(cls, what, n=1):
        cls.sums[what] = cls.sums.get(what, 0) + n


@pytest.fixture(scope="module")
def house():
    """The broker with five nodes and an onlooker, who may say and hear everything; no core."""
    with Box() as box:
        box.logins = {node: box.add_node(node) for node in NODES}
        box.stop_core()
        box.logins["alona-core"] = box.core_login()
        for user in CHECKS:
            box.logins[user] = Login(user, (box.data / f"live/checks/{user}").read_text().strip())
        # A login like another's, and two more lines at the end of the rules: nothing before them is touched.
        passwords = box.password_file.read_text().splitlines()
        roof = next(line for line in passwords if line.startswith("roof:"))
        box.password_file.write_text("\n".join([*passwords, roof.replace("roof:", "onlooker:")]) + "\n")
        with open(box.data / "live/broker/acl", "a") as rules:
            rules.write("\nuser onlooker\ntopic readwrite #\ntopic readwrite $SYS/#\n")
        box.reload_broker()
        onlooker = Login("onlooker", box.logins["roof"].password)
        wait_for(lambda: connack(box, onlooker) == ADMITTED, "the onlooker's login")
        with Plain(box.mqtt_port, onlooker) as box.onlooker:
            box.onlooker.subscribe("#")
            box.onlooker.subscribe("$SYS/#")  # which # leaves out
            yield box
        print(f"\nACL combinations checked: {sum(Counted.sums.values())}: {Counted.sums}")


def connack(box, login, **more):
    with Plain(box.mqtt_port, login, **more) as client:
        return client.connack


def forget_retained(box, topics):
    box.onlooker.publish([(topic, b"") for topic in topics], retain=True)
    box.onlooker.heard()


def mine(messages, mark):
    """Without the broker's own figures below $SYS."""
    return [topic for topic, payload, _ in messages if payload == mark]


@pytest.mark.parametrize("retained", [False, True], ids=["plain", "retained"])
@pytest.mark.parametrize("user", [*NODES, *CHECKS, "alona-core"])
def test_a_publish_gets_through_where_it_may_and_nowhere_else(house, user, retained):
    mark = f"{user} {retained}".encode()
    with Plain(house.mqtt_port, house.logins[user]) as speaker:
        assert speaker.connack == ADMITTED
        own = [f"alona/{user}/{kind}" for kind in NODE_SAYS]
        topics = sorted({*TOPICS, *own})
        house.onlooker.heard()
        speaker.publish([(topic, mark) for topic in topics], retain=retained)
        got = mine(house.onlooker.heard(), mark)
    # The broker keeps clients from its own tree whatever the rules say; the rules must as well.
    assert sorted(got) == [topic for topic in topics if may_say(user, topic)]
    assert user != "alona-core" or len(got) > 100
    forget_retained(house, topics)
    Counted.add("publish retained" if retained else "publish", len(topics))


@pytest.mark.parametrize("user", [*NODES, *CHECKS])
def test_a_last_will_is_sent_where_its_user_may_publish_and_nowhere_else(house, user):
    """At connect a forbidden one is accepted."""
    own = [f"alona/{user}/{kind}" for kind in NODE_SAYS]
    topics = sorted({*TOPICS, *own})
    for retained in (False, True):
        mark = f"the will of {user} {retained}".encode()
        house.onlooker.heard()
        for topic in topics:
            dying = Plain(house.mqtt_port, house.logins[user], will=(topic, mark, retained))
            assert dying.connack == ADMITTED, topic
            dying.break_off()
        # The next login of a name comes after what becomes of the last connection's will.
        assert connack(house, house.logins[user]) == ADMITTED
        got = mine(house.onlooker.heard(), mark)
        assert sorted(got) == [topic for topic in topics if may_say(user, topic)]
        forget_retained(house, topics)
        Counted.add("last will", len(topics))


@pytest.mark.parametrize("user", [*NODES, *CHECKS, "alona-core"])
def test_a_subscription_brings_what_its_user_may_hear_and_nothing_else(house, user):
    """Both what is kept for it and what is said then, by filters that name a topic and wide ones."""
    topics = [topic for topic in sorted({*TOPICS, f"alona/{user}/ack"}) if not topic.startswith("$")]
    house.onlooker.publish([(topic, b"kept") for topic in topics], retain=True)
    house.onlooker.heard()
    filters = [*topics, *WIDE, *(f"{topic}/#" for topic in topics if topic.count("/") == 1)]
    with Plain(house.mqtt_port, house.logins[user]) as listener:
        for topic_filter in filters:
            wanted = [t for t in topics if topic_matches_sub(topic_filter, t) and may_hear(user, t)]
            listener.subscribe(topic_filter)
            kept = mine(listener.heard(), b"kept")
            house.onlooker.publish([(topic, b"live") for topic in topics])
            heard = listener.heard()
            assert sorted(kept) == wanted, topic_filter
            assert sorted(mine(heard, b"live")) == wanted, topic_filter
            listener.unsubscribe(topic_filter)
            Counted.add("subscribe, kept and live", 2 * sum(topic_matches_sub(topic_filter, t) for t in topics))
    forget_retained(house, topics)


@pytest.mark.parametrize("user", [*NODES, *CHECKS, "alona-core"])
def test_only_the_core_hears_how_the_broker_does(house, user):
    for topic_filter in ("$SYS/#", "$SYS/broker/#", "$SYS/broker/uptime", "$SYS/broker/clients/total"):
        with Plain(house.mqtt_port, house.logins[user]) as listener:
            listener.subscribe(topic_filter)
            heard = [topic for topic, _, _ in listener.heard()]
        assert bool(heard) == (user == "alona-core"), topic_filter
        assert all(topic.startswith("$SYS/broker/") for topic in heard)
        Counted.add("$SYS")


def test_only_who_has_its_own_password_comes_in(house):
    hashes = dict(line.split(":", 1) for line in house.password_file.read_text().splitlines())
    for client_id in (None, *NODES, "alona-core", ""):
        assert connack(house, None, client_id=client_id) == REFUSED, "anonymous"
        Counted.add("login")
    for user, own in house.logins.items():
        others = {login.password for name, login in house.logins.items() if name != user}
        for wrong in [None, "", "x", user, own.password[:-1], own.password + "0", own.password.upper() + " ",
                      hashes[user], *others]:
            assert connack(house, Login(user, wrong)) == REFUSED, (user, wrong)
            Counted.add("login")
    for nobody in ("", "nobody", "#", "+", "roof/", "Roof", "root", "core", "alona"):
        for password in (None, "", house.logins["alona-core"].password):
            assert connack(house, Login(nobody, password), client_id="x") == REFUSED, nobody
            Counted.add("login")


def test_a_client_id_takes_nobodys_session(house):
    with Plain(house.mqtt_port, house.logins["roof"]) as roof:
        roof.subscribe("alona/roof/ack")
        with Plain(house.mqtt_port, house.logins["well"], client_id="roof") as well:
            assert well.connack == ADMITTED
            house.onlooker.publish([("alona/roof/ack", b"1")])
            assert roof.heard() == [("alona/roof/ack", b"1", False)] and well.heard() == []
    Counted.add("client id")


def test_a_removed_node_is_out_at_once_and_nobody_else_is(house):
    gone, other = Plain(house.mqtt_port, house.logins["cellar"]), Plain(house.mqtt_port, house.logins["well"])
    gone.subscribe("alona/core/time")
    house.remove_node("cellar")
    assert gone.is_over(), "its open connection is ended"
    assert connack(house, house.logins["cellar"]) == REFUSED
    other.publish([("alona/well/status", b"I am here")])
    assert ("alona/well/status", b"I am here", False) in house.onlooker.heard()
    other.close()
    Counted.add("removed", 3)
