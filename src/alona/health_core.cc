#include "alona/health_core.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "http/unix_client.h"

namespace alona::health {
namespace {

using namespace std::chrono_literals;
constexpr Ms core_patience = 10s;
constexpr std::uint64_t written_a_day_max = 1'000'000'000;
constexpr std::size_t days_meant = 7;  // a whole backup and a drill lie on single days

std::string text_of(const boost::json::object& object, const char* key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string{};
}

bool truth(const boost::json::object& object, const char* key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_bool() && value->get_bool();
}

}  // namespace

CoreSays ask_core(const ops::Paths& paths) {
  const auto answer = http::unix_request(paths.core_socket(), "GET", "/api/v1/overview", {}, core_patience);
  const char* journal =
      "`journalctl -u alona-core` says why; `sudo systemctl restart alona-core` starts it anew.";
  if (!answer) {
    const Errc code = answer.error().code;
    if (code == Errc::auth) return {unknown("core", answer.error().what), {}};
    if (code == Errc::outcome_unknown)
      return {
          failing("core", fmt::format("the core hangs: no answer within {} s", core_patience / 1s), journal),
          {}};
    return {failing("core", "the core doesn't run", journal), {}};
  }
  boost::system::error_code bad;
  const auto value = boost::json::parse(answer->body, bad);
  const auto* object = bad ? nullptr : value.if_object();
  if (object == nullptr)
    return {failing("core", "the core answers something that isn't its own", journal), {}};
  if (answer->status != 200)
    return {
        failing("core", fmt::format("the core has no database to go on with: {}", text_of(*object, "detail")),
                text_of(*object, "next")),
        {}};
  CoreSays says{ok("core"), {}, truth(*object, "broker_connected")};
  const auto* findings = object->if_contains("findings");
  if (findings == nullptr || !findings->is_array()) return says;
  for (const auto& finding : findings->get_array()) {
    const auto* one = finding.if_object();
    // A box that is being set up; and that nobody has looked, while somebody does.
    if (one == nullptr || text_of(*one, "id") == "no_nodes" || text_of(*one, "id") == "health_old") continue;
    if (text_of(*one, "level") == "being_lost") says.takes_readings = false;
    says.findings.push_back(failing(text_of(*one, "id"), text_of(*one, "what"), text_of(*one, "todo")));
    says.findings.back().by_core = true;
  }
  return says;
}

HealthCheck written(const ops::Paths& paths) {
  const auto answer = http::unix_request(paths.core_socket(), "GET", "/api/v1/system", {}, core_patience);
  boost::system::error_code bad;
  const auto value = boost::json::parse(answer ? answer->body : "", bad);
  const auto* object = bad ? nullptr : value.if_object();
  const auto* days = object == nullptr ? nullptr : object->if_contains("wear");
  if (days == nullptr || !days->is_array() || days->get_array().size() < 2)
    return unknown("written", "nobody has counted a whole day yet");
  std::uint64_t bytes = 0;
  std::size_t n = 0;
  const auto& all = days->get_array();
  for (std::size_t i = all.size() - 1; i-- > 0 && n < days_meant; ++n) {
    const auto* day = all[i].if_object();
    if (day == nullptr) continue;
    const auto* device = day->if_contains("device_bytes");
    const auto* own = day->if_contains("process_bytes");
    const auto* count = device != nullptr && !device->is_null() ? device : own;
    if (count != nullptr) bytes += count->to_number<std::uint64_t>(bad);
  }
  if (n == 0 || bytes / n <= written_a_day_max) return ok("written");
  return failing(
      "written",
      fmt::format("{} MB a day are written to the disk, as a mean of {} days", bytes / n / 1'000'000, n),
      "A card wears out by that. `[storage] commit_interval = \"2s\"` halves the core's part; `sudo iotop "
      "-ao` "
      "shows whose the rest is.");
}

}  // namespace alona::health
