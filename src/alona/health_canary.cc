#include "alona/health_canary.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <charconv>
#include <optional>
#include <thread>

#include "base/files.h"
#include "base/hash.h"
#include "base/limits.h"
#include "http/unix_client.h"
#include "ingest/ingest.h"
#include "ops/broker_files.h"
#include "ops/broker_talk.h"

namespace alona::health {
namespace {

using Deadline = std::chrono::steady_clock::time_point;

constexpr const char* mend =
    "`sudo systemctl restart alona-core`; if it stays so, `sudo alona doctor` tries the broker's rules.";

// Another one each time, so that no older reading is taken for it.
std::int64_t new_mark() {
  constexpr std::size_t bytes = 6;  // as a double it is exact
  const std::string digits = random_hex(bytes);
  std::int64_t mark = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), mark, 16);
  return mark + 1;
}

std::string reading(std::int64_t mark) {
  return fmt::format(R"({{"v":1,"readings":[{{"sensor":"{}","value":{},"unit":"1"}}]}})",
                     ingest::canary_sensor, mark);
}

// What is stored now, 0 before the first; nothing: the core doesn't say.
std::optional<std::int64_t> stored(const ops::Paths& paths) {
  const auto answer =
      http::unix_request(paths.core_socket(), "GET", "/api/v1/canary", {}, Ms{limits::broker_login_max});
  if (!answer || answer->status != 200) return std::nullopt;
  boost::system::error_code bad;
  const auto value = boost::json::parse(answer->body, bad);
  const auto* object = bad ? nullptr : value.if_object();
  const auto* mark = object == nullptr ? nullptr : object->if_contains("mark");
  if (mark == nullptr) return std::nullopt;
  return mark->is_int64() ? mark->get_int64() : 0;
}

HealthCheck watch(const ops::Paths& paths, std::int64_t before) {
  const Deadline end = std::chrono::steady_clock::now() + limits::canary_max;
  while (true) {
    const auto now = stored(paths);
    if (!now) return unknown("canary", "the core doesn't say what it has stored");
    // Ours; or that of another round, by hand or by the timer, which came by the same road behind ours.
    if (*now != before) return ok("canary");
    if (std::chrono::steady_clock::now() >= end) break;
    std::this_thread::sleep_for(limits::canary_look);
  }
  return failing("canary",
                 fmt::format("broker and core live, and yet a reading that the box sent itself wasn't stored "
                             "within {} s",
                             limits::canary_max.count()),
                 mend);
}

HealthCheck send_and_watch(const ops::Paths& paths, ops::BrokerTalk& talk) {
  const auto before = stored(paths);
  if (!before) return unknown("canary", "the core doesn't say what it has stored");
  if (auto sent = talk.publish(std::string(ingest::canary_topic), reading(new_mark())); !sent)
    return unknown("canary", "the broker broke off: " + sent.error().what);
  talk.goodbye();
  return watch(paths, *before);
}

HealthCheck no_login(const ops::Config& config, const Error& why) {
  if (why.code == Errc::auth)
    return failing("broker_login", "the broker refuses a password that Alona has given it",
                   "`sudo alona setup`, then `sudo systemctl restart mosquitto`.");
  return failing("broker",
                 fmt::format("the broker doesn't answer at {}:{}", config.mqtt.host, config.mqtt.port),
                 "`sudo systemctl restart mosquitto`; `journalctl -u mosquitto` says why it went.");
}

}  // namespace

std::vector<HealthCheck> try_road(const ops::Config& config, const ops::Paths& paths, bool send) {
  const HealthCheck untried = unknown("canary", "nothing was sent: the core or the broker says itself why");
  const auto password = files::read(paths.check_password(ops::canary_user), limits::password_bytes_max);
  if (!password) return {unknown("broker", password.error().what), unknown("canary", password.error().what)};
  const auto talk = ops::BrokerTalk::log_in(
      {config.mqtt.host, config.mqtt.port},
      {.user = std::string{ops::canary_user}, .password = password->substr(0, password->find('\n'))},
      limits::broker_login_max);
  if (!talk) return {no_login(config, talk.error()), untried};
  if (send) return {ok("broker"), send_and_watch(paths, **talk)};
  (*talk)->goodbye();
  return {ok("broker"), untried};
}

}  // namespace alona::health
