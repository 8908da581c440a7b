#include "sim/mqtt_port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <cstring>

#include "base/hash.h"
#include "base/limits.h"

namespace alona::sim {
namespace {

constexpr std::int64_t keep_alive_every_ms = 1000;

}  // namespace

std::int64_t mono_now_ms() {
  return std::chrono::duration_cast<Ms>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

MqttPort::MqttPort(const SimOptions& options, Credentials who, std::uint64_t seed)
    : options_(options), who_(std::move(who)), random_(seed) {}

// Not of the seed: a second run with the same boot would look to the core like repeats of the first.
std::uint32_t MqttPort::random() { return static_cast<std::uint32_t>(random_u64()); }

void MqttPort::connect(const node::LastWill& will) {
  if (mono_now_ms() < no_wifi_until_ms_) return;
  mqtt::Options options{.host = host_.empty() ? options_.host : host_,
                        .port = options_.port,
                        .user = who_.user,
                        .password = who_.password,
                        .client_id = who_.node_id,
                        .clean_session = true};
  options.will = mqtt::Will{.topic = std::string{will.topic}, .payload = std::string{will.payload}};
  auto made = mqtt::make_connection(std::move(options), *this);
  if (made) connection_ = std::move(*made);
  const auto opened = made ? connection_->connect() : std::unexpected(made.error());
  link_ = opened ? node::Link::connecting : node::Link::down;
  if (!opened) failure_ = opened.error();
}

std::size_t MqttPort::peer_address(std::span<char> out) {
  sockaddr_in peer{};
  socklen_t bytes = sizeof peer;
  if (fd() < 0 || ::getpeername(fd(), reinterpret_cast<sockaddr*>(&peer), &bytes) != 0) return 0;
  if (peer.sin_family != AF_INET) return 0;
  if (::inet_ntop(AF_INET, &peer.sin_addr, out.data(), static_cast<socklen_t>(out.size())) == nullptr)
    return 0;
  return std::strlen(out.data());
}

void MqttPort::lost() {
  link_ = node::Link::down;
  broken_ += std::exchange(unconfirmed_, 0);
}

void MqttPort::hang_up() {
  if (connection_) connection_->drop();
  lost();
}

void MqttPort::goodbye() {
  if (connection_ && link_ == node::Link::up) connection_->disconnect();
  lost();
}

void MqttPort::drop_wifi() {
  hang_up();
  no_wifi_until_ms_ = mono_now_ms() + 2'000 + static_cast<std::int64_t>(random_() % 28'000);
}

// A failed read or write has told on_disconnected already.
void MqttPort::turn(bool readable, bool writable) {
  if (fd() < 0) return;
  if (readable && !connection_->read_some()) return;
  if ((writable || wants_write()) && !connection_->flush()) return;
  const std::int64_t now = mono_now_ms();
  if (now - kept_alive_ms_ < keep_alive_every_ms) return;
  kept_alive_ms_ = now;
  (void)connection_->keep_alive();
}

bool MqttPort::publish(std::string_view topic, std::string_view payload, bool retain) {
  if (link_ != node::Link::up || unconfirmed_ + 2 > static_cast<std::size_t>(limits::mqtt_send_max))
    return false;
  const Faults& faults = options_.faults;
  // Status is never sent at QoS 0 nor twice: these faults are about what is counted.
  const int qos = !retain && chance(faults.qos0) ? 0 : 1;
  if (!connection_->publish(topic, payload, qos, retain)) return false;
  if (qos > 0) ++unconfirmed_;
  if (retain) return true;
  if (chance(faults.duplicate) && connection_->publish(topic, payload, 1, false)) ++unconfirmed_;
  if (chance(faults.bad_payload) &&
      connection_->publish(topic, payload.substr(0, payload.size() / 2), 1, false))
    ++unconfirmed_;
  return true;
}

bool MqttPort::subscribe(std::string_view filter) {
  return link_ == node::Link::up && connection_->subscribe(filter, 1).has_value();
}

void MqttPort::on_connected(bool) { link_ = node::Link::up; }

void MqttPort::on_disconnected(const Error& why) {
  failure_ = why;
  lost();
}

void MqttPort::on_message(const mqtt::Message& message) {
  if (node_ != nullptr) node_->on_message(message.topic, message.payload, message.retained);
}

void MqttPort::on_published(int) {
  if (unconfirmed_ > 0) --unconfirmed_;
}

}  // namespace alona::sim
