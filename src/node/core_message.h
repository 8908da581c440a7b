// The few numbers a node needs from the core's messages. The core is trusted, its messages are flat and its
// own encoder's; so this looks for a key and reads what follows, and needs no parser. No heap.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace alona::node {

// The value behind "key": as text; up to the next comma or brace.
[[nodiscard]] inline std::optional<std::string_view> member(std::string_view json, std::string_view key) {
  for (std::size_t at = json.find(key); at != std::string_view::npos; at = json.find(key, at + 1)) {
    const std::size_t end = at + key.size();
    if (at == 0 || json[at - 1] != '"' || end + 1 >= json.size() || json[end] != '"') continue;
    std::size_t value = json.find_first_not_of(" \t\r\n", end + 1);
    if (value == std::string_view::npos || json[value] != ':') continue;
    value = json.find_first_not_of(" \t\r\n", value + 1);
    if (value == std::string_view::npos) return {};
    return json.substr(value, json.find_first_of(",}", value) - value);
  }
  return {};
}

template <class Number>
[[nodiscard]] std::optional<Number> number(std::string_view json, std::string_view key) {
  const auto text = member(json, key);
  Number value{};
  if (!text || std::from_chars(text->data(), text->data() + text->size(), value).ec != std::errc{}) return {};
  return value;
}

}  // namespace alona::node
