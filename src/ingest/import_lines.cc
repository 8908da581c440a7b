#include "ingest/import_lines.h"

#include <fmt/format.h>

#include <boost/json/basic_parser_impl.hpp>
#include <limits>

#include "base/limits.h"

namespace alona::ingest {
namespace {

namespace json = boost::json;

constexpr std::string_view nul_problem = "a NUL byte: this is no text";
constexpr std::string_view long_problem = "longer than 16 KiB: this is no line of readings";
constexpr std::string_view quote_problem =
    "a quote that isn't closed within 16 KiB; a quote inside a field is written twice";
constexpr std::string_view behind_problem =
    "something stands behind a closing quote; a quote inside a field is written twice";
constexpr std::string_view fields_problem = "more than 256 fields";
static_assert(limits::import_line_bytes_max == std::size_t{16} * 1024 && limits::import_columns_max == 256);

// What Boost's parser calls.
class Handler {
 public:
  static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_array_size = max_object_size;
  static constexpr std::size_t max_key_size = max_object_size;  // bounded by the line
  static constexpr std::size_t max_string_size = max_object_size;

  explicit Handler(std::vector<JsonField>& fields) : fields_(fields) {}
  using Code = json::error_code;

  bool on_document_begin(Code&) { return true; }
  bool on_document_end(Code&) { return true; }
  bool on_object_begin(Code&) { return open(); }
  bool on_object_end(std::size_t, Code&) { return --level_, true; }
  bool on_array_begin(Code&) { return open(); }
  bool on_array_end(std::size_t, Code&) { return --level_, true; }
  bool on_key_part(json::string_view part, std::size_t, Code&) { return gather(part); }
  bool on_key(json::string_view rest, std::size_t, Code&) {
    gather(rest);
    if (level_ == 1) fields_.push_back({.key = text_});
    text_.clear();
    return true;
  }
  bool on_string_part(json::string_view part, std::size_t, Code&) { return gather(part); }
  bool on_string(json::string_view rest, std::size_t, Code&) { return value(JsonKind::string, rest); }
  bool on_number_part(json::string_view part, Code&) { return gather(part); }
  bool on_int64(std::int64_t, json::string_view rest, Code&) { return value(JsonKind::number, rest); }
  bool on_uint64(std::uint64_t, json::string_view rest, Code&) { return value(JsonKind::number, rest); }
  bool on_double(double, json::string_view rest, Code&) { return value(JsonKind::number, rest); }
  bool on_bool(bool, Code&) { return value(JsonKind::boolean, {}); }
  bool on_null(Code&) { return value(JsonKind::null, {}); }
  bool on_comment_part(json::string_view, Code&) { return true; }  // comments are not allowed
  bool on_comment(json::string_view, Code&) { return true; }

 private:
  bool gather(json::string_view part) { return text_.append(part.data(), part.size()), true; }
  bool value(JsonKind kind, json::string_view rest) {
    gather(rest);
    if (level_ == 1 && !fields_.empty()) fields_.back().kind = kind, fields_.back().text = text_;
    text_.clear();
    return true;
  }
  bool open() {
    if (level_++ == 1 && !fields_.empty()) fields_.back().kind = JsonKind::nested;
    return true;
  }
  std::vector<JsonField>& fields_;
  std::string text_;
  std::size_t level_ = 0;  // open containers
};

}  // namespace

void ImportLines::feed(std::string_view bytes, const Take& take) {
  for (const char c : bytes) {
    if (c == '\n' && after_return_) {
      after_return_ = false;
      if (at_ == At::quoted) keep(c);
      continue;
    }
    after_return_ = c == '\r';
    put(c, take);
    if (c == '\n' || c == '\r') ++line_;
  }
}

void ImportLines::put(char c, const Take& take) {
  ++bytes_;
  if (c == '\0') complain(nul_problem);
  if (bytes_ > limits::import_line_bytes_max && at_ != At::too_long) {
    complain(at_ == At::quoted ? quote_problem : long_problem);
    at_ = At::too_long;
  }
  const bool line_break = c == '\n' || c == '\r';
  if (at_ == At::too_long) {
    if (line_break) end_line(take);
    return;
  }
  if (at_ == At::quoted) {
    if (c == '"')
      at_ = At::quote_in_quoted;
    else
      keep(c);
    return;
  }
  if (line_break) return end_line(take);
  if (form_ == Form::ndjson) return keep(c);
  if (c == separator_) {
    end_field();
    at_ = At::field_start;
  } else if (c == '"' && at_ == At::field_start) {
    at_ = At::quoted;
  } else if (c == '"' && at_ == At::quote_in_quoted) {
    keep(c);
    at_ = At::quoted;
  } else {
    if (at_ == At::quote_in_quoted) complain(behind_problem);
    keep(c);
    at_ = At::plain;
  }
}

void ImportLines::keep(char c) { text_ += c; }

void ImportLines::end_field() {
  if (ends_.size() >= limits::import_columns_max) return complain(fields_problem);
  ends_.push_back(text_.size());
}

void ImportLines::end_line(const Take& take) {
  const bool blank = text_.empty() && ends_.empty() && problem_.empty() && at_ == At::field_start;
  if (!blank) {
    end_field();
    out_.number = begun_;
    out_.problem = problem_;
    out_.text = text_;
    out_.fields.clear();
    std::size_t begin = 0;
    for (const std::size_t end : ends_) {
      if (problem_.empty()) out_.fields.push_back(out_.text.substr(begin, end - begin));
      begin = end;
    }
    take(out_);
  }
  begun_ = line_ + 1;
  text_.clear(), ends_.clear();
  problem_ = {};
  bytes_ = 0;
  at_ = At::field_start;
}

void ImportLines::finish(const Take& take) {
  if (at_ == At::quoted) complain("a quote that isn't closed before the end of the file");
  end_line(take);
}

std::string read_flat_json(std::string_view text, std::vector<JsonField>& fields) {
  fields.clear();
  json::parse_options options;
  options.max_depth = limits::json_depth_max;
  options.allow_invalid_utf8 = true;  // the caller has looked
  json::basic_parser<Handler> parser(options, fields);
  json::error_code error;
  const std::size_t end = parser.write_some(false, text.data(), text.size(), error);
  if (!error && end < text.size()) error = json::error::extra_data;
  if (error) return fmt::format("not JSON at byte {}", end + 1);
  const std::size_t first = text.find_first_not_of(" \t");
  return text[first] == '{' ? "" : "not a JSON object";
}

}  // namespace alona::ingest
