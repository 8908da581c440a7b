// Durations and sizes as a person writes them: "500ms", "1s", "2 h", "30d", "500 MiB". A number without a
// unit is refused: nobody can know what it meant. Any thread; no state.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/time.h"

namespace alona::ops {

[[nodiscard]] std::optional<Ms> parse_duration(std::string_view text);         // ms, s, min, h, d, y (365 d)
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);  // B, KiB, MiB, GiB, TiB
[[nodiscard]] std::optional<std::chrono::minutes> parse_time_of_day(std::string_view text);  // "03:15"

// How many single-character edits lie between the two: for "did you mean".
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace alona::ops
