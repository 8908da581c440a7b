// A reading's flags as the word that export, import and `alona sql` share: whose time it is, and its marks
// behind it, such as "receipt" or "provisional+late". No state; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace alona::store {

// Every flag has its place in it, so that parse_quality gives the same eight bits.
[[nodiscard]] std::string quality_text(std::uint8_t flags);
// Nothing: it isn't one.
[[nodiscard]] std::optional<std::uint8_t> parse_quality(std::string_view text);

}  // namespace alona::store
