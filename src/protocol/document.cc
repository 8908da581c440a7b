#include "protocol/document.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <cmath>
#include <functional>
#include <limits>
#include <memory_resource>
#include <span>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "protocol/text.h"

namespace alona::protocol {
namespace {

namespace json = boost::json;
using json::error_code;

std::optional<Key> find_key(std::string_view text) {
  const auto found = std::ranges::find(key_names, text);
  if (found == key_names.end()) return std::nullopt;
  return static_cast<Key>(found - key_names.begin());
}

// Boost.JSON 1.81's own doubles are a bit off now and then, so the text is read again. `rough` tells a number
// too large for a double (infinity) from one too small (zero), which from_chars doesn't.
double exact_number(std::string_view text, double rough) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{}) return value;
  return std::abs(rough) < 1 ? std::copysign(0.0, rough)
                             : std::copysign(std::numeric_limits<double>::infinity(), rough);
}

// What Boost's parser calls. Keys of all open objects lie in one stack: duplicates are found at any depth.
class Handler {
 public:
  static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_array_size = max_object_size;
  static constexpr std::size_t max_key_size = max_object_size;  // bounded by the payload
  static constexpr std::size_t max_string_size = max_object_size;

  Handler(std::string_view payload, Document& document, ReadingSink* readings)
      : payload_(payload), document_(document), sink_(readings) {
    keys_.reserve(room_.size() / sizeof(std::string_view));
  }
  Handler(const Handler&) = delete;
  Handler& operator=(const Handler&) = delete;

  [[nodiscard]] std::optional<std::string_view> duplicate() const { return duplicate_; }

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }

  bool on_object_begin(error_code&) {
    if (level_ == 2 && in_readings_) {
      in_element_ = true;
      element_.clear();
    } else {
      take({.kind = Kind::object});
    }
    first_key_[level_++] = keys_.size();
    return true;
  }

  bool on_object_end(std::size_t, error_code& error) {
    const std::size_t first = first_key_[--level_];
    if (has_duplicate(std::span(keys_).subspan(first))) {
      if (level_ == 0) document_.fields.clear();  // nobody knows which of two it meant
      error = json::error::syntax;
      return false;
    }
    keys_.resize(first);
    if (level_ == 2 && in_element_) {
      in_element_ = false;
      sink_->on_reading(&element_);
    }
    return true;
  }

  bool on_array_begin(error_code&) {
    in_readings_ = in_readings_ || (sink_ != nullptr && level_ == 1 && key_ == Key::readings);
    take({.kind = Kind::array});
    first_key_[level_++] = keys_.size();
    return true;
  }

  bool on_array_end(std::size_t, error_code&) {
    --level_;
    if (level_ == 1) in_readings_ = false;
    return true;
  }

  bool on_key_part(json::string_view part, std::size_t, error_code&) { return gather(part); }
  bool on_key(json::string_view rest, std::size_t, error_code&) {
    keys_.push_back(finish(rest));
    if (level_ == 1 || in_known_element()) key_ = find_key(keys_.back());
    return true;
  }

  bool on_string_part(json::string_view part, std::size_t, error_code&) { return gather(part); }
  bool on_string(json::string_view rest, std::size_t, error_code&) {
    return take({.kind = Kind::string, .text = finish(rest)});
  }

  bool on_number_part(json::string_view part, error_code&) { return gather(part); }
  bool on_int64(std::int64_t rough, json::string_view rest, error_code&) {
    return number(static_cast<double>(rough), rest);
  }
  bool on_uint64(std::uint64_t rough, json::string_view rest, error_code&) {
    return number(static_cast<double>(rough), rest);
  }
  bool on_double(double rough, json::string_view rest, error_code&) { return number(rough, rest); }

  bool on_bool(bool, error_code&) { return take({.kind = Kind::boolean}); }
  bool on_null(error_code&) { return take({.kind = Kind::null}); }

  bool on_comment_part(json::string_view, error_code&) { return true; }  // comments are not allowed
  bool on_comment(json::string_view, error_code&) { return true; }

 private:
  [[nodiscard]] bool in_known_element() const { return level_ == 3 && in_element_; }

  bool take(Value value) {
    if (level_ == 0) {
      document_.top = value;
    } else if (level_ == 1 && key_ && document_.top.kind == Kind::object) {
      value.place = static_cast<std::uint32_t>(keys_.size() - 1);  // deeper keys have left the stack
      document_.fields.set(*key_, value);
    } else if (level_ == 2 && in_readings_) {
      sink_->on_reading(nullptr);
    } else if (in_known_element() && key_) {
      element_.set(*key_, value);
    }
    return true;
  }

  bool number(double rough, json::string_view rest) {
    return take({.kind = Kind::number, .number = exact_number(finish(rest), rough)});
  }

  // Text comes in parts when it has escapes. Resolved, it is never longer than the payload: one reservation
  // holds all of it, and no view into it is ever moved.
  bool gather(json::string_view part) {
    if (document_.unescaped.capacity() < payload_.size()) document_.unescaped.reserve(payload_.size());
    document_.unescaped.append(part.data(), part.size());
    return true;
  }
  // Text without escapes stays where it is, in the payload.
  std::string_view finish(json::string_view rest) {
    if (text_begin_ == document_.unescaped.size() && in_payload(rest)) return {rest.data(), rest.size()};
    gather(rest);
    const std::size_t begin = std::exchange(text_begin_, document_.unescaped.size());
    return std::string_view(document_.unescaped).substr(begin);
  }
  [[nodiscard]] bool in_payload(json::string_view text) const {
    const std::less_equal<> up_to;
    return up_to(payload_.data(), text.data()) &&
           up_to(text.data() + text.size(), payload_.data() + payload_.size());
  }

  // Sorting makes thousands of keys cheap too; the few keys of a message are compared as they are.
  bool has_duplicate(std::span<std::string_view> keys) {
    constexpr std::size_t few = 10;
    if (keys.size() > few) {
      std::ranges::sort(keys);
      const auto twice = std::ranges::adjacent_find(keys);
      if (twice != keys.end()) duplicate_ = *twice;
      return duplicate_.has_value();
    }
    for (std::size_t i = 1; i < keys.size(); ++i) {
      if (std::ranges::find(keys.first(i), keys[i]) != keys.begin() + static_cast<std::ptrdiff_t>(i)) {
        duplicate_ = keys[i];
        return true;
      }
    }
    return false;
  }

  std::string_view payload_;
  Document& document_;
  ReadingSink* sink_;
  std::array<std::byte, 512> room_;
  std::pmr::monotonic_buffer_resource pool_{room_.data(), room_.size()};
  std::pmr::vector<std::string_view> keys_{&pool_};
  std::array<std::size_t, limits::json_depth_max> first_key_{};  // of each open container, in keys_
  std::size_t level_ = 0;                                        // open containers
  std::optional<Key> key_;                                       // the last key, if known
  bool in_readings_ = false;
  bool in_element_ = false;
  Fields element_;
  std::size_t text_begin_ = 0;  // in document_.unescaped, of the text being gathered
  std::optional<std::string_view> duplicate_;
};

