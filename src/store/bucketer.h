// Readings of one series to buckets of min, sum, max and count. Readings may come in any order; the same time
// again replaces the earlier value (the latest written wins). Memory: one entry a reading until finish().
#pragma once

#include <vector>

#include "store/reader.h"

namespace alona::store {

class Bucketer {
 public:
  explicit Bucketer(const HistoryQuery& query) : query_(query) {}
  [[nodiscard]] const HistoryQuery& query() const { return query_; }
  // In the order they were written. Those outside of the query's span are passed over.
  void add(const ReadingRow& reading);
  [[nodiscard]] History finish();

 private:
  struct Point {
    UtcMs ts{};
    double value = 0;
  };
  HistoryQuery query_;
  std::vector<Point> points_;
  bool sorted_ = true;
};

// A width of 1, 2, 5, 10, 15, 30 s, 1, 2, 5 … min, 1 … h, 1 d … that needs at most `points_max` for the span.
[[nodiscard]] Ms bucket_width(Ms span, std::size_t points_max);

}  // namespace alona::store
