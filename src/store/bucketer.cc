#include "store/bucketer.h"

#include <algorithm>
#include <array>

namespace alona::store {

Ms bucket_width(Ms span, std::size_t points_max) {
  using namespace std::chrono_literals;
  constexpr auto nice = std::to_array<Ms>({1s,    2s, 5s, 10s, 15s, 30s, 1min, 2min, 5min, 10min, 15min,
                                           30min, 1h, 2h, 3h,  6h,  12h, 24h,  48h,  168h, 336h,  720h});
  const auto points = static_cast<std::int64_t>(std::max<std::size_t>(points_max, 1));
  // One bucket more than the span holds, for its ends needn't lie on the grid.
  for (const Ms width : nice) {
    if (span.count() / width.count() + 1 < points) return width;
  }
  return Ms{(span.count() / (points * 86'400'000) + 1) * 86'400'000};
}

void Bucketer::add(const ReadingRow& reading) {
  if (reading.ts < query_.from || reading.ts >= query_.to || (reading.flags & flag::excluded) != 0) return;
  sorted_ = sorted_ && (points_.empty() || points_.back().ts < reading.ts);
  points_.push_back({reading.ts, reading.value});
}

History Bucketer::finish() {
  if (!sorted_) {
    std::ranges::stable_sort(points_, {}, &Point::ts);
    // Of equal times the last, which was written last.
    std::size_t kept = 0;
    for (std::size_t i = 0; i < points_.size(); ++i) {
      if (i + 1 < points_.size() && points_[i + 1].ts == points_[i].ts) continue;
      points_[kept++] = points_[i];
    }
    points_.resize(kept);
  }
  History history;
  const bool each = points_.size() <= query_.points_max;
  if (!each) history.bucket = bucket_width(query_.to - query_.from, query_.points_max);
  for (const Point& p : points_) {
    const UtcMs start = each ? p.ts : p.ts - (p.ts.time_since_epoch() % history.bucket);
    if (history.buckets.empty() || history.buckets.back().start != start) {
      history.buckets.push_back({start, p.value, p.value, 0, 0});
    }
    Bucket& b = history.buckets.back();
    b.min = std::min(b.min, p.value);
    b.max = std::max(b.max, p.value);
    b.sum += p.value;
    ++b.n;
  }
  return history;
}

}  // namespace alona::store
