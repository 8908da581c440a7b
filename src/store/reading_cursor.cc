#include "store/reading_cursor.h"

#include <algorithm>

namespace alona::store {
namespace {

// Where a block ends within a chunk, that chunk is decoded once more: a few chunks long, it costs little.
constexpr std::size_t block_rows = 4 * limits::chunk_readings_max;

void bind_text(SQLite::Statement& s, int at, const std::optional<std::string>& text) {
  text ? s.bind(at, *text) : s.bind(at);
}

}  // namespace

void ReadingCursor::begin() {
  SQLite::Statement names{
      *reader_.db,
      "SELECT series.no, node.id, sensor, unit FROM series JOIN node ON node.no = series.node "
      "WHERE (?1 IS NULL OR node.id = ?1) AND (?2 IS NULL OR sensor = ?2) AND (?3 IS NULL OR unit = ?3) "
      "ORDER BY 2, 3, 4"};
  bind_text(names, 1, filter_.node), bind_text(names, 2, filter_.sensor), bind_text(names, 3, filter_.unit);
  while (names.executeStep()) {
    const auto no = static_cast<SeriesNo>(names.getColumn(0).getInt());
    series_.push_back(
        {no, names.getColumn(1).getString(), names.getColumn(2).getString(), names.getColumn(3).getString()});
    newer_[no];
  }
  if (filter_.from >= filter_.to) series_.clear();
  if (!series_.empty()) {
    reader_.scan_hot(newer_, shifts_, filter_.from, filter_.to,
                     [this](UtcMs from, UtcMs to) { gap(from, to); });
  }
  from_ = filter_.from;
  fill();
}

void ReadingCursor::next() {
  if (++row_ >= block_.size()) fill();
}

void ReadingCursor::fill() {
  block_.clear();
  row_ = 0;
  while (block_.empty() && next_series_ < series_.size()) {
    of_block_ = next_series_;
    const SeriesNo no = series_[of_block_].no;
    std::vector<ReadingRow>& newer = newer_[no];
    newer.erase(newer.begin(), std::ranges::lower_bound(newer, from_, {}, &ReadingRow::ts));
    const bool all = merge_.run(no, newer, from_, filter_.to, *this);
    if (all) newer_.erase(no), ++next_series_;
    from_ = all ? filter_.from : block_.back().ts + Ms{1};
  }
}

bool ReadingCursor::take(const Slice& slice) {
  for (std::size_t i = 0; i < slice.ts.size(); ++i) {
    if (block_.size() == block_rows) return false;
    block_.push_back({series_[of_block_].no, utc_ms(slice.ts[i]), slice.values[i], slice.flags[i]});
  }
  return true;
}

void ReadingCursor::gap(UtcMs from, UtcMs to) {
  if (from >= filter_.to || to < filter_.from) return;
  if (damaged_.stretches++ == 0) damaged_.first = from;
}

}  // namespace alona::store
