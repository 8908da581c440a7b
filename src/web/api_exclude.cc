// Readings taken out by hand, or brought back: marked, never deleted.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <limits>

#include "web/api.h"
#include "web/json.h"

namespace alona::web {
namespace {

std::unexpected<Error> wrong(std::string_view what) {
  return fail(
      Errc::usage, std::string(what),
      R"(Send {"series": 7, "from": "2026-01-31T12:00:00Z", "to": …, "excluded": true, "note": "…"}; )"
      "times in ISO 8601 or in milliseconds UTC.");
}

std::optional<UtcMs> moment(const json::value* field) {
  if (field == nullptr) return std::nullopt;
  if (field->is_string()) return parse_iso8601(std::string_view{field->get_string()});
  if (!field->is_int64()) return std::nullopt;
  constexpr std::int64_t year_9999_ms = 253'402'300'800'000;
  const std::int64_t ms = field->get_int64();
  return ms >= 0 && ms < year_9999_ms ? std::optional{utc_ms(ms)} : std::nullopt;
}

Result<ExclusionWish> parse(const http::Request& request) {
  if (!request.header("content-type").starts_with("application/json"))
    return wrong("the body isn't declared as JSON");
  boost::system::error_code error;
  const json::value parsed = json::parse(request.body, error, {}, {.max_depth = 2});
  if (error || !parsed.is_object()) return wrong("the body isn't a JSON object");
  const json::object& fields = parsed.get_object();
  for (const auto& [key, value] : fields) {
    if (key != "series" && key != "from" && key != "to" && key != "excluded" && key != "note")
      return wrong(fmt::format("the field {} isn't known here", http::json_string(std::string_view{key})));
  }
  const json::value* series = fields.if_contains("series");
  const json::value* excluded = fields.if_contains("excluded");
  const json::value* note = fields.if_contains("note");
  if (series == nullptr || !series->is_int64()) return wrong("series must be its number");
  if (excluded == nullptr || !excluded->is_bool()) return wrong("excluded must be true or false");
  if (note != nullptr && !note->is_string()) return wrong("note must be a text");
  const auto from = moment(fields.if_contains("from")), to = moment(fields.if_contains("to"));
  if (!from || !to || *from >= *to) return wrong("from and to must be times, from before to");
  ExclusionWish wish;
  const std::int64_t no = series->get_int64();
  const bool possible = no > 0 && no <= std::numeric_limits<std::int32_t>::max();
  wish.what = {static_cast<store::SeriesNo>(possible ? no : 0), *from, *to, excluded->get_bool()};
  if (note != nullptr) wish.note = std::string(std::string_view{note->get_string()});
  if (auto clean = check_label("note", wish.note); !clean) return std::unexpected(clean.error());
  return wish;
}

}  // namespace

void Api::exclude(const Call& call) {
  auto wish = parse(call.request);
  if (!wish) return call.reply(problem_of(wish.error()));
  if (model_.series(wish->what.series) == nullptr)
    return call.reply(problem_of({Errc::not_found, "there is no such series", "see the list of series"}));
  wish->who = call.who.user;
  const bool taken =
      backend_.exclude(std::move(*wish), [reply = call.reply](Result<store::ExclusionCount> done) {
        if (!done) return reply(problem_of(done.error()));
        reply(answer(json::object{{"readings", done->readings}, {"changed", done->changed}}));
      });
  if (!taken) call.reply(busy());
}

}  // namespace alona::web
