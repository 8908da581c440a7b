#include "alona/health_record.h"

#include <algorithm>
#include <boost/json.hpp>

#include "base/files.h"

namespace alona {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using State = HealthCheck::State;
constexpr std::size_t record_bytes_max = 256 * 1024;

fs::path folder(const ops::Paths& paths) { return paths.data() / "health"; }

const char* name(State state) {
  return state == State::ok ? "ok" : state == State::failing ? "failing" : "unknown";
}

struct Before {
  std::string state;
  UtcMs since{};
};

// By id; what isn't understood wasn't there.
std::vector<std::pair<std::string, Before>> parse(const std::string& text) {
  std::vector<std::pair<std::string, Before>> all;
  boost::system::error_code bad;
  const auto value = json::parse(text, bad);
  const auto* object = bad ? nullptr : value.if_object();
  const auto* checks = object == nullptr ? nullptr : object->if_contains("checks");
  if (checks == nullptr || !checks->is_array()) return all;
  for (const auto& check : checks->get_array()) {
    const auto* one = check.if_object();
    const auto* id = one == nullptr ? nullptr : one->if_contains("id");
    const auto* state = one == nullptr ? nullptr : one->if_contains("state");
    const auto* since = one == nullptr ? nullptr : one->if_contains("since");
    if (id == nullptr || state == nullptr || since == nullptr || !id->is_string() || !state->is_string() ||
        !since->is_int64())
      continue;
    all.emplace_back(id->get_string(), Before{std::string(state->get_string()), utc_ms(since->get_int64())});
  }
  return all;
}

}  // namespace

bool HealthRound::well() const {
  return std::ranges::none_of(entries, [](const HealthEntry& e) { return e.check.state == State::failing; });
}

HealthRound round_of(std::vector<HealthCheck> checks, const std::string& record_before, UtcMs now) {
  const auto before = parse(record_before);
  HealthRound round{.at = now, .entries = {}, .cleared = {}};
  round.entries.reserve(checks.size());
  for (HealthCheck& check : checks) {
    const auto was = std::ranges::find(before, check.id, &std::pair<std::string, Before>::first);
    const bool same = was != before.end() && was->second.state == name(check.state);
    round.entries.push_back({std::move(check), same ? std::min(was->second.since, now) : now});
  }
  for (const auto& [id, was] : before) {
    const bool fails_still = std::ranges::any_of(
        round.entries, [&](const HealthEntry& e) { return e.check.id == id && e.check.state != State::ok; });
    if (was.state == "failing" && !fails_still) round.cleared.push_back(id);
  }
  return round;
}

std::string record_text(const HealthRound& round) {
  json::array checks;
  for (const HealthEntry& e : round.entries)
    checks.push_back(json::object{{"id", e.check.id},
                                  {"state", name(e.check.state)},
                                  {"since", count(e.since)},
                                  {"what", e.check.what},
                                  {"next", e.check.next}});
  return json::serialize(json::object{{"at", count(round.at)}, {"well", round.well()}, {"checks", checks}}) +
         "\n";
}

std::string read_record(const ops::Paths& paths) {
  return files::read(folder(paths) / "state.json", record_bytes_max).value_or("");
}

Result<void> put_record(const ops::Paths& paths, const HealthRound& round) {
  if (auto kept = files::replace(folder(paths) / "state.json", record_text(round), 0640); !kept) return kept;
  return files::replace(folder(paths) / (round.well() ? "last_ok" : "last_fail"), iso8601(round.at) + "\n",
                        0640);
}

}  // namespace alona
