#include "protocol/field_reader.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "base/limits.h"
#include "protocol/text.h"

namespace alona::protocol {
namespace {

// The ingest judges whether a time is likely; here only what no clock says: outside 1970 to 2200.
constexpr double ts_end_s = static_cast<double>(limits::ts_end_ms) / 1000;
constexpr double u32_max = std::numeric_limits<std::uint32_t>::max();

std::string_view kind_text(Kind kind) {
  switch (kind) {
    case Kind::null:
      return "null";
    case Kind::boolean:
      return "true or false";
    case Kind::number:
      return "a number";
    case Kind::string:
      return "a string";
    case Kind::object:
      return "an object";
    case Kind::array:
      return "an array";
  }
  return "unknown";
}

std::string_view hint(Kind found, Kind wanted) {
  if (wanted != Kind::number) return "";
  if (found == Kind::boolean) return "; send 0 or 1";
  if (found == Kind::string) return "; send it without quotes";
  if (found == Kind::null) return "; leave it out when there is none";
  return "";
}

Ms rounded_ms(double seconds) { return Ms{std::llround(seconds * 1000)}; }

}  // namespace

void FieldReader::refuse(Reason reason, Key key, std::string_view what) {
  if (!refusal_) refusal_ = Refusal{reason, fmt::format("{}: {}", name(key), what)};
}

void FieldReader::wrong_kind(Key key, const Value& value, Kind wanted) {
  refuse(Reason::field, key,
         fmt::format("{}, not {}{}", kind_text(value.kind), kind_text(wanted), hint(value.kind, wanted)));
}

const Value* FieldReader::any(Key key) {
  const Value* value = fields_.find(key);
  if (value == nullptr) refuse(Reason::field, key, "missing");
  return value;
}

double FieldReader::number(Key key, double min, double max) {
  const Value* value = any(key);
  if (value == nullptr) return 0;
  if (value->kind != Kind::number) {
    wrong_kind(key, *value, Kind::number);
    return 0;
  }
  if (value->number < min || value->number > max) {
    refuse(Reason::range, key, fmt::format("{}, allowed is {} to {}", value->number, min, max));
    return 0;
  }
  return value->number;
}

std::int64_t FieldReader::whole(Key key, std::int64_t min, std::int64_t max) {
  return static_cast<std::int64_t>(number(key, static_cast<double>(min), static_cast<double>(max)));
}

std::string_view FieldReader::string(Key key) {
  const Value* value = any(key);
  if (value == nullptr) return {};
  if (value->kind != Kind::string) {
    wrong_kind(key, *value, Kind::string);
    return {};
  }
  return value->text;
}

std::string_view FieldReader::text(Key key) {
  const std::string_view text = string(key);
  if (refusal_) return {};
  if (text.empty()) refuse(Reason::range, key, "empty");
  if (text.size() > limits::text_bytes_max) {
    refuse(Reason::range, key, fmt::format("{} bytes, {} are allowed", text.size(), limits::text_bytes_max));
  }
  if (has_control(text)) refuse(Reason::field, key, "a control character in it; send one line of plain text");
  return text;
}

std::string_view FieldReader::unit(Key key) {
  const std::string_view unit = string(key);
  if (refusal_) return {};
  if (unit.empty()) refuse(Reason::range, key, "empty; send \"1\" for a number without a unit");
  if (const std::size_t n = characters(unit); n > limits::unit_chars_max) {
    refuse(Reason::range, key, fmt::format("{} characters, {} are allowed", n, limits::unit_chars_max));
  }
  if (has_control(unit)) refuse(Reason::field, key, "a control character in it");
  return unit;
}

std::optional<double> FieldReader::maybe_number(Key key, double min, double max) {
  if (!has(key)) return std::nullopt;
  return number(key, min, max);
}

std::optional<std::int64_t> FieldReader::maybe_whole(Key key, std::int64_t min, std::int64_t max) {
  if (!has(key)) return std::nullopt;
  return whole(key, min, max);
}

std::string_view FieldReader::maybe_text(Key key) {
  const Value* value = fields_.find(key);
  const bool nothing_said = value == nullptr || (value->kind == Kind::string && value->text.empty());
  return nothing_said ? std::string_view{} : text(key);
}

std::optional<UtcMs> FieldReader::maybe_ts() {
  const Value* value = fields_.find(Key::ts);
  if (value == nullptr) return std::nullopt;
  if (value->kind != Kind::number) {
    refuse(Reason::field, Key::ts,
           fmt::format("{}; send Unix time in seconds, a number", kind_text(value->kind)));
  } else if (!(value->number >= 0 && value->number < ts_end_s)) {
    refuse(Reason::range, Key::ts,
           fmt::format("{} is outside 1970 to 2200{}", value->number,
                       value->number >= ts_end_s ? "; send seconds, not milliseconds" : ""));
  } else {
    return UtcMs{rounded_ms(value->number)};
  }
  return std::nullopt;
}

std::optional<Ms> FieldReader::maybe_age() {
  const auto seconds = maybe_number(Key::age, 0, limits::age_s_max);
  if (!seconds) return std::nullopt;
  return rounded_ms(*seconds);
}

std::optional<std::uint32_t> FieldReader::maybe_u32(Key key) {
  const Value* value = fields_.find(key);
  if (value == nullptr) return std::nullopt;
  if (value->kind != Kind::number) {
    wrong_kind(key, *value, Kind::number);
  } else if (!(value->number >= 0 && value->number <= u32_max) ||
             std::trunc(value->number) != value->number) {
    refuse(Reason::field, key, "not a whole number from 0 to 4294967295");
  } else {
    return static_cast<std::uint32_t>(value->number);
  }
  return std::nullopt;
}

void FieldReader::version() {
  const Value* value = fields_.find(Key::v);
  if (value == nullptr) {
    refuse(Reason::version, Key::v, fmt::format("missing; send \"v\":{}", protocol::version));
  } else if (value->kind != Kind::number) {
    refuse(Reason::version, Key::v,
           fmt::format("{}, not the number {}", kind_text(value->kind), protocol::version));
  } else if (value->number != protocol::version) {
    refuse(Reason::version, Key::v, fmt::format("{}, known is {}", value->number, protocol::version));
  }
}

Stamp FieldReader::stamp(bool with_sequence) {
  Stamp stamp{.ts = maybe_ts()};
  if (with_sequence) stamp.sequence = sequence();
  return stamp;
}

std::optional<Stamp::Sequence> FieldReader::sequence() {
  if (!has(Key::boot) && !has(Key::seq) && !has(Key::low)) return std::nullopt;
  for (const Key key : {Key::boot, Key::seq, Key::low}) {
    if (!has(key)) refuse(Reason::field, key, "missing; boot, seq and low come together");
  }
  const Stamp::Sequence result{.boot = maybe_u32(Key::boot).value_or(0),
                               .seq = maybe_u32(Key::seq).value_or(0),
                               .low = maybe_u32(Key::low).value_or(0)};
  if (result.seq < 1) refuse(Reason::field, Key::seq, "0, it counts from 1");
  if (result.low < 1 || result.low > result.seq) {
    refuse(Reason::field, Key::low, fmt::format("{}, allowed is 1 to seq, {}", result.low, result.seq));
  }
  // Only a whole numbering counts: a refused message is settled by it too.
  const bool whole = maybe_u32(Key::boot).has_value() && result.low >= 1 && result.low <= result.seq;
  return whole ? std::optional(result) : std::nullopt;
}

}  // namespace alona::protocol
