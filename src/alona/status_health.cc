#include "alona/status_health.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <set>

#include "alona/cli.h"
#include "web/health_findings.h"

namespace alona {
namespace {

using State = HealthCheck::State;
using namespace std::chrono_literals;

bool is_old(const HealthRound& round, UtcMs now) { return now - round.at > web::health_record_age_max; }

// Of the core's findings.
std::set<std::string> told_ids(const std::string& overview) {
  std::set<std::string> ids;
  boost::system::error_code bad;
  const auto value = boost::json::parse(overview, bad);
  const auto* object = bad ? nullptr : value.if_object();
  const auto* findings = object == nullptr ? nullptr : object->if_contains("findings");
  if (findings == nullptr || !findings->is_array()) return ids;
  for (const auto& finding : findings->get_array()) {
    const auto* one = finding.if_object();
    const auto* id = one == nullptr ? nullptr : one->if_contains("id");
    if (id != nullptr && id->is_string()) ids.emplace(id->get_string());
  }
  return ids;
}

std::string when(const HealthRound& round, UtcMs now) {
  if (round.at > now + 1min) return fmt::format("at {}, which lies ahead of the clock", iso8601(round.at));
  return duration_text(std::max(now - round.at, Ms{0})) + " ago";
}

std::string line(const std::optional<HealthRound>& round, UtcMs now) {
  if (!round) return "checks    none yet: `sudo alona health` makes a round\n";
  const auto well =
      std::ranges::count(round->entries, State::ok, [](const HealthEntry& e) { return e.check.state; });
  return fmt::format("checks    {} of {} well, looked at {}\n", well, round->entries.size(),
                     when(*round, now));
}

}  // namespace

ops::StatusBeside beside_core(const std::optional<HealthRound>& round,
                              const std::optional<std::string>& overview, UtcMs now) {
  ops::StatusBeside beside{{}, line(round, now)};
  if (!round) return beside;
  const std::set<std::string> told = overview ? told_ids(*overview) : std::set<std::string>{};
  for (const HealthEntry& e : round->entries) {
    if (e.check.state != State::failing || told.contains(e.check.id)) continue;
    if (overview && (e.check.by_core || e.check.id == "core")) continue;
    beside.things.push_back({fmt::format("{}: {}", printable(e.check.id), printable(e.check.what)),
                             printable(e.check.next), e.since});
  }
  if (is_old(*round, now) && !told.contains("health_old"))
    beside.things.push_back(
        {fmt::format("health_old: nobody has checked the box's health for {}",
                     duration_text(now - round->at)),
         "`systemctl status alona-health.timer` shows why; `sudo alona health` makes a round now.",
         round->at});
  return beside;
}

std::string round_json(const std::optional<HealthRound>& round, UtcMs now) {
  if (!round) return "null";
  std::string text = record_text(*round);
  text.pop_back();  // its line feed
  return fmt::format(R"({{"old":{},{})", is_old(*round, now), std::string_view{text}.substr(1));
}

}  // namespace alona
