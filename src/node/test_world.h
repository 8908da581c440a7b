// A small world for the node's tests: a clock that a test turns, a broker that loses what it is told to, a
// core that keeps each message once by boot and seq and acknowledges as docs/protocol.md says.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "node/node.h"
#include "protocol/decode.h"

namespace alona::node::testing {

struct Sent {
  std::string topic, payload;
  bool retain = false;
};

struct FakePort : Port {
  std::int64_t now = 1'000'000;
  std::optional<std::int64_t> utc;
  Link state = Link::down;
  bool reachable = true, accepts = true;
  std::vector<std::int64_t> attempts;
  std::vector<Sent> sent;
  std::vector<std::string> filters;
  std::string will;
  std::mt19937 bits{1};
  std::int64_t mono_ms() override { return now; }
  std::optional<std::int64_t> utc_ms() override { return utc; }
  std::uint32_t random() override { return static_cast<std::uint32_t>(bits()); }
  std::set<std::string> known;  // hosts that answer; empty: all
  std::vector<std::string> hosts;
  std::string kept;
  int kept_writes = 0;
  std::string address = "192.168.1.2";  // of the broker
  void connect(const LastWill& last_will) override {
    attempts.push_back(now);
    will = std::string(last_will.topic) + " " + std::string(last_will.payload);
    const bool answers = known.empty() || hosts.empty() || known.contains(hosts.back());
    state = reachable && answers ? Link::up : Link::down;
  }
  void use_host(std::string_view host) override { hosts.emplace_back(host); }
  std::size_t peer_address(std::span<char> out) override { return address.copy(out.data(), out.size()); }
  void keep_address(std::string_view which) override { kept = which, ++kept_writes; }
  Link link() override { return state; }
  void hang_up() override { state = Link::down; }
  bool publish(std::string_view topic, std::string_view payload, bool retain) override {
    if (state != Link::up || !accepts) return false;
    EXPECT_LE(payload.size(), limits::payload_bytes_max);
    sent.push_back({std::string(topic), std::string(payload), retain});
    return true;
  }
  bool subscribe(std::string_view filter) override { return filters.emplace_back(filter), state == Link::up; }
};

// What a core makes of one node's messages.
struct FakeCore {
  struct Boot {
    std::uint32_t acked = 0;
    std::set<std::uint32_t> seen;
  };
  std::map<std::uint32_t, Boot> boots;
  std::vector<protocol::Reading> readings;
  std::vector<std::string> others;  // topics of events, errors, heartbeats
  std::size_t repeats = 0;

  // Empty: no ack is due.
  std::string take(const Sent& message, std::int64_t utc_ms = 1'795'545'727'000) {
    const auto topic = protocol::parse_topic(message.topic);
    EXPECT_TRUE(topic) << message.topic;
    const auto decoded = protocol::decode(*topic, message.payload);
    EXPECT_TRUE(decoded) << message.payload << (decoded ? "" : decoded.error().detail);
    if (!decoded) return {};
    const auto& sequence = decoded->stamp.sequence;
    if (sequence) {
      Boot& boot = boots[sequence->boot];
      boot.acked = std::max(boot.acked, sequence->low - 1);
      EXPECT_LE(sequence->seq, boot.acked + limits::window_length);
      if (sequence->seq <= boot.acked || !boot.seen.insert(sequence->seq).second) {
        ++repeats;
        return ack(sequence->boot, utc_ms);
      }
      while (boot.seen.contains(boot.acked + 1)) ++boot.acked;
    }
    if (const auto* telemetry = std::get_if<protocol::Telemetry>(&decoded->body)) {
      EXPECT_TRUE(telemetry->refused.empty());
      readings.insert(readings.end(), telemetry->readings.begin(), telemetry->readings.end());
    } else {
      others.push_back(message.topic);
    }
    return sequence ? ack(sequence->boot, utc_ms) : std::string{};
  }
  std::string ack(std::uint32_t boot, std::int64_t utc_ms) {
    std::array<char, 200> out{};
    const auto size =
        protocol::encode_ack(out, boot, boots[boot].acked, alona::utc_ms(utc_ms), TimeQuality::receipt);
    return {out.data(), size};
  }
};

// One node with its memory.
struct TestNode {
  explicit TestNode(FakePort& port, std::size_t slots = 2730, Settings settings = {.node_id = "roof"})
      : readings(slots), node(port, settings, {sensors, readings, notes, payload}) {}
  static constexpr std::array<Sensor, 2> sensors{{{"temperature", "°C"}, {"humidity", "%"}}};
  std::vector<ReadingSlot> readings;
  std::array<char, note_bytes_default> notes{};
  std::array<char, limits::payload_bytes_max> payload{};
  Node node;
};

}  // namespace alona::node::testing
