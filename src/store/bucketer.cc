#include "store/bucketer.h"

#include <algorithm>
#include <array>
#include <utility>

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
  std::vector<Bucket>& buckets = history_.buckets;
  // One by one, until they are too many to show so.
  if (history_.bucket == Ms{0} && buckets.size() >= query_.points_max) widen();
  const UtcMs start =
      history_.bucket == Ms{0} ? reading.ts : reading.ts - (reading.ts.time_since_epoch() % history_.bucket);
  if (buckets.empty() || buckets.back().start != start) {
    buckets.push_back({start, reading.value, reading.value, reading.value, 1});
    return;
  }
  Bucket& b = buckets.back();
  b.min = std::min(b.min, reading.value);
  b.max = std::max(b.max, reading.value);
  b.sum += reading.value;
  ++b.n;
}

void Bucketer::widen() {
  const std::vector<Bucket> each = std::exchange(history_.buckets, {});
  history_.bucket = bucket_width(query_.to - query_.from, query_.points_max);
  for (const Bucket& b : each) add({query_.series, b.start, b.sum, 0});
}

}  // namespace alona::store