json::parse_options strict_options() {
  json::parse_options options;
  options.max_depth = limits::json_depth_max;
  options.allow_invalid_utf8 = true;  // valid_utf8 has looked already
  return options;
}

std::string_view around(std::string_view payload, std::size_t at) {
  at = std::min(at, payload.size());
  const auto within_character = [&] { return (static_cast<unsigned char>(payload[at]) & 0xC0) == 0x80; };
  while (at > 0 && at < payload.size() && within_character()) --at;
  return clipped(payload.substr(at), 20);
}

// A sensor library says nan when it read nothing, and print() writes it: worth a word of its own. Where it
// begins: releases of the parser differ by a byte in where they stop.
std::optional<std::size_t> not_a_number(std::string_view payload, std::size_t at) {
  const std::size_t begin = at < 4 ? 0 : at - 4;
  std::string near(payload.substr(begin, 10));
  for (char& c : near) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  const std::size_t found = std::min(near.find("nan"), near.find("inf"));
  return found == std::string::npos ? std::nullopt : std::optional{begin + found};
}

std::string explain(error_code error, std::string_view payload, std::size_t at) {
  if (error == json::error::too_deep)
    return fmt::format("nested deeper than {} levels", limits::json_depth_max);
  if (error == json::error::exponent_overflow) return "a number with an exponent that no number has";
  if (payload.empty()) return "the payload is empty";
  if (const auto where = not_a_number(payload, at)) {
    return fmt::format("not JSON at byte {}: NaN and infinity can't be sent, leave the reading out",
                       *where + 1);
  }
  if (error == json::error::incomplete)
    return fmt::format("the payload ends too early, after {} bytes", payload.size());
  if (error == json::error::extra_data) return fmt::format("something follows the JSON at byte {}", at + 1);
  return fmt::format("not JSON at byte {}, near {}", at + 1, shown(around(payload, at)));
}

}  // namespace

std::expected<void, Refusal> read_document(std::string_view payload, Document& document,
                                           ReadingSink* readings) {
  json::basic_parser<Handler> parser(strict_options(), payload, document, readings);
  error_code error;
  const std::size_t end = parser.write_some(false, payload.data(), payload.size(), error);
  if (!error && end < payload.size()) error = json::error::extra_data;
  if (!error) return {};
  if (const auto twice = parser.handler().duplicate()) {
    return std::unexpected(Refusal{Reason::json, fmt::format("the field {} comes twice", shown(*twice))});
  }
  return std::unexpected(Refusal{Reason::json, explain(error, payload, end)});
}

}  // namespace alona::protocol
