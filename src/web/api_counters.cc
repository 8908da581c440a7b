// Counters: series that only ever rise and go on when their meter or device is replaced.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>

#include "protocol/topic.h"
#include "web/api.h"
#include "web/json.h"

namespace alona::web {
namespace {

constexpr auto looked_at = std::chrono::days(7);
constexpr std::size_t points = 300;
constexpr std::size_t changes_max = 32;

std::unexpected<Error> wrong(std::string what) {
  return fail(Errc::usage, std::move(what),
              R"(Send {"counters": [{"sensor": "energy", "unit": "kWh", "goes_on_from": "1234.5", )"
              R"("begins_at": "0"}]}, the numbers as text, or "undo": true instead of them.)");
}

// As text, so that the digits a person typed are the ones that count.
Result<double> number(const json::value& field, std::string_view name) {
  if (!field.is_string()) return wrong(fmt::format("{} must be a number in quotes", name));
  const std::string_view text{field.get_string()};
  double value = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), value);
  const bool whole = !text.empty() && end == text.end() && error == std::errc{};
  if (whole && std::abs(value) <= limits::value_abs_max) return value;  // false for nan and inf
  return fail(Errc::usage,
              fmt::format("{} {} can't be a meter's number", name, http::json_string(shown(text))),
              fmt::format("Write it such as 1234.5, with a point; at most {:g}.", limits::value_abs_max));
}

Result<CounterChange> parse_change(const json::value& item) {
  if (!item.is_object()) return wrong("a counter isn't an object");
  CounterChange change;
  for (const auto& [key, value] : item.get_object()) {
    const std::string_view name{key};
    if (name == "sensor" || name == "unit") {
      if (!value.is_string()) return wrong(fmt::format("{} must be a text", name));
      (name == "unit" ? change.unit : change.sensor) = std::string_view{value.get_string()};
    } else if (name == "goes_on_from" || name == "begins_at") {
      const auto read = number(value, name);
      if (!read) return std::unexpected(read.error());
      if (name == "begins_at")
        change.begins_at = *read;
      else
        change.goes_on_from = *read;
    } else if (name == "undo" && value.is_bool()) {
      change.undo = value.get_bool();
    } else {
      return wrong(fmt::format("the field {} isn't known here", http::json_string(name)));
    }
  }
  if (!protocol::valid_name(change.sensor)) return wrong("sensor must be a sensor's name");
  return change;
}

// An empty body is none.
Result<std::vector<CounterChange>> parse(const http::Request& request) {
  std::vector<CounterChange> changes;
  if (request.body.empty()) return changes;
  if (!request.header("content-type").starts_with("application/json"))
    return wrong("the body isn't declared as JSON");
  boost::system::error_code error;
  const json::value parsed = json::parse(request.body, error, {}, {.max_depth = 4});
  if (error || !parsed.is_object()) return wrong("the body isn't a JSON object");
  for (const auto& [key, value] : parsed.get_object()) {
    if (key != "counters" || !value.is_array())
      return wrong(fmt::format("the field {} isn't known here", http::json_string(std::string_view{key})));
    if (value.get_array().size() > changes_max) return wrong("too many counters at once");
    for (const json::value& item : value.get_array()) {
      auto change = parse_change(item);
      if (!change) return std::unexpected(change.error());
      changes.push_back(std::move(*change));
    }
  }
  return changes;
}

// What a meter counts in. A tank's litres fall, and are told by that.
bool counting_unit(std::string_view unit) {
  constexpr auto units = std::to_array<std::string_view>(
      {"Wh", "kWh", "MWh", "m³", "m3", "L", "l", "pulses", "pulse", "imp", "counts"});
  return std::ranges::find(units, unit) != units.end();
}

// "rises": it never fell and rose, or never fell and counts in a meter's unit; "fell": a meter's unit, but
// something fell, as when a new meter has begun already; "": nothing says that it counts.
std::string_view kind_of(std::string_view unit, const store::History& history) {
  bool rose = false, fell = false;
  const store::Bucket* before = nullptr;
  for (const store::Bucket& b : history.buckets) {
    rose = rose || b.max > b.min || (before != nullptr && b.min > before->max);
    fell = fell || (before != nullptr && b.min < before->max);
    before = &b;
  }
  if (before == nullptr) return "";
  if (!fell && (rose || counting_unit(unit))) return "rises";
  return fell && counting_unit(unit) ? "fell" : "";
}

