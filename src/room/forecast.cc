#include "room/forecast.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/limits.h"

namespace alona::room {

Forecast forecast(std::span<const store::WearRow> days, std::uint64_t room, std::int32_t today) {
  std::vector<store::WearRow> used;
  for (const store::WearRow& row : days) {
    if (row.day <= today && row.day > today - limits::forecast_days) used.push_back(row);
  }
  if (used.size() < static_cast<std::size_t>(limits::forecast_days_min))
    return {{}, {}, fmt::format("not known yet: it takes {} days", limits::forecast_days_min)};
  // A jump lies in at most one part in three of these spans, so it never is their middle.
  const std::size_t lag = std::clamp<std::size_t>(used.size() / 4, 1, 7);
  std::vector<double> growth;
  for (std::size_t b = lag; b < used.size(); ++b) {
    const store::WearRow &from = used[b - lag], &to = used[b];
    growth.push_back((static_cast<double>(from.free_bytes) - static_cast<double>(to.free_bytes)) /
                     (to.day - from.day));
  }
  const auto middle = growth.begin() + static_cast<std::ptrdiff_t>(growth.size() / 2);
  std::ranges::nth_element(growth, middle);
  const auto bytes = static_cast<std::int64_t>(*middle);
  if (bytes <= 0) return {{}, bytes, "free space isn't shrinking"};
  const double left = static_cast<double>(room) / static_cast<double>(bytes);
  return {static_cast<int>(std::min<double>(left, limits::forecast_days_left_max)), bytes, {}};
}

}  // namespace alona::room
