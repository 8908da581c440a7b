#include "mqtt/client.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <functional>

#include "mqtt/test_broker.h"

namespace alona::mqtt {
namespace {

using testing::TestBroker;
constexpr int wait_ms_max = 10'000;
constexpr int many = 20;

// Writes down what it was told.
struct Seen : Handler {
  bool connected = false, present = false, subscribed = false;
  std::optional<Error> gone;
  std::vector<int> ids, published;
  std::vector<std::string> payloads;
  std::function<void()> on_each = [] {};
  void on_connected(bool session_present) override { connected = true, present = session_present; }
  void on_disconnected(const Error& why) override { connected = false, gone = why; }
  void on_message(const Message& message) override {
    ids.push_back(message.packet_id);
    payloads.emplace_back(message.payload);
    on_each();
  }
  void on_published(int id) override { published.push_back(id); }
  void on_subscribed() override { subscribed = true; }
};

struct Peer {
  explicit Peer(Options options) : link(make_connection(std::move(options), seen).value()) {}
  // Turns the loop until `done`, writing only if told to.
  bool turn_until(const std::function<bool()>& done, bool write) {
    while (!done()) {
      const bool writes = write && link->wants_write();
      pollfd waiting{link->fd(), static_cast<short>(writes ? POLLIN | POLLOUT : POLLIN), 0};
      if (waiting.fd < 0 || ::poll(&waiting, 1, wait_ms_max) <= 0) return done();
      if (writes && !link->flush()) return done();
      if ((waiting.revents & ~POLLOUT) != 0 && !link->read_some()) return done();
    }
    return true;
  }
  bool connect() {
    seen.connected = false;
    return link->connect().has_value() && turn_until([&] { return seen.connected; }, false);
  }
  bool subscribe() {
    seen.subscribed = false;
    return link->subscribe("alona/#", 1).has_value() && turn_until([&] { return seen.subscribed; }, true);
  }
  bool read(std::size_t count) {  // without a byte written
    return turn_until([&] { return seen.ids.size() >= count; }, false);
  }
  // Flushes, and waits until the broker has taken it: its answer to a later publish says so. Else it might
  // see the next connection first and deliver again what was acknowledged in this one.
  bool flush_until_taken() {
    const auto id = link->publish("elsewhere", "taken?", 1, false);
    return id && turn_until([&] { return !seen.published.empty() && seen.published.back() == *id; }, true);
  }
  Seen seen;
  std::unique_ptr<Connection> link;
};

Options core(const TestBroker& broker) { return {.port = broker.port(), .client_id = "alona-core"}; }

// A broker that holds `many` messages for the core, whose session it knows.
struct Waiting : ::testing::Test {
  void SetUp() override {
    Peer subscriber{core(broker)};
    ASSERT_TRUE(subscriber.connect() && subscriber.subscribe());
    subscriber.link->disconnect();
    Peer node{{.port = broker.port(), .client_id = "node", .clean_session = true}};
    ASSERT_TRUE(node.connect());
    for (int i = 0; i < many; ++i)
      ASSERT_TRUE(node.link->publish("alona/n/telemetry/t", std::to_string(i), 1, false).has_value());
    ASSERT_TRUE(node.turn_until([&] { return node.seen.published.size() == many; }, true));
  }

  // What a process saw that read everything, did `then`, and ended without another word.
  std::vector<int> ids_seen_by_a_process_that(bool flushes) {
    int out[2];
    EXPECT_EQ(::pipe(out), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      Peer reader{core(broker)};
      bool good = reader.connect() && reader.read(many);
      if (good && flushes) good = reader.flush_until_taken();
      const auto size = reader.seen.ids.size() * sizeof(int);
      const bool told = ::write(out[1], reader.seen.ids.data(), size) == static_cast<ssize_t>(size);
      ::_exit(good && told ? 0 : 1);
    }
    ::close(out[1]);
    std::vector<int> ids(many);
    const ssize_t got = ::read(out[0], ids.data(), ids.size() * sizeof(int));
    ids.resize(got < 0 ? 0 : static_cast<std::size_t>(got) / sizeof(int));
    ::close(out[0]);
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    return ids;
  }

  // After everything that waited: a message that tells that nothing else does.
  std::vector<int> ids_that_come_again(Peer& reader) {
    reader.seen.ids.clear(), reader.seen.payloads.clear();
    EXPECT_TRUE(reader.connect());
    EXPECT_TRUE(reader.seen.present);
    EXPECT_TRUE(reader.link->publish("alona/n/event/last", "last", 1, false).has_value());
    EXPECT_TRUE(reader.turn_until(
        [&] { return !reader.seen.payloads.empty() && reader.seen.payloads.back() == "last"; }, true));
    EXPECT_TRUE(reader.flush_until_taken());
    reader.seen.ids.pop_back();
    return reader.seen.ids;
  }

