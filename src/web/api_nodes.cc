// Nodes: what is known of them, their names, and their coming and going.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>

#include "protocol/topic.h"
#include "web/api.h"
#include "web/json.h"

namespace alona::web {
namespace {
using namespace std::chrono_literals;
constexpr auto detail_span = std::chrono::days(7);
constexpr std::size_t heartbeats_looked_at = limits::node_day_heartbeats_max;

struct Detail {
  std::vector<store::HeartbeatRow> heartbeats;
  std::vector<store::PresenceRow> presence;
  std::vector<store::DayCount> days;
  store::Completeness completeness;
  std::vector<store::ErrorRow> errors;
  std::vector<store::EventRow> events;
};

// The first failure ends the rest.
Result<Detail> ask_detail(Archive& archive, store::NodeNo no, UtcMs now, bool heartbeat_known) {
  Detail detail;
  const UtcMs from = now - detail_span;
  const UtcMs to = now + limits::node_ahead_max;
  std::optional<Error> failed;
  const auto take = [&](auto result, auto& into) {
    if (result)
      into = std::move(*result);
    else if (!failed)
      failed = result.error();
  };
  if (!heartbeat_known) take(archive.heartbeats(no, now - 24h, to, heartbeats_looked_at), detail.heartbeats);
  if (!failed) take(archive.presence(no, from, to, limits::list_rows_max), detail.presence);
  if (!failed) take(archive.counts(no, utc_day(now) - 6, utc_day(now)), detail.days);
  // It reads a week of readings: should that take too long, the page stands without it.
  if (auto known = archive.completeness(no, utc_day(now) - 6, utc_day(now), now)) {
    detail.completeness = std::move(*known);
  }
  if (!failed) take(archive.errors(no, from, to, limits::list_rows_max), detail.errors);
  if (!failed) take(archive.events(no, from, to, limits::list_rows_max), detail.events);
  if (failed) return std::unexpected(*failed);
  std::ranges::sort(detail.presence, {}, &store::PresenceRow::at);
  std::ranges::sort(detail.errors, std::ranges::greater{}, &store::ErrorRow::ts);
  std::ranges::sort(detail.events, std::ranges::greater{}, &store::EventRow::ts);
  std::ranges::sort(detail.days, {}, &store::DayCount::day);
  return detail;
}

json::value to_json(const store::HeartbeatRow& row) {
  return json::object{{"t", count(row.ts)},
                      {"uptime_s", row.uptime_s},
                      {"rssi_dbm", row.rssi_dbm},
                      {"firmware", shown(row.firmware)},
                      {"heap_bytes", row.heap_bytes ? json::value(*row.heap_bytes) : json::value(nullptr)},
                      {"lost", row.lost ? json::value(*row.lost) : json::value(nullptr)},
                      {"battery_v", row.battery_v ? json::value(*row.battery_v) : json::value(nullptr)},
                      {"reset", shown(row.reset)}};
}

json::object to_json(const store::DayCount& row, const store::DayGaps* gaps) {
  const std::chrono::year_month_day day{std::chrono::sys_days{std::chrono::days{row.day}}};
  json::array parts;
  if (gaps != nullptr) {
    for (const auto& part : gaps->parts)
      parts.push_back(json::object{{"cause", part.cause}, {"ms", part.length.count()}});
  }
  return {{"day", fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()),
                              static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()))},
          {"stored", row.total.stored},
          {"rejected", row.total.rejected},
          {"repeated", row.total.repeated},
          {"lost", row.total.lost},
          {"missing", gaps != nullptr ? std::llround(gaps->missing) : 0},
          {"gaps", std::move(parts)}};
}

// A day on which nothing came, but something should have, is a day too.
json::array days_of(const Detail& detail) {
  std::map<std::int32_t, std::pair<store::DayCount, const store::DayGaps*>> days;
  for (const auto& row : detail.days) days[row.day] = {row, nullptr};
  for (const auto& row : detail.completeness.days) {
    auto& [counted, gaps] = days[row.day];
    counted.day = row.day;
    gaps = &row;
  }
  json::array out;
  for (const auto& [day, row] : days) out.push_back(to_json(row.first, row.second));
  return out;
}