json::object to_json(const SeriesState& series, std::string_view kind) {
  json::object out{
      {"series", static_cast<std::int32_t>(series.row.no)},
      {"sensor", shown(series.row.sensor)},
      {"unit", shown(series.row.unit)},
      {"label", shown(series.row.label)},
      {"decimals", series.row.decimals ? json::value(*series.row.decimals) : json::value(nullptr)},
      {"kind", kind},
      {"last", nullptr},
      {"base", series.bases.empty() ? 0.0 : series.bases.back().base},
      {"changed", nullptr},
      {"undo", false}};
  if (series.last) out["last"] = json::object{{"t", count(series.last->ts)}, {"value", series.last->value}};
  if (series.bases.empty()) return out;
  out["changed"] = count(series.bases.back().at);
  std::int64_t standing = 0;  // every undoing takes one away
  for (const auto& row : series.bases) standing += row.undoes ? -1 : 1;
  out["undo"] = standing > 0;
  return out;
}

http::Response unknown(std::string_view id) {
  return problem_of(
      {Errc::not_found, fmt::format("no node is named {}", shown(id)), "see the list of nodes"});
}

}  // namespace

void Api::counters(const Call& call) {
  const NodeState* node = model_.node(call.parameters.front());
  if (node == nullptr) return call.reply(unknown(call.parameters.front()));
  std::vector<store::HistoryQuery> queries;
  const UtcMs now = clock_.utc();
  for (const SeriesState* series : model_.series_of(node->row.no)) {
    const UtcMs to = (series->last ? series->last->ts : now) + Ms{1};
    queries.push_back(
        {.series = series->row.no, .from = to - looked_at, .to = to, .points_max = points, .now = now});
  }
  ask<std::vector<store::History>>(
      call, [queries](Archive& archive) { return archive.histories(queries); },
      [this, queries](const std::vector<store::History>& histories) {
        json::array out;
        for (std::size_t i = 0; i < histories.size(); ++i) {
          const SeriesState* series = model_.series(queries[i].series);
          if (series != nullptr) out.push_back(to_json(*series, kind_of(series->row.unit, histories[i])));
        }
        return answer(json::object{{"counters", std::move(out)}});
      });
}

void Api::change_counters(const Call& call) {
  const std::string& id = call.parameters.front();
  if (model_.node(id) == nullptr) return call.reply(unknown(id));
  auto changes = parse(call.request);
  if (changes && changes->empty()) changes = wrong("no counter is named");
  if (!changes) return call.reply(problem_of(changes.error()));
  const bool taken =
      backend_.change_counters({id, call.who.user, std::move(*changes)},
                               [reply = call.reply](const Result<std::vector<CounterBase>>& bases) {
                                 if (!bases) return reply(problem_of(bases.error()));
                                 json::array out;
                                 for (const CounterBase& b : *bases) {
                                   out.push_back(json::object{{"series", static_cast<std::int32_t>(b.series)},
                                                              {"sensor", shown(b.sensor)},
                                                              {"unit", shown(b.unit)},
                                                              {"base", b.base},
                                                              {"changed", b.changed}});
                                 }
                                 reply(answer(json::object{{"counters", std::move(out)}}));
                               });
  if (!taken) call.reply(busy());
}

void Api::replace_node(const Call& call) {
  const std::string& id = call.parameters.front();
  if (model_.node(id) == nullptr) return call.reply(unknown(id));
  auto changes = parse(call.request);
  if (!changes) return call.reply(problem_of(changes.error()));
  const bool taken = backend_.replace_node({id, call.who.user, std::move(*changes)},
                                           [reply = call.reply](const Result<NodeCredentials>& made) {
                                             reply(made ? answer(to_json(*made)) : problem_of(made.error()));
                                           });
  if (!taken) call.reply(busy());
}

}  // namespace alona::web
