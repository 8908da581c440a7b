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

std::optional<State> state_of(std::string_view word) {
  for (const State state : {State::ok, State::failing, State::unknown}) {
    if (word == name(state)) return state;
  }
  return std::nullopt;
}

std::string text_of(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string{};
}

std::optional<HealthEntry> entry_of(const json::value& value) {
  const auto* one = value.if_object();
  if (one == nullptr) return std::nullopt;
  const auto state = state_of(text_of(*one, "state"));
  const auto* since = one->if_contains("since");
  std::string id = text_of(*one, "id");
  if (id.empty() || !state || since == nullptr || !since->is_int64()) return std::nullopt;
  const auto* by_core = one->if_contains("by_core");
  return HealthEntry{{std::move(id), *state, text_of(*one, "what"), text_of(*one, "next"),
                      by_core != nullptr && by_core->is_bool() && by_core->get_bool()},
                     utc_ms(since->get_int64())};
}

}  // namespace

bool HealthRound::well() const {
  return std::ranges::none_of(entries, [](const HealthEntry& e) { return e.check.state == State::failing; });
}

std::optional<HealthRound> parse_record(const std::string& text) {
  boost::system::error_code bad;
  const auto value = json::parse(text, bad);
  const auto* object = bad ? nullptr : value.if_object();
  const auto* at = object == nullptr ? nullptr : object->if_contains("at");
  const auto* checks = object == nullptr ? nullptr : object->if_contains("checks");
  if (at == nullptr || !at->is_int64() || checks == nullptr || !checks->is_array()) return std::nullopt;
  HealthRound round{.at = utc_ms(at->get_int64()), .entries = {}, .cleared = {}};
  for (const auto& check : checks->get_array()) {
    if (auto entry = entry_of(check)) round.entries.push_back(std::move(*entry));
  }
  return round;
}

HealthRound round_of(std::vector<HealthCheck> checks, const std::string& record_before, UtcMs now) {
  const std::vector<HealthEntry> before = parse_record(record_before).value_or(HealthRound{}).entries;
  const auto id_of = [](const HealthEntry& e) -> const std::string& { return e.check.id; };
  HealthRound round{.at = now, .entries = {}, .cleared = {}};
  round.entries.reserve(checks.size());
  for (HealthCheck& check : checks) {
    const auto was = std::ranges::find(before, check.id, id_of);
    const bool same = was != before.end() && was->check.state == check.state;
    round.entries.push_back({std::move(check), same ? std::min(was->since, now) : now});
  }
  for (const HealthEntry& was : before) {
    const bool fails_still = std::ranges::any_of(round.entries, [&](const HealthEntry& e) {
      return e.check.id == was.check.id && e.check.state != State::ok;
    });
    if (was.check.state == State::failing && !fails_still) round.cleared.push_back(was.check.id);
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
                                  {"next", e.check.next},
                                  {"by_core", e.check.by_core}});
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
