#include "store/bucketer.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "store/thin.h"

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

// With edges the width only says how long a gap must be to be told: a day.
Bucketer::Bucketer(const HistoryQuery& query) : query_(query) {
  if (query_.edges.size() > 1) history_.bucket = std::chrono::days{1};
}

Bucketer::Place Bucketer::place_of(std::int64_t ts) const {
  if (const auto& edges = query_.edges; edges.size() > 1) {
    const auto end = std::upper_bound(edges.begin() + 1, edges.end() - 1, utc_ms(ts));
    return {count(*std::prev(end)), count(*end)};
  }
  const std::int64_t width = history_.bucket.count();
  const std::int64_t into = ts % width;
  const std::int64_t start = ts - (into < 0 ? into + width : into);
  return {start, add_within(start, width)};
}

void Bucketer::add_one(std::int64_t ts, double value, std::uint8_t flags) {
  if ((flags & flag::excluded) != 0) return;
  // One by one, until they are too many to show so.
  if (history_.bucket == Ms{0} && history_.buckets.size() >= query_.points_max) widen();
  const std::uint32_t n = weight(ts, flags);
  const bool thinned = (flags & flag::thinned) != 0;
  const std::int64_t start = thinned ? thin_bucket_of(ts) * Ms{limits::thin_bucket}.count() : ts;
  lay({std::max(utc_ms(start), query_.from), value, value, n * value, n});
}

// What was thinned lies where its ten minutes begin, so that the three rows stay together, and readings that
// were left beside them may lie later.
void Bucketer::lay(Bucket one) {
  if (history_.bucket != Ms{0}) one.start = utc_ms(place_of(count(one.start)).start);
  std::vector<Bucket>& buckets = history_.buckets;
  auto at = buckets.end();
  while (at != buckets.begin() && std::prev(at)->start > one.start) --at;
  if (at == buckets.begin() || std::prev(at)->start != one.start) {
    buckets.insert(at, one);
    return;
  }
  Bucket& b = *std::prev(at);
  b.min = std::min(b.min, one.min);
  b.max = std::max(b.max, one.max);
  b.sum += one.sum;
  b.n += one.n;
}

// None excluded or thinned, and buckets have a width. A bucket at a time: where it ends is reckoned once, not
// for each reading.
void Bucketer::add_to_grid(const Slice& slice) {
  std::vector<Bucket>& buckets = history_.buckets;
  const std::size_t n = slice.ts.size();
  const std::int64_t* const ts = slice.ts.data();
  const double* const values = slice.values.data();
  for (std::size_t i = 0; i < n;) {
    const auto [start, end] = place_of(ts[i]);
    if (buckets.empty() || count(buckets.back().start) != start)
      buckets.push_back({utc_ms(start), values[i], values[i], 0, 0});
    Bucket b = buckets.back();
    const std::size_t begun = i;
    for (; i < n && ts[i] < end; ++i) {
      const double value = values[i];
      b.min = std::min(b.min, value);
      b.max = std::max(b.max, value);
      b.sum += value;
    }
    b.n += static_cast<std::uint32_t>(i - begun);
    buckets.back() = b;
  }
}

void Bucketer::add(const Slice& all) {
  const auto at = [&](UtcMs t) {
    return static_cast<std::size_t>(std::ranges::lower_bound(all.ts, count(t)) - all.ts.begin());
  };
  const std::size_t begin = at(query_.from);
  const std::size_t n = std::max(at(query_.to), begin) - begin;
  Slice slice{all.ts.subspan(begin, n), all.values.subspan(begin, n), all.flags.subspan(begin, n)};
  unsigned marks = 0;
  for (const std::uint8_t flags : slice.flags) marks |= flags;
  std::size_t i = 0;
  while (i < n && (history_.bucket == Ms{0} || (marks & (flag::excluded | flag::thinned)) != 0)) {
    add_one(slice.ts[i], slice.values[i], slice.flags[i]);
    ++i;
  }
  if (i < n) add_to_grid({slice.ts.subspan(i), slice.values.subspan(i), slice.flags.subspan(i)});
}

bool Bucketer::add_whole(const ChunkHead& chunk) {
  if (!chunk.marks || (*chunk.marks & flag::excluded) != 0) return false;
  std::vector<Bucket>& buckets = history_.buckets;
  if (history_.bucket == Ms{0}) {
    if (buckets.size() + chunk.count <= query_.points_max) return false;
    widen();
  }
  const auto [start, end] = place_of(count(chunk.start));
  if (chunk.start < query_.from || chunk.end >= query_.to || count(chunk.end) >= end) return false;
  if (buckets.empty() || count(buckets.back().start) != start)
    buckets.push_back({utc_ms(start), chunk.min, chunk.max, 0, 0});
  Bucket& b = buckets.back();
  b.min = std::min(b.min, chunk.min);
  b.max = std::max(b.max, chunk.max);
  b.sum += chunk.sum;
  b.n += chunk.count;
  return true;
}

void Bucketer::widen() {
  const std::vector<Bucket> each = std::exchange(history_.buckets, {});
  history_.bucket = bucket_width(query_.to - query_.from, query_.points_max);
  for (const Bucket& b : each) lay(b);
}

// Where the span cuts ten thinned minutes off before their mean, nobody knows one.
History Bucketer::finish() {
  std::erase_if(history_.buckets, [](const Bucket& b) { return b.n == 0; });
  return std::move(history_);
}

}  // namespace alona::store
