// Series, their history, exports, and the two lists of the keeper: events and rejects.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

#include "http/streams.h"
#include "store/reading_text.h"
#include "web/api.h"
#include "web/json.h"

namespace alona::web {
namespace {
using namespace std::chrono_literals;

std::unexpected<Error> wrong(std::string_view name, std::string_view rule) {
  return fail(Errc::usage, fmt::format("the parameter {} isn't right", name), std::string(rule));
}

Result<std::optional<std::int64_t>> number(const http::Target& target, std::string_view name) {
  const std::string* text = target.find(name);
  if (text == nullptr) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc{} || end != text->data() + text->size()) return wrong(name, "give a whole number");
  return value;
}

// Milliseconds UTC, or ISO 8601. Within what ISO 8601 can say in four digits.
Result<std::optional<UtcMs>> moment(const http::Target& target, std::string_view name) {
  constexpr std::int64_t year_9999_ms = 253'402'300'800'000;
  const std::string* text = target.find(name);
  if (text == nullptr) return std::nullopt;
  if (const auto iso = parse_iso8601(*text)) return *iso;
  const auto ms = number(target, name);
  if (!ms || **ms < 0 || **ms >= year_9999_ms) {
    return wrong(name, "give milliseconds UTC, or a time such as 2026-01-31T12:00:00Z");
  }
  return utc_ms(**ms);
}

struct Span {
  UtcMs from{}, to{};
};

Result<Span> span_of(const http::Target& target, UtcMs now, Ms usual) {
  const auto from = moment(target, "from");
  if (!from) return std::unexpected(from.error());
  const auto to = moment(target, "to");
  if (!to) return std::unexpected(to.error());
  Span span;
  span.to = to->value_or(now);
  span.from = from->value_or(span.to - usual);
  if (span.from >= span.to) return wrong("from", "it must be before to");
  return span;
}

Result<std::size_t> limit_of(const http::Target& target, std::string_view name, std::size_t usual,
                             std::size_t most) {
  const auto given = number(target, name);
  if (!given) return std::unexpected(given.error());
  const auto value = given->value_or(static_cast<std::int64_t>(usual));
  if (value < 1 || value > static_cast<std::int64_t>(most))
    return wrong(name, fmt::format("give 1 to {}", most));
  return static_cast<std::size_t>(value);
}

// A field of CSV, quoted where it must be (RFC 4180).
std::string csv(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out += '"';
}

void append_csv(std::string& out, const store::NamedReading& row) {
  fmt::format_to(std::back_inserter(out), "{},{},{},{},{},{}\n", iso8601(row.ts), csv(row.node),
                 csv(row.sensor), number_text(row.value), csv(row.unit), store::quality_text(row.flags));
}

void append_ndjson(std::string& out, const store::NamedReading& row) {
  fmt::format_to(std::back_inserter(out),
                 R"({{"time":"{}","node":{},"sensor":{},"value":{},"unit":{},"quality":"{}"}})",
                 iso8601(row.ts), http::json_string(row.node), http::json_string(row.sensor),
                 number_text(row.value), http::json_string(row.unit), store::quality_text(row.flags));
  out += '\n';
}

// On the exports' own thread, at the pace of the client.
Result<bool> stream_readings(Archive& archive, const store::ExportFilter& filter, bool as_csv,
                             http::BodyStream& body) {
  archive.set_time_limit(limits::export_time_max);
  std::string piece = as_csv ? "time,node,sensor,value,unit,quality\n" : "";
  bool heard = true;
  const auto done = archive.export_readings(filter, [&](const store::NamedReading& row) {
    if (as_csv)
      append_csv(piece, row);
    else
      append_ndjson(piece, row);
    if (piece.size() >= limits::stream_chunk_bytes) heard = body.write(std::exchange(piece, {}));
    return heard;
  });
  if (!done) return std::unexpected(done.error());
  return heard && (piece.empty() || body.write(std::move(piece)));
}
}  // namespace

void Api::series(const Call& call) {
  const auto wanted = [&](std::string_view name, std::string_view value) {
    const std::string* given = call.request.target.find(name);
    return given == nullptr || *given == value;
  };
  json::array out;
  for (const auto& [no, series] : model_.all_series()) {
    const NodeState* node = model_.node(series.row.node);
    if (node == nullptr || node->row.removed) continue;
    if (!wanted("node", node->row.id) || !wanted("sensor", series.row.sensor) ||
        !wanted("unit", series.row.unit))
      continue;
    out.push_back(to_json(model_, series));
  }
  call.reply(answer(json::object{{"series", std::move(out)}}));
}

