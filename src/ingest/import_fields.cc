#include "ingest/import_fields.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "base/limits.h"
#include "protocol/decode.h"
#include "protocol/text.h"
#include "protocol/topic.h"
#include "store/reading_text.h"

namespace alona::ingest {
namespace {

using Problem = std::optional<FieldProblem>;

std::string quoted(std::string_view text) { return protocol::shown(text); }

// "+01:00", "-0530", "+01" at the end of a time, taken off it.
std::optional<std::chrono::minutes> take_offset(std::string_view& text) {
  const std::size_t time = text.find_first_of("T ");
  const std::size_t at = time == std::string_view::npos ? time : text.find_first_of("+-", time);
  if (at == std::string_view::npos) return std::nullopt;
  const auto zone = parse_zone(text.substr(at));
  if (zone) text = text.substr(0, at);
  return zone;
}

Problem take_time(std::string_view text, const ImportFormat& format, UtcMs& ts) {
  constexpr std::string_view how = "Write times as 2026-11-01T06:30:00Z.";
  const std::string_view given = text;
  std::optional<std::chrono::minutes> zone = take_offset(text);
  if (!zone && text.ends_with('Z')) {
    zone = std::chrono::minutes{0};
    text.remove_suffix(1);
  }
  // What is left is without a zone; parse_iso8601 would also take a second Z.
  const auto local = text.ends_with('Z') ? std::nullopt : parse_iso8601(text);
  if (!local) return FieldProblem{fmt::format("time {} isn't one", quoted(given)), std::string(how)};
  if (!zone) zone = format.zone;
  if (!zone) {
    return FieldProblem{fmt::format("time {} doesn't say its zone", quoted(given)),
                        "Give --zone UTC, or such as --zone +01:00, if it is the same for all."};
  }
  ts = *local - *zone;
  if (count(ts) >= 0 && count(ts) < limits::ts_end_ms) return std::nullopt;
  return FieldProblem{fmt::format("time {} is outside 1970 to 2200", quoted(given)),
                      "No reading was then; correct the line, or leave it out."};
}

Problem take_value(std::string_view text, double& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = end == text.data() + text.size() && !text.empty();
  if (whole && error == std::errc{} && std::isfinite(value) && std::abs(value) <= limits::value_abs_max)
    return std::nullopt;
  if (text.empty()) return FieldProblem{"value is empty", "Leave the line out where nothing was measured."};
  const std::string given = quoted(text);
  if (whole && error == std::errc{} && !std::isfinite(value))
    return FieldProblem{fmt::format("value {} is no reading", given), "Leave the line out."};
  if (whole)
    return FieldProblem{fmt::format("value {} is too large or too small", given),
                        fmt::format("At most {:g}.", limits::value_abs_max)};
  if (text.find(',') != std::string_view::npos)
    return FieldProblem{fmt::format("value {} has a comma", given), "Write it with a point, such as 21.5."};
  return FieldProblem{fmt::format("value {} isn't a number", given), "Write it such as -4.5 or 1e-3."};
}

Problem take_node(std::string_view text, std::string& node) {
  if (!protocol::valid_node_id(text)) {
    return FieldProblem{fmt::format("node {} can't be a node's id", quoted(text)),
                        "1 to 32 of a-z, 0-9, - and _, a letter or digit first; core, canary and alona... "
                        "are reserved. --map node=:ID gives one for all lines."};
  }
  node = text;
  return std::nullopt;
}

Problem take_sensor(std::string_view text, std::string& sensor) {
  if (!protocol::valid_name(text)) {
    return FieldProblem{fmt::format("sensor {} can't be a sensor's name", quoted(text)),
                        "1 to 32 of a-z, 0-9, - and _, a letter or digit first. --map sensor=:NAME gives one "
                        "for all lines."};
  }
  sensor = text;
  return std::nullopt;
}

Problem take_unit(std::string_view text, std::string& unit) {
  if (text.empty())
    return FieldProblem{"unit is empty",
                        "Write 1 for a number without a unit; --map unit=:1 does it for all."};
  if (protocol::has_control(text) || protocol::characters(text) > limits::unit_chars_max) {
    return FieldProblem{fmt::format("unit {} can't be one", quoted(text)),
                        fmt::format("At most {} characters on one line.", limits::unit_chars_max)};
  }
  unit = text;
  return std::nullopt;
}

Problem take_quality(std::string_view text, std::uint8_t& flags) {
  const auto parsed = store::parse_quality(text);
  if (!parsed) {
    return FieldProblem{fmt::format("quality {} isn't known", quoted(text)),
                        "node, receipt or provisional, as `alona export` writes it."};
  }
  flags = *parsed;
  return std::nullopt;
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view spaces = " \t";
  const std::size_t first = text.find_first_not_of(spaces);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(spaces) - first + 1);
}

std::optional<std::chrono::minutes> parse_zone(std::string_view text) {
  if (text == "UTC" || text == "Z") return std::chrono::minutes{0};
  if (text.size() < 3 || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  const bool west = text[0] == '-';
  std::string digits{text.substr(1)};
  if (digits.size() == 5 && digits[2] == ':') digits.erase(2, 1);
  if (digits.size() == 2) digits += "00";
  int hhmm = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), hhmm);
  const bool whole = error == std::errc{} && end == digits.data() + digits.size() && digits.size() == 4;
  if (!whole || hhmm < 0 || hhmm > 1400 || hhmm % 100 > 59) return std::nullopt;
  const std::chrono::minutes east{hhmm / 100 * 60 + hhmm % 100};
  return west ? -east : east;
}

Problem take_field(ImportColumn column, std::string_view text, const ImportFormat& format,
                   store::NamedReading& reading) {
  if (!protocol::valid_utf8(text)) {
    return FieldProblem{fmt::format("{} isn't UTF-8", import_columns[static_cast<std::size_t>(column)]),
                        "Save the file as UTF-8, such as `iconv -f LATIN1 -t UTF-8`."};
  }
  switch (column) {
    case ImportColumn::time:
      return take_time(trimmed(text), format, reading.ts);
    case ImportColumn::node:
      return take_node(text, reading.node);
    case ImportColumn::sensor:
      return take_sensor(text, reading.sensor);
    case ImportColumn::value:
      return take_value(trimmed(text), reading.value);
    case ImportColumn::unit:
      return take_unit(text, reading.unit);
    case ImportColumn::quality:
      return take_quality(text, reading.flags);
  }
  return FieldProblem{"a column that isn't known", ""};
}

}  // namespace alona::ingest
