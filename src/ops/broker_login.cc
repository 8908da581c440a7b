#include "ops/broker_login.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <optional>
#include <thread>

#include "base/limits.h"
#include "mqtt/client.h"

namespace alona::ops {
namespace {

using Deadline = std::chrono::steady_clock::time_point;

Ms left(Deadline deadline) {
  return std::max(Ms{0}, std::chrono::ceil<Ms>(deadline - std::chrono::steady_clock::now()));
}

class Answer final : public mqtt::Handler {
 public:
  void on_connected(bool) override { outcome_ = Result<void>{}; }
  void on_disconnected(const Error& why) override {
    if (!outcome_) outcome_ = std::unexpected(why);
  }
  void on_message(const mqtt::Message&) override {}
  [[nodiscard]] const std::optional<Result<void>>& outcome() const { return outcome_; }

 private:
  std::optional<Result<void>> outcome_;
};

// One turn of the poll loop; false when the connection has failed without telling the handler.
Result<void> turn(mqtt::Connection& connection, Deadline deadline) {
  if (auto flushed = connection.flush(); !flushed) return flushed;
  pollfd waiting{connection.fd(), static_cast<short>(POLLIN | (connection.wants_write() ? POLLOUT : 0)), 0};
  const int ready = ::poll(&waiting, 1, static_cast<int>(left(deadline).count()));
  if (ready > 0 && (waiting.revents & ~POLLOUT) != 0) return connection.read_some();
  return {};
}

}  // namespace

Result<void> log_in_once(const BrokerAddress& broker, const std::string& user, const std::string& password,
                         Ms timeout) {
  const Deadline deadline = std::chrono::steady_clock::now() + timeout;
  Answer answer;
  auto connection = mqtt::make_connection({.host = broker.host,
                                           .port = broker.port,
                                           .user = user,
                                           .password = password,
                                           .client_id = user,
                                           .clean_session = true,
                                           .will = {}},
                                          answer);
  if (!connection) return std::unexpected(connection.error());
  if (auto connected = (*connection)->connect(); !connected) return connected;
  while (!answer.outcome() && left(deadline) > Ms{0}) {
    if (auto turned = turn(**connection, deadline); !turned && !answer.outcome()) return turned;
  }
  if (!answer.outcome()) {
    return fail(Errc::temporary, fmt::format("the broker at {}:{} doesn't answer", broker.host, broker.port),
                "See `systemctl status mosquitto`.");
  }
  if (answer.outcome()->has_value()) (*connection)->disconnect();
  return *answer.outcome();
}

Result<void> log_in_within(const BrokerAddress& broker, const std::string& user, const std::string& password,
                           Ms patience) {
  const Deadline deadline = std::chrono::steady_clock::now() + patience;
  while (true) {
    auto outcome =
        log_in_once(broker, user, password, std::max(left(deadline), Ms{limits::broker_reload_retry}));
    const bool worth_another =
        !outcome && (outcome.error().code == Errc::auth || outcome.error().code == Errc::temporary ||
                     outcome.error().code == Errc::closed);
    if (!worth_another || left(deadline) == Ms{0}) return outcome;
    // Nothing tells a stranger when a broker has read its files: asking again is the only way to know.
    std::this_thread::sleep_for(std::min<Ms>(limits::broker_reload_retry, left(deadline)));
  }
}

}  // namespace alona::ops
