// A field of a CSV line as RFC 4180 has it: quoted where it must be. Any thread; never fails.
#pragma once

#include <string>
#include <string_view>

namespace alona {

[[nodiscard]] inline std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

}  // namespace alona