  TestBroker broker;
};

TEST_F(Waiting, a_process_that_dies_before_flush_gets_everything_again_with_the_same_packet_ids) {
  const auto first = ids_seen_by_a_process_that(false);
  ASSERT_EQ(first.size(), many);
  Peer reader{core(broker)};
  EXPECT_EQ(ids_that_come_again(reader), first);
}

TEST_F(Waiting, a_process_that_dies_after_flush_gets_nothing_again) {
  ASSERT_EQ(ids_seen_by_a_process_that(true).size(), many);
  Peer reader{core(broker)};
  EXPECT_TRUE(ids_that_come_again(reader).empty());
}

TEST_F(Waiting, a_dropped_connection_acknowledges_nothing_and_the_next_one_starts_afresh) {
  Peer reader{core(broker)};
  ASSERT_TRUE(reader.connect() && reader.read(many));
  const auto first = reader.seen.ids;
  reader.link->drop();
  EXPECT_EQ(reader.link->fd(), -1);
  EXPECT_FALSE(reader.seen.gone) << "who drops needs not be told";
  EXPECT_EQ(ids_that_come_again(reader), first);
  reader.link->drop();
  EXPECT_TRUE(ids_that_come_again(reader).empty()) << "flushed in between";
}

TEST_F(Waiting, a_handler_may_drop_in_the_middle_of_a_message) {
  Peer reader{core(broker)};
  ASSERT_TRUE(reader.connect());
  reader.seen.on_each = [&] {
    if (reader.seen.ids.size() == many / 2) reader.link->drop();
  };
  EXPECT_FALSE(reader.read(many));
  EXPECT_EQ(reader.seen.ids.size(), many / 2);
  EXPECT_EQ(reader.link->fd(), -1);
  reader.seen.on_each = [] {};
  EXPECT_EQ(ids_that_come_again(reader).size(), many);
}

TEST_F(Waiting, what_is_queued_behind_the_acknowledgements_waits_with_them) {
  Peer reader{core(broker)};
  ASSERT_TRUE(reader.connect() && reader.read(many));
  EXPECT_TRUE(reader.link->keep_alive().has_value());
  EXPECT_TRUE(reader.link->publish("alona/x", "queued behind the acknowledgements", 0, false).has_value());
  const auto first = reader.seen.ids;
  reader.link->drop();
  EXPECT_EQ(ids_that_come_again(reader), first);
}

TEST(Client, a_wrong_password_is_told_from_a_broker_that_is_away) {
  TestBroker broker{{.users = {{"core", "right"}}}};
  Options options = core(broker);
  options.user = "core", options.password = "wrong";
  Peer peer{options};
  EXPECT_FALSE(peer.connect());
  ASSERT_TRUE(peer.seen.gone);
  EXPECT_EQ(peer.seen.gone->code, Errc::auth);
  EXPECT_NE(peer.seen.gone->what.find("user 'core'"), std::string::npos) << peer.seen.gone->what;
  EXPECT_EQ(peer.seen.gone->what.find("wrong\""), std::string::npos);
  options.password = "right";
  EXPECT_TRUE(Peer{options}.connect());
  EXPECT_FALSE(Peer{core(broker)}.connect()) << "anonymous";
}

TEST(Client, nobody_listening_is_temporary) {
  Options options{.host = "localhost", .port = testing::free_port(), .client_id = "x"};
  Peer peer{options};
  const auto connected = peer.link->connect();
  ASSERT_FALSE(connected.has_value());
  EXPECT_EQ(connected.error().code, Errc::temporary) << connected.error().text();
  EXPECT_NE(connected.error().what.find("refused"), std::string::npos) << connected.error().what;
  EXPECT_EQ(peer.link->fd(), -1);
}

TEST(Client, a_broker_that_dies_is_noticed_and_one_that_is_back_is_found_by_name) {
  TestBroker broker;
  Options options = core(broker);
  options.host = "localhost";
  Peer peer{options};
  ASSERT_TRUE(peer.connect() && peer.subscribe());
  broker.stop(SIGKILL);
  EXPECT_FALSE(peer.turn_until([] { return false; }, false));
  ASSERT_TRUE(peer.seen.gone);
  EXPECT_EQ(peer.seen.gone->code, Errc::closed);
  EXPECT_FALSE(peer.link->publish("alona/x", "x", 1, false).has_value());
  broker.start();
  EXPECT_TRUE(peer.connect());
}

TEST(Client, only_a_connection_that_ends_without_goodbye_leaves_its_last_will) {
  TestBroker broker;
  Peer watcher{core(broker)};
  ASSERT_TRUE(watcher.connect() && watcher.subscribe());
  Options options{.port = broker.port(), .client_id = "n", .clean_session = true};
  options.will = Will{.topic = "alona/n/status", .payload = "will"};
  for (const bool polite : {true, false}) {
    Peer node{options};
    ASSERT_TRUE(node.connect());
    ASSERT_TRUE(node.link->publish("alona/n/x", polite ? "polite" : "rude", 1, false).has_value());
    polite ? node.link->disconnect() : (void)node.link->flush();
    EXPECT_EQ(node.link->fd() < 0, polite);
  }
  ASSERT_TRUE(watcher.turn_until([&] { return watcher.seen.payloads.size() == 3; }, true));
  EXPECT_EQ(watcher.seen.payloads, (std::vector<std::string>{"polite", "rude", "will"}));
}

TEST(Client, wrong_options_are_refused_with_the_reason) {
  Seen seen;
  EXPECT_EQ(make_connection({.client_id = ""}, seen).error().code, Errc::config);
  TestBroker broker;
  Peer peer{core(broker)};
  EXPECT_EQ(peer.link->publish("alona/x", "x", 1, false).error().code, Errc::closed);
  ASSERT_TRUE(peer.connect());
  EXPECT_EQ(peer.link->publish("alona/x", std::string(20'001, 'x'), 1, false).error().code, Errc::refused);
  EXPECT_FALSE(peer.link->subscribe("alona/#/x", 1).has_value());
}

}  // namespace
}  // namespace alona::mqtt
