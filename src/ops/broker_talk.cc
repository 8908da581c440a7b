#include "ops/broker_talk.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>

namespace alona::ops {
namespace {

using Deadline = std::chrono::steady_clock::time_point;
// A broker without rules tells everything it is told: enough to see that, and no more.
constexpr std::size_t heard_max = 1000;

Ms left(Deadline deadline) {
  return std::max(Ms{0}, std::chrono::ceil<Ms>(deadline - std::chrono::steady_clock::now()));
}

// One turn of the poll loop. An error where the connection has failed without telling the handler, too.
Result<void> turn(mqtt::Connection& connection, Deadline deadline) {
  if (auto flushed = connection.flush(); !flushed) return flushed;
  pollfd waiting{connection.fd(), static_cast<short>(POLLIN | (connection.wants_write() ? POLLOUT : 0)), 0};
  const int ready = ::poll(&waiting, 1, static_cast<int>(left(deadline).count()));
  if (ready > 0 && (waiting.revents & ~POLLOUT) != 0) return connection.read_some();
  return {};
}

}  // namespace

Result<std::unique_ptr<BrokerTalk>> BrokerTalk::log_in(const BrokerAddress& broker, Login login,
                                                       Ms patience) {
  std::unique_ptr<BrokerTalk> talk{new BrokerTalk{broker, patience}};
  auto connection = mqtt::make_connection({.host = broker.host,
                                           .port = broker.port,
                                           .user = login.user,
                                           .password = login.password,
                                           .client_id = login.user,
                                           .clean_session = true,
                                           .will = std::move(login.will)},
                                          *talk);
  if (!connection) return std::unexpected(connection.error());
  talk->connection_ = std::move(*connection);
  if (auto begun = talk->connection_->connect(); !begun) return std::unexpected(begun.error());
  if (auto in = talk->wait_until([&] { return talk->connected_; }); !in) return std::unexpected(in.error());
  return talk;
}

void BrokerTalk::on_message(const mqtt::Message& message) {
  if (heard_.size() < heard_max) heard_.push_back({std::string(message.topic), std::string(message.payload)});
}

Result<void> BrokerTalk::wait_until(const std::function<bool()>& done) {
  const Deadline deadline = std::chrono::steady_clock::now() + patience_;
  while (!done()) {
    if (gone_) return std::unexpected(*gone_);
    if (left(deadline) == Ms{0}) {
      return fail(Errc::temporary,
                  fmt::format("the broker at {}:{} doesn't answer", broker_.host, broker_.port),
                  "See `systemctl status mosquitto`.");
    }
    if (auto turned = turn(*connection_, deadline); !turned && !done()) {
      return std::unexpected(gone_ ? *gone_ : turned.error());
    }
  }
  return {};
}

Result<void> BrokerTalk::subscribe(const std::string& filter) {
  const int before = subscribed_;
  if (auto asked = connection_->subscribe(filter, 0); !asked) return asked;
  return wait_until([&] { return subscribed_ > before; });
}

Result<void> BrokerTalk::publish(const std::string& topic, const std::string& payload) {
  const auto id = connection_->publish(topic, payload, 1, false);
  if (!id) return std::unexpected(id.error());
  return wait_until([&] { return published_.erase(*id) > 0; });
}

Result<void> BrokerTalk::hear(const std::string& payload) {
  return wait_until([&] { return std::ranges::find(heard_, payload, &Heard::payload) != heard_.end(); });
}

}  // namespace alona::ops
