// How long the room on the disk lasts, from the ledger of the last 30 days. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "store/wear.h"

namespace alona::room {

struct Forecast {
  std::optional<int> days_left;             // until storing stops; at most limits::forecast_days_left_max
  std::optional<std::int64_t> bytes_a_day;  // by which free space shrinks; negative: it grows
  std::string why;                          // where there are no days: not known yet, or not shrinking
};

// `days`: ascending by day, of any number. `room`: free now, above what storing stops at. `today`: later days
// come from a clock that was wrong, and don't count. The median of the growth over any seven days (fewer
// while few are known): one large copy made or deleted by hand doesn't change it.
[[nodiscard]] Forecast forecast(std::span<const store::WearRow> days, std::uint64_t room, std::int32_t today);

}  // namespace alona::room
