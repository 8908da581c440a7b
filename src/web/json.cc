#include "web/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <cmath>
#include <iterator>
#include <map>

#include "base/limits.h"
#include "protocol/decode.h"
#include "protocol/text.h"

namespace alona::web {
namespace {

json::value ms_or_null(const std::optional<UtcMs>& t) {
  return t ? json::value(count(*t)) : json::value(nullptr);
}

template <class Items, class Write>
void column(std::string& out, std::string_view name, const Items& items, Write write) {
  fmt::format_to(std::back_inserter(out), ",\"{}\":[", name);
  bool first = true;
  for (const auto& item : items) {
    if (!std::exchange(first, false)) out += ',';
    write(item);
  }
  out += ']';
}
}  // namespace

std::string shown(std::string_view bytes) {
  if (protocol::valid_utf8(bytes)) return std::string(bytes);
  std::string out;
  for (const char c : bytes) {
    if (static_cast<unsigned char>(c) < 0x80)
      out += c;
    else
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(c));
  }
  return out;
}

std::string_view name(store::Presence presence) {
  switch (presence) {
    case store::Presence::never_seen:
      return "never_seen";
    case store::Presence::online:
      return "online";
    case store::Presence::stale:
      return "stale";
    case store::Presence::offline:
      return "offline";
  }
  return "never_seen";
}

std::string_view name(TimeQuality quality) {
  switch (quality) {
    case TimeQuality::node:
      return "node";
    case TimeQuality::receipt:
      return "receipt";
    case TimeQuality::provisional:
      return "provisional";
  }
  return "provisional";
}

json::object to_json(const Model& model, const SeriesState& series) {
  const auto& row = series.row;
  const NodeState* node = model.node(row.node);
  json::object out{{"id", static_cast<std::int32_t>(row.no)},
                   {"node", node != nullptr ? shown(node->row.id) : ""},
                   {"sensor", shown(row.sensor)},
                   {"unit", shown(row.unit)},
                   {"label", shown(row.label.empty() ? row.sensor : row.label)},
                   {"decimals", row.decimals ? json::value(*row.decimals) : json::value(nullptr)},
                   {"last", nullptr}};
  if (series.last) {
    out["last"] = json::object{{"t", count(series.last->ts)},
                               {"value", series.last->value},
                               {"quality", name(series.last->quality())},
                               {"late", (series.last->flags & store::flag::received_late) != 0}};
  }
  return out;
}

json::object to_json(const Model& model, const NodeState& node) {
  json::array series;
  for (const SeriesState* one : model.series_of(node.row.no)) series.push_back(to_json(model, *one));
  return {{"id", shown(node.row.id)},
          {"name", shown(node.name())},
          {"place", shown(node.row.place)},
          {"created", count(node.row.created)},
          {"presence", name(node.presence)},
          {"presence_since", count(node.presence_since == UtcMs{} ? node.row.created : node.presence_since)},
          {"last_seen", ms_or_null(node.last_seen)},
          {"interval_ms", node.interval ? json::value(node.interval->count()) : json::value(nullptr)},
          {"may_lose", node.row.may_lose},
          {"series", std::move(series)}};
}

json::object to_json(const Finding& finding) {
  return {{"id", shown(finding.id)},
          {"level", finding.level == Level::being_lost ? "being_lost" : "needs_you"},
          {"what", shown(finding.what)},
          {"why", finding.why},
          {"todo", finding.todo},
          {"since", ms_or_null(finding.since)},
          {"node", finding.node.empty() ? json::value(nullptr) : json::value(shown(finding.node))}};
}

json::object to_json(const Happened& happened) {
  return {{"t", count(happened.t)},
          {"node", happened.node.empty() ? json::value(nullptr) : json::value(shown(happened.node))},
          {"text", shown(happened.text)}};
}

json::object to_json(const store::RejectItem& item) {
  return {{"id", item.id},
          {"first", count(item.first)},
          {"last", count(item.last)},
          {"topic", shown(item.row.topic)},
          {"reason", shown(item.row.reason)},
          {"detail", shown(item.row.detail)},
          {"count", item.count},
          {"bytes", item.row.payload_bytes},
          {"payload", shown(item.row.payload)}};
}

json::object to_json(const NodeCredentials& credentials) {
  json::array qr;
  for (const std::string& row : credentials.qr) qr.emplace_back(row);
  json::value unproven;
  if (credentials.unproven)
    unproven = {{"what", shown(credentials.unproven->what)}, {"next", shown(credentials.unproven->next)}};
  return {{"id", credentials.id},
          {"user", credentials.user},
          {"password", credentials.password},
          {"unproven", std::move(unproven)},
          {"host", shown(credentials.host)},
          {"host_name", shown(credentials.host_name)},
          {"port", credentials.port},
          {"snippet", shown(credentials.snippet)},
          {"esphome", shown(credentials.esphome)},
          {"nvs_csv", shown(credentials.nvs_csv)},
          {"uri", credentials.uri},
          {"qr", std::move(qr)}};
}

