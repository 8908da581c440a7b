#include "ops/broker_login.h"

#include <algorithm>
#include <thread>

#include "base/limits.h"

namespace alona::ops {
namespace {

using Deadline = std::chrono::steady_clock::time_point;

Ms left(Deadline deadline) {
  return std::max(Ms{0}, std::chrono::ceil<Ms>(deadline - std::chrono::steady_clock::now()));
}

}  // namespace

Result<void> log_in_once(const BrokerAddress& broker, const std::string& user, const std::string& password,
                         Ms timeout) {
  const auto talk = BrokerTalk::log_in(broker, {.user = user, .password = password}, timeout);
  if (!talk) return std::unexpected(talk.error());
  (*talk)->goodbye();
  return {};
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
