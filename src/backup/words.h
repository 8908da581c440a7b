// Inside the backup room only: the small texts kept beside sets are lines of words, one space between them.
#pragma once

#include <algorithm>
#include <string_view>

namespace alona::backup {

// What stands before the first `end`, or all; `text` begins behind it then.
[[nodiscard]] inline std::string_view take(std::string_view& text, char end) {
  const std::size_t at = std::min(text.find(end), text.size());
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return taken;
}

}  // namespace alona::backup
