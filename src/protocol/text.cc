#include "protocol/text.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/limits.h"
#include "protocol/decode.h"

namespace alona::protocol {
namespace {

constexpr std::uint8_t byte(char c) { return static_cast<std::uint8_t>(c); }
constexpr bool continues(char c) { return (byte(c) & 0xC0) == 0x80; }
constexpr bool ascii_control(char c) { return byte(c) < 0x20 || byte(c) == 0x7F; }

}  // namespace

std::size_t character_bytes(std::string_view s) {
  const std::uint8_t lead = byte(s[0]);
  if (lead < 0x80) return 1;
  const std::size_t length = lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
  if (length == 0 || s.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if (!continues(s[i])) return 0;
  }
  const std::uint8_t second = byte(s[1]);
  const bool wrong = (lead == 0xE0 && second < 0xA0) ||  // longer than need be
                     (lead == 0xED && second > 0x9F) ||  // half of a surrogate pair
                     (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F);  // above U+10FFFF
  return wrong ? 0 : length;
}

bool valid_utf8(std::string_view text) {
  while (!text.empty()) {
    // Nearly all payloads are ASCII: look at eight bytes at once.
    if (std::uint64_t eight = 0; text.size() >= sizeof eight) {
      std::memcpy(&eight, text.data(), sizeof eight);
      if ((eight & 0x8080808080808080) == 0) {
        text.remove_prefix(sizeof eight);
        continue;
      }
    }
    const std::size_t length = character_bytes(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::size_t characters(std::string_view text) {
  return text.size() - static_cast<std::size_t>(std::ranges::count_if(text, continues));
}

bool has_control(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (ascii_control(text[i])) return true;
    if (byte(text[i]) == 0xC2 && i + 1 < text.size() && byte(text[i + 1]) < 0xA0) return true;
  }
  return false;
}

std::string_view clipped(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  while (end > 0 && continues(text[end])) --end;
  return text.substr(0, end);
}

std::string shown(std::string_view text) {
  const std::string_view part = clipped(text, limits::shown_bytes_max);
  std::string result = "\"";
  for (std::size_t i = 0; i < part.size(); ++i) {
    if (ascii_control(part[i])) {
      result += '?';
    } else if (byte(part[i]) == 0xC2 && i + 1 < part.size() && byte(part[i + 1]) < 0xA0) {
      result += '?', ++i;
    } else {
      result += part[i];
    }
  }
  return result + (part.size() < text.size() ? "…\"" : "\"");
}

bool valid_label(std::string_view text) {
  return valid_utf8(text) && characters(text) <= limits::label_chars_max && !has_control(text);
}

}  // namespace alona::protocol
