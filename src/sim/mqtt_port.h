// The node runtime's port over Mosquitto, with the faults that a simulation asks for. Moved by run_sim's poll
// loop.
#pragma once

#include <memory>
#include <optional>
#include <random>
#include <string>

#include "mqtt/client.h"
#include "node/node.h"
#include "sim/options.h"

namespace alona::sim {

// The machine's monotonic clock, for all nodes alike.
[[nodiscard]] std::int64_t mono_now_ms();

class MqttPort final : public node::Port, public mqtt::Handler {
 public:
  MqttPort(const SimOptions& options, Credentials who, std::uint64_t seed);

  // The node that hears what arrives; after a reboot another one.
  void attach(node::Node* node) { node_ = node; }
  // Reads and writes what the socket allows, and lets the Wi-Fi fail. Once a turn of the loop.
  void turn(bool readable, bool writable);
  void drop_wifi();
  void goodbye();
  // As a node's flash would hold it: it outlives the node's reboots.
  [[nodiscard]] const std::string& kept_address() const { return kept_address_; }
  [[nodiscard]] int fd() const { return connection_ ? connection_->fd() : -1; }
  [[nodiscard]] bool wants_write() const { return connection_ && connection_->wants_write(); }
  // Published and not yet confirmed by the broker.
  [[nodiscard]] std::size_t unconfirmed() const { return unconfirmed_; }
  // Published and never confirmed, because the connection broke.
  [[nodiscard]] std::uint64_t broken() const { return broken_; }
  // Set on every failure to connect; who shows it takes it.
  [[nodiscard]] std::optional<Error> take_failure() { return std::exchange(failure_, std::nullopt); }

  // ---- node::Port ----
  std::int64_t mono_ms() override { return mono_now_ms(); }
  std::optional<std::int64_t> utc_ms() override { return {}; }
  std::uint32_t random() override;
  void connect(const node::LastWill& will) override;
  void use_host(std::string_view host) override { host_ = host; }
  std::size_t peer_address(std::span<char> out) override;
  void keep_address(std::string_view address) override { kept_address_ = address; }
  node::Link link() override { return link_; }
  void hang_up() override;
  bool publish(std::string_view topic, std::string_view payload, bool retain) override;
  bool subscribe(std::string_view filter) override;
  std::int32_t rssi_dbm() override { return -55 - static_cast<std::int32_t>(random_() % 20); }
  std::optional<std::int64_t> heap_bytes() override { return 180'000; }

  // ---- mqtt::Handler ----
  void on_connected(bool session_present) override;
  void on_disconnected(const Error& why) override;
  void on_message(const mqtt::Message& message) override;
  void on_published(int packet_id) override;

 private:
  bool chance(double p) { return p > 0 && std::bernoulli_distribution{p}(random_); }
  void lost();

  const SimOptions& options_;
  const Credentials who_;
  std::string host_, kept_address_;
  node::Node* node_ = nullptr;
  std::unique_ptr<mqtt::Connection> connection_;
  node::Link link_ = node::Link::down;
  std::optional<Error> failure_;
  std::mt19937_64 random_;
  std::int64_t no_wifi_until_ms_ = 0, kept_alive_ms_ = 0;
  std::size_t unconfirmed_ = 0;
  std::uint64_t broken_ = 0;
};

}  // namespace alona::sim
