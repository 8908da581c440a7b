#include "protocol/spans.h"

namespace alona::protocol {
namespace {

constexpr std::string_view space = " \t\r\n";

void skip_space(std::string_view& rest) {
  const std::size_t end = rest.find_first_not_of(space);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end);
}

// Bytes of the string at the front, quotes included.
std::size_t string_bytes(std::string_view rest) {
  std::size_t i = 1;
  while (i < rest.size() && rest[i] != '"') i += rest[i] == '\\' ? 2 : 1;
  return i + 1;
}

std::size_t value_bytes(std::string_view rest) {
  std::size_t depth = 0;
  std::size_t i = 0;
  while (i < rest.size()) {
    const char c = rest[i];
    if (depth == 0 && (c == ',' || c == ']' || c == '}' || space.find(c) != std::string_view::npos)) break;
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
    i += c == '"' ? string_bytes(rest.substr(i)) : 1;
  }
  return i;
}

// Takes the value at the front, and the comma after it.
std::string_view take_value(std::string_view& rest) {
  skip_space(rest);
  const std::string_view value = rest.substr(0, value_bytes(rest));
  rest.remove_prefix(value.size());
  skip_space(rest);
  if (rest.starts_with(',')) rest.remove_prefix(1);
  return value;
}

void enter(std::string_view& rest) {
  skip_space(rest);
  rest.remove_prefix(1);  // the bracket
}

}  // namespace

std::string_view member_text(std::string_view object, std::size_t nth) {
  enter(object);
  for (std::size_t i = 0;; ++i) {
    skip_space(object);
    object.remove_prefix(string_bytes(object));
    skip_space(object);
    object.remove_prefix(1);  // the colon
    const std::string_view value = take_value(object);
    if (i == nth) return value;
  }
}

std::vector<std::string_view> element_texts(std::string_view array) {
  std::vector<std::string_view> result;
  enter(array);
  for (skip_space(array); !array.starts_with(']'); skip_space(array)) result.push_back(take_value(array));
  return result;
}

}  // namespace alona::protocol
