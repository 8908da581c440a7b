// Readings of one series to buckets of min, sum, max and count, in one pass; memory: the buckets. What was
// thinned comes as what it stands for, never finer than ten minutes.
#pragma once

#include <vector>

#include "store/reader.h"
#include "store/series_merge.h"

namespace alona::store {

class Bucketer {
 public:
  explicit Bucketer(const HistoryQuery& query);
  // In ascending order of time. Those outside of the query's span and those excluded by hand are passed over.
  void add(const Slice& slice);
  // A chunk's readings by what its head says of them; false where that isn't enough: they lie in more than
  // one bucket, one may be excluded, or all are few enough to be shown one by one.
  [[nodiscard]] bool add_whole(const ChunkHead& chunk);
  [[nodiscard]] History finish();

 private:
  void lay(Bucket one);
  void add_one(std::int64_t ts, double value, std::uint8_t flags);
  void add_to_grid(const Slice& slice);
  // Which bucket it belongs to.
  struct Place {
    std::int64_t start = 0, end = 0;
  };
  [[nodiscard]] Place place_of(std::int64_t ts) const;
  void widen();
  HistoryQuery query_;
  History history_;
};

// A width of 1, 2, 5, 10, 15, 30 s, 1, 2, 5 … min, 1 … h, 1 d … that needs at most `points_max` for the span.
[[nodiscard]] Ms bucket_width(Ms span, std::size_t points_max);

}  // namespace alona::store
