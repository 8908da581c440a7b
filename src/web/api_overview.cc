// The first page, the command line's status, the live stream.
#include <fmt/format.h>

#include <charconv>

#include "web/api.h"
#include "web/assets.h"
#include "web/json.h"
#include "web/system_json.h"

namespace alona::web {
namespace {
using namespace std::chrono_literals;
constexpr auto trend_span = 24h;

json::array findings_json(const Model& model, UtcMs now, bool trusted) {
  json::array out;
  for (const Finding& finding : findings(model, now, trusted)) out.push_back(to_json(finding));
  return out;
}
}  // namespace

void Api::overview(const Call& call) {
  const Mono now = clock_.mono();
  if (trends_.made && now - *trends_.made < limits::trend_age_max) return answer_overview(call.reply);
  if (trends_.asking) {
    // The last trends are good enough while the next are made; without any, wait with those who came before.
    if (trends_.made) return answer_overview(call.reply);
    trends_.waiting.push_back(call.reply);
    return;
  }
  std::vector<store::HistoryQuery> queries;
  const UtcMs to = clock_.utc();
  for (const auto& [no, series] : model_.all_series()) {
    queries.push_back({no, to - trend_span, to, limits::trend_points, to});
  }
  using Histories = std::vector<store::History>;
  const bool asked =
      pool_.ask<Histories>([queries](Archive& archive) { return archive.histories(queries); },
                           [this, queries](Result<Histories> result) {
                             trends_.asking = false;
                             // Without trends the overview still says what matters; the next visitor tries
                             // again.
                             if (result) {
                               trends_.made = clock_.mono();
                               trends_.json.clear();
                               for (std::size_t i = 0; i < std::min(queries.size(), result->size()); ++i) {
                                 trends_.json[queries[i].series] = history_text(queries[i], (*result)[i]);
                               }
                             }
                             for (const auto& reply : std::exchange(trends_.waiting, {}))
                               answer_overview(reply);
                           });
  if (!asked) return answer_overview(call.reply);
  trends_.asking = true;
  if (trends_.made) return answer_overview(call.reply);
  trends_.waiting.push_back(call.reply);
}

void Api::answer_overview(const http::Reply& reply) const {
  const UtcMs now = clock_.utc();
  const bool trusted = clock_.trusted();
  json::array recent;
  for (const Happened& one : model_.recent()) recent.push_back(to_json(one));
  std::string out = json::serialize(json::object{{"now", count(now)},
                                                 {"site", options_.site},
                                                 {"timezone", options_.timezone},
                                                 {"clock_trusted", trusted},
                                                 {"broker_connected", model_.broker_connected()},
                                                 {"started", count(started_)},
                                                 {"readings_stored", model_.readings_stored()},
                                                 {"rejected_today", model_.rejected_on(utc_day(now))},
                                                 {"disk", disk_json(model_.disk())},
                                                 {"backup", backup_json(model_.backups())},
                                                 {"findings", findings_json(model_, now, trusted)},
                                                 {"recent", std::move(recent)}});
  out.pop_back();
  out += ",\"nodes\":[";
  bool first_node = true;
  for (const NodeState* node : model_.nodes()) {
    if (!std::exchange(first_node, false)) out += ',';
    std::string text = json::serialize(to_json(model_, *node));
    text.pop_back();
    out += text + ",\"trend\":[";
    bool first = true;
    for (const SeriesState* series : model_.series_of(node->row.no)) {
      const auto found = trends_.json.find(series->row.no);
      if (found == trends_.json.end()) continue;
      if (!std::exchange(first, false)) out += ',';
      out += found->second;
    }
    out += "]}";
  }
  reply(http::json(out + "]}"));
}

void Api::status(const Call& call) {
  const UtcMs now = clock_.utc();
  const bool trusted = clock_.trusted();
  json::array nodes;
  for (const NodeState* node : model_.nodes()) {
    json::object one = to_json(model_, *node);
    one["series"] = model_.series_of(node->row.no).size();
    nodes.push_back(std::move(one));
  }
  call.reply(answer(json::object{{"version", options_.version},
                                 {"site", options_.site},
                                 {"now", count(now)},
                                 {"started", count(started_)},
                                 {"broker_connected", model_.broker_connected()},
                                 {"clock_trusted", trusted},
                                 {"readings_stored", model_.readings_stored()},
                                 {"rejected_today", model_.rejected_on(utc_day(now))},
                                 {"series", model_.all_series().size()},
                                 {"live_streams", live_.streams()},
                                 {"findings", findings_json(model_, now, trusted)},
                                 {"nodes", std::move(nodes)}}));
}

void Api::set_clock(const Call& call) {
  const auto fields = parse_fields(call.request, {"time"});
  if (!fields) return call.reply(problem_of(fields.error()));
  if (!options_.accept_browser && !call.request.local) {
    return call.reply(problem_of({Errc::refused, "this box doesn't take its time from a browser",
                                  "Its configuration says so: [time] accept_browser."}));
  }
  const auto said = fields->find("time");
  const auto now = said == fields->end() ? std::nullopt : parse_iso8601(said->second);
  if (!now)
    return call.reply(problem_of({Errc::usage, "time is needed, as in 2026-11-24T18:42:07.250Z", {}}));
  const bool taken = backend_.set_time(*now, call.who.user, [reply = call.reply](Result<void> done) {
    if (!done) return reply(problem_of(done.error()));
    http::Response response;
    response.status = 204;
    reply(std::move(response));
  });
  if (!taken) call.reply(busy());
}

void Api::live(const Call& call) {
  std::optional<std::uint64_t> last;
  if (const auto text = call.request.header("last-event-id"); !text.empty()) {
    std::uint64_t id = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
    // What isn't a number of ours can't be resumed from: the answer begins with a reset.
    last = error == std::errc{} && end == text.data() + text.size() ? id : ~std::uint64_t{0};
  }
  call.reply(live_.open(last, clock_.mono()));
}

void Api::describe(const Call& call) { call.reply(http::serve_asset(openapi(), call.request)); }

}  // namespace alona::web