http::Response show_detail(const Model& model, store::NodeNo no, const Detail& detail) {
  const NodeState* node = model.node(no);
  if (node == nullptr) return problem_of({Errc::not_found, "this node has just been removed", {}});
  json::object out = to_json(model, *node);
  const auto newest = std::ranges::max_element(detail.heartbeats, {}, &store::HeartbeatRow::ts);
  if (node->heartbeat)
    out["heartbeat"] = to_json(*node->heartbeat);
  else
    out["heartbeat"] = newest == detail.heartbeats.end() ? json::value(nullptr) : to_json(*newest);
  json::array changes;
  for (const auto& row : detail.presence)
    changes.push_back(json::object{{"t", count(row.at)}, {"state", name(row.state)}});
  json::array errors;
  for (const auto& row : detail.errors) {
    errors.push_back(
        json::object{{"t", count(row.ts)}, {"code", shown(row.code)}, {"message", shown(row.message)}});
  }
  json::array events;
  for (const auto& row : detail.events) {
    events.push_back(
        json::object{{"t", count(row.ts)}, {"type", shown(row.type)}, {"data", event_data(row.data)}});
  }
  out["presence_changes"] = std::move(changes);
  out["days"] = days_of(detail);
  out["numbered"] = detail.completeness.numbered;
  out["errors"] = std::move(errors);
  out["events"] = std::move(events);
  return answer(out);
}

http::Response unknown(std::string_view id) {
  return problem_of(
      {Errc::not_found, fmt::format("no node is named {}", shown(id)), "see the list of nodes"});
}

std::string field(const Fields& fields, std::string_view name) {
  const auto found = fields.find(name);
  return found == fields.end() ? std::string{} : found->second;
}

Result<void> check_labels(const Fields& fields) {
  if (auto name = check_label("name", field(fields, "name")); !name) return name;
  return check_label("place", field(fields, "place"));
}
}  // namespace

void Api::nodes(const Call& call) {
  json::array out;
  for (const NodeState* node : model_.nodes()) out.push_back(to_json(model_, *node));
  call.reply(answer(json::object{{"nodes", std::move(out)}}));
}

void Api::node(const Call& call) {
  const NodeState* found = model_.node(call.parameters.front());
  if (found == nullptr) return call.reply(unknown(call.parameters.front()));
  const auto no = found->row.no;
  ask<Detail>(
      call,
      [no, now = clock_.utc(), known = found->heartbeat.has_value()](Archive& archive) {
        return ask_detail(archive, no, now, known);
      },
      [this, no](const Detail& detail) { return show_detail(model_, no, detail); });
}

void Api::patch_node(const Call& call) {
  const NodeState* found = model_.node(call.parameters.front());
  if (found == nullptr) return call.reply(unknown(call.parameters.front()));
  const auto fields = parse_fields(call.request, {"name", "place"});
  if (!fields) return call.reply(problem_of(fields.error()));
  if (const auto clean = check_labels(*fields); !clean) return call.reply(problem_of(clean.error()));
  store::NodeRow row = found->row;
  if (fields->contains("name")) row.name = field(*fields, "name");
  if (fields->contains("place")) row.place = field(*fields, "place");
  const bool taken = backend_.rename_node(row, [this, reply = call.reply, row](Result<void> done) {
    if (!done) return reply(problem_of(done.error()));
    // The batch that says the same may come a moment later.
    const NodeState* known = model_.node(row.no);
    NodeState state = known != nullptr ? *known : NodeState{};
    state.row = row;
    reply(answer(to_json(model_, state)));
  });
  if (!taken) call.reply(busy());
}

void Api::add_node(const Call& call) {
  const auto fields = parse_fields(call.request, {"id", "name", "place"});
  if (!fields) return call.reply(problem_of(fields.error()));
  const std::string id = field(*fields, "id");
  if (!protocol::valid_node_id(id)) {
    return call.reply(problem_of(
        {Errc::usage, "this isn't a node's id",
         "1 to 32 of a-z, 0-9, - and _, a letter or digit first; core, canary and alona... are reserved"}));
  }
  if (model_.node(id) != nullptr)
    return call.reply(problem_of({Errc::refused, fmt::format("there is a node {} already", id), {}}));
  if (const auto clean = check_labels(*fields); !clean) return call.reply(problem_of(clean.error()));
  const bool taken = backend_.add_node({id, field(*fields, "name"), field(*fields, "place")},
                                       [reply = call.reply](const Result<NodeCredentials>& made) {
                                         reply(made ? answer(to_json(*made), 201) : problem_of(made.error()));
                                       });
  if (!taken) call.reply(busy());
}

void Api::rotate_node(const Call& call) {
  const std::string& id = call.parameters.front();
  if (model_.node(id) == nullptr) return call.reply(unknown(id));
  const bool taken = backend_.rotate_node(id, [reply = call.reply](const Result<NodeCredentials>& made) {
    reply(made ? answer(to_json(*made)) : problem_of(made.error()));
  });
  if (!taken) call.reply(busy());
}

void Api::remove_node(const Call& call) {
  const std::string& id = call.parameters.front();
  if (model_.node(id) == nullptr) return call.reply(unknown(id));
  const bool taken = backend_.remove_node(id, [reply = call.reply](Result<void> done) {
    if (!done) return reply(problem_of(done.error()));
    http::Response response;
    response.status = 204;
    reply(std::move(response));
  });
  if (!taken) call.reply(busy());
}

}  // namespace alona::web
