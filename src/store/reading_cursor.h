// Inside the store only: readings pulled row by row, series by series (by node, sensor, unit), oldest first,
// each time once. Within one statement's or transaction's moment it is one picture. One thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/reader_impl.h"

namespace alona::store {

struct CursorFilter {
  std::optional<std::string> node, sensor, unit;
  UtcMs from = UtcMs::min(), to = UtcMs::max();  // [from, to)
};

// Stretches that can't be read, such as damaged chunks.
struct Damaged {
  std::size_t stretches = 0;
  UtcMs first{};
};

class ReadingCursor final : private MergeSink {
 public:
  // `damaged` hears of what it passes over. Throws SQLite::Exception, as all of these do.
  ReadingCursor(ReaderAccess::Impl& reader, CursorFilter filter, Damaged& damaged)
      : reader_(reader),
        filter_(std::move(filter)),
        damaged_(damaged),
        shifts_(*reader.db),
        merge_(reader.merge(shifts_)) {}
  ReadingCursor(const ReadingCursor&) = delete;
  ReadingCursor& operator=(const ReadingCursor&) = delete;

  struct Series {
    SeriesNo no{};
    std::string node, sensor, unit;
  };
  void begin();  // to the first row
  void next();
  [[nodiscard]] bool at_end() const { return row_ >= block_.size(); }
  [[nodiscard]] const ReadingRow& row() const { return block_[row_]; }
  [[nodiscard]] const Series& series() const { return series_[of_block_]; }

 private:
  void fill();
  bool take(const Slice& slice) override;
  void gap(UtcMs from, UtcMs to) override;

  ReaderAccess::Impl& reader_;
  CursorFilter filter_;
  Damaged& damaged_;
  ClockShifts shifts_;
  SeriesMerge merge_;
  std::vector<Series> series_;
  Newer newer_;
  std::size_t next_series_ = 0, of_block_ = 0;
  UtcMs from_{};  // of the next block of series next_series_
  std::vector<ReadingRow> block_;
  std::size_t row_ = 0;
};

}  // namespace alona::store