json::value event_data(const std::string& text) {
  boost::system::error_code error;
  json::value value = json::parse(text, error, {}, {.max_depth = limits::json_depth_max + 2});
  if (error) return json::value(shown(text));
  return value;
}

std::string number_text(double value) {
  if (!std::isfinite(value)) return "null";
  char digits[32];
  const auto end = std::to_chars(std::begin(digits), std::end(digits), value).ptr;
  return {digits, end};
}

std::string history_text(const store::HistoryQuery& query, const store::History& history) {
  std::string out = fmt::format(R"({{"series":{},"from":{},"to":{},"bucket_ms":{})",
                                static_cast<std::int32_t>(query.series), count(query.from), count(query.to),
                                history.bucket.count());
  const auto& buckets = history.buckets;
  out.reserve(out.size() + buckets.size() * 50);
  column(out, "t", buckets, [&](const auto& b) { out += std::to_string(count(b.start)); });
  if (const auto& edges = query.edges; edges.size() > 1) {
    column(out, "end", buckets, [&](const auto& b) {
      const auto end = std::upper_bound(edges.begin(), edges.end() - 1, b.start);
      out += std::to_string(count(*end));
    });
  }
  column(out, "min", buckets, [&](const auto& b) { out += number_text(b.min); });
  column(out, "avg", buckets, [&](const auto& b) {
    // One reading keeps its own digits; a mean has no more than the readings deserve.
    if (b.n <= 1)
      out += number_text(b.sum);
    else if (std::isfinite(b.sum))
      fmt::format_to(std::back_inserter(out), "{:.9g}", b.sum / b.n);
    else
      out += "null";
  });
  column(out, "max", buckets, [&](const auto& b) { out += number_text(b.max); });
  column(out, "n", buckets, [&](const auto& b) { out += std::to_string(b.n); });
  column(out, "gaps", history.gaps, [&](const store::Gap& gap) {
    fmt::format_to(std::back_inserter(out), R"({{"from":{},"to":{},"cause":{}}})", count(gap.from),
                   count(gap.to), http::json_string(gap.cause));
  });
  if (history.more_gaps) out += R"(,"more_gaps":true)";
  return out += '}';
}

std::string readings_text(UtcMs now, const std::vector<store::ReadingRow>& readings) {
  std::map<store::SeriesNo, const store::ReadingRow*> latest;
  const bool all = readings.size() <= limits::series_max_default;
  if (!all) {
    for (const auto& row : readings) latest[row.series] = &row;
  }
  std::string out = fmt::format(R"({{"now":{})", count(now));
  const auto write = [&](const store::ReadingRow& row) {
    fmt::format_to(std::back_inserter(out), "[{},{},{},{},{}]", static_cast<std::int32_t>(row.series),
                   count(row.ts), number_text(row.value), static_cast<int>(row.quality()),
                   static_cast<int>(row.flags));
  };
  if (all)
    column(out, "readings", readings, write);
  else
    column(out, "readings", latest, [&](const auto& one) { write(*one.second); });
  return out += '}';
}

http::Response answer(const json::value& value, int status) {
  return http::json(json::serialize(value), status);
}

Result<Fields> parse_fields(const http::Request& request, std::initializer_list<std::string_view> known) {
  if (!request.header("content-type").starts_with("application/json")) {
    return fail(Errc::usage, "the body isn't declared as JSON",
                "send it with Content-Type: application/json");
  }
  boost::system::error_code error;
  const json::value body = json::parse(request.body, error, {}, {.max_depth = 2});
  if (error || !body.is_object())
    return fail(Errc::usage, "the body isn't a JSON object", "send {\"name\": \"value\", ...}");
  Fields fields;
  for (const auto& [key, value] : body.get_object()) {
    const std::string_view field{key.data(), key.size()};
    if (std::ranges::find(known, field) == known.end()) {
      return fail(Errc::usage, fmt::format("the field {} isn't known here", http::json_string(field)));
    }
    if (!value.is_string()) return fail(Errc::usage, fmt::format("the field {} must be a string", field));
    fields[std::string(field)] = std::string(value.get_string().data(), value.get_string().size());
  }
  return fields;
}

Result<void> check_label(std::string_view what, std::string_view text) {
  if (protocol::valid_label(text)) return {};
  return fail(
      Errc::usage, fmt::format("the {} must be one line of text", what),
      fmt::format("At most {} characters, none of them a control character.", limits::label_chars_max));
}

}  // namespace alona::web