void Api::history(const Call& call) {
  std::int32_t id = 0;
  const std::string& text = call.parameters.front();
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  const auto no = store::SeriesNo{id};
  if (error != std::errc{} || end != text.data() + text.size() || model_.series(no) == nullptr) {
    return call.reply(problem_of({Errc::not_found, "there is no such series", "see the list of series"}));
  }
  const auto span = span_of(call.request.target, clock_.utc(), 24h);
  if (!span) return call.reply(problem_of(span.error()));
  const auto points = limit_of(call.request.target, "points", 1000, limits::history_points_max);
  if (!points) return call.reply(problem_of(points.error()));
  store::HistoryQuery query{no, span->from, span->to, *points, clock_.utc(), {}};
  if (const std::string* by = call.request.target.find("by")) {
    if (*by != "day") return call.reply(problem_of(wrong("by", "give day, or leave it out").error()));
    // A zone leaves hardly a day out, so that one more than there may be is room for both ends.
    if (span->to - span->from > std::chrono::days{limits::history_points_max} - 48h)
      return call.reply(problem_of(
          wrong("by", fmt::format("ask for at most {} days", limits::history_points_max - 2)).error()));
    query.edges = options_.zone.days(span->from, span->to);
    query.from = query.edges.front();
    query.to = query.edges.back();
  }
  // The text is made on the pool: five thousand points are no work for the thread that serves everybody.
  ask<std::string>(
      call,
      [query = std::move(query)](Archive& archive) -> Result<std::string> {
        const auto found = archive.history(query);
        if (!found) return std::unexpected(found.error());
        return history_text(query, *found);
      },
      [](std::string body) { return http::json(std::move(body)); });
}

void Api::export_readings(const Call& call) {
  const http::Target& target = call.request.target;
  const std::string* format = target.find("format");
  const bool as_csv = format == nullptr || *format == "csv";
  if (!as_csv && *format != "ndjson")
    return call.reply(problem_of(wrong("format", "give csv or ndjson").error()));
  store::ExportFilter filter;
  if (const auto* node = target.find("node")) filter.node = *node;
  if (const auto* sensor = target.find("sensor")) filter.sensor = *sensor;
  const auto from = moment(target, "from");
  const auto to = moment(target, "to");
  if (!from || !to) return call.reply(problem_of(from ? to.error() : from.error()));
  filter.from = *from;
  filter.to = *to;
  const auto body = std::make_shared<http::BodyStream>();
  const bool asked = exports_.ask<bool>(
      [filter, as_csv, body](Archive& archive) { return stream_readings(archive, filter, as_csv, *body); },
      // Broken off, the client must notice: a shorter file must not look like a whole one.
      [body](const Result<bool>& whole) { body->finish(whole.has_value() && *whole); });
  if (!asked) {
    return call.reply(problem_of({Errc::temporary, "another export or download is running",
                                  "Wait until it has ended, then try again."}));
  }
  http::Response response;
  response.content_type = as_csv ? "text/csv; charset=utf-8" : "application/x-ndjson";
  response.headers.emplace_back("Content-Disposition", as_csv
                                                           ? "attachment; filename=\"alona-export.csv\""
                                                           : "attachment; filename=\"alona-export.ndjson\"");
  response.stream = body;
  call.reply(std::move(response));
}

void Api::events(const Call& call) {
  const auto span = span_of(call.request.target, clock_.utc() + limits::node_ahead_max, std::chrono::days(7));
  if (!span) return call.reply(problem_of(span.error()));
  std::optional<store::NodeNo> no;
  if (const std::string* id = call.request.target.find("node")) {
    const NodeState* node = model_.node(*id);
    if (node == nullptr)
      return call.reply(problem_of({Errc::not_found, "there is no such node", "see the list of nodes"}));
    no = node->row.no;
  }
  using Rows = std::vector<store::EventRow>;
  ask<Rows>(
      call,
      [no, span = *span](Archive& archive) {
        return archive.events(no, span.from, span.to, limits::list_rows_max);
      },
      [this](Rows rows) {
        std::ranges::sort(rows, std::ranges::greater{}, &store::EventRow::ts);
        json::array out;
        for (const auto& row : rows) {
          const NodeState* node = model_.node(row.node);
          out.push_back(json::object{
              {"t", count(row.ts)},
              {"node", node != nullptr ? json::value(shown(node->row.id)) : json::value(nullptr)},
              {"type", shown(row.type)},
              {"data", event_data(row.data)}});
        }
        return answer(json::object{{"events", std::move(out)}});
      });
}

void Api::rejects(const Call& call) {
  const auto before = number(call.request.target, "before");
  if (!before) return call.reply(problem_of(before.error()));
  using Rows = std::vector<store::RejectItem>;
  ask<Rows>(
      call, [before = *before](Archive& archive) { return archive.rejects(limits::list_rows_max, before); },
      [](const Rows& rows) {
        json::array out;
        for (const auto& row : rows) out.push_back(to_json(row));
        return answer(json::object{{"rejects", std::move(out)}});
      });
}

}  // namespace alona::web
