// One simulated node: source, memory, runtime, port. A reboot makes a new runtime over the same port.
#pragma once

#include <memory>
#include <optional>
#include <random>
#include <span>
#include <vector>

#include "sim/mqtt_port.h"
#include "sim/source.h"

namespace alona::sim {

// Over all boots of a node, or of all nodes. Counted in readings but for `resent` and `messages`.
struct Totals {
  std::uint64_t taken = 0, sent = 0, acked = 0, lost = 0, refused = 0, pending = 0;
  std::uint64_t messages = 0, resent = 0, reboots = 0, unconfirmed = 0;
  void add(const Totals& other);
};

class SimNode {
 public:
  // `payload` is where messages are encoded; all nodes share it.
  SimNode(const SimOptions& options, const Credentials& who, std::unique_ptr<Source> source,
          std::size_t index, std::span<char> payload);

  // Rows up to `until_ms` of simulated time; at speed 0 as many as the ring has room for.
  void measure(std::int64_t until_ms);
  void step(double hours_since_last);
  // Nothing more to measure, nothing held, nothing on its way.
  [[nodiscard]] bool done() { return source_->peek() == nullptr && settled(); }
  [[nodiscard]] bool settled() const { return node_->idle() && port_.unconfirmed() == 0; }
  [[nodiscard]] bool dry() { return source_->peek() == nullptr; }
  // More could be measured at once.
  [[nodiscard]] bool busy();
  [[nodiscard]] Totals totals() const;
  [[nodiscard]] MqttPort& port() { return port_; }
  [[nodiscard]] const std::string& id() const { return who_.node_id; }

 private:
  void boot(std::string_view reason);
  void reboot();

  const SimOptions& options_;
  const Credentials who_;
  const std::unique_ptr<Source> source_;
  std::vector<node::Sensor> sensors_;
  std::vector<node::ReadingSlot> slots_;
  std::vector<char> notes_;
  std::span<char> payload_;
  std::mt19937_64 random_;
  std::int64_t clock_error_ms_ = 0;
  MqttPort port_;
  std::unique_ptr<node::Node> node_;
  Totals earlier_;  // of boots before this one
};

}  // namespace alona::sim
