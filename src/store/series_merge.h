// Inside the store only: the readings of one series, sealed and newer, in the order of true time. They come
// from as many sources as there are: the chunks of each stretch of the core's clock (table clock_epoch), each
// moved by what is known of that clock's error, and the log. Handed over in slices of columns, as a call a
// reading costs more than all the rest. Memory: one decoded chunk for each source that is open at a time, and
// the newer readings.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "store/chunk.h"
#include "store/rows.h"

namespace alona::store {

// Ascending, no two times equal. Valid until the call it is handed to returns.
struct Slice {
  std::span<const std::int64_t> ts;  // ms UTC
  std::span<const double> values;
  std::span<const std::uint8_t> flags;
};

// What a chunk says of itself without being unpacked.
struct ChunkHead {
  std::int64_t id = 0;
  UtcMs start{}, end{};  // of the first and the last reading, true time
  std::uint32_t count = 0;
  double min = 0, max = 0, sum = 0;
  std::optional<std::uint8_t> marks;  // the flags of all its readings in one; nothing: not known
  bool damaged = false;
};

class MergeSink {
 public:
  virtual ~MergeSink() = default;
  // False: enough.
  virtual bool take(const Slice& slice) = 0;
  // The next readings are all those of this chunk, and nothing lies between them. False: unpack it.
  virtual bool take_whole(const ChunkHead&) { return false; }
  // A damaged chunk, passed over.
  virtual void gap(UtcMs, UtcMs) {}
};

// How far each stretch of the core's clock was off.
class ClockShifts {
 public:
  explicit ClockShifts(SQLite::Database& db);  // throws SQLite::Exception
  ClockShifts() = default;
  [[nodiscard]] std::int64_t of(EpochNo epoch) const {
    if (shifts_.empty()) return 0;
    const auto it = shifts_.find(epoch);
    return it == shifts_.end() ? 0 : it->second;
  }
  void set(EpochNo epoch, Ms shift);
  [[nodiscard]] UtcMs true_time(EpochNo epoch, UtcMs ts) const;
  [[nodiscard]] UtcMs true_time(const ReadingRow& r) const { return true_time(r.epoch, r.ts); }
  // The least and the most of them, and 0: a row written at t lies within [t + least, t + most].
  [[nodiscard]] std::int64_t least() const;
  [[nodiscard]] std::int64_t most() const;

 private:
  std::map<EpochNo, std::int64_t> shifts_;  // those that aren't 0
};

// a + b, kept within what 64 bits hold: the ends of time stay the ends of time.
[[nodiscard]] constexpr std::int64_t add_within(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b > 0 ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min();
}

// For one thread, one transaction. Throws SQLite::Exception.
class SeriesMerge {
 public:
  SeriesMerge(SQLite::Database& db, ChunkCodec& codec, const ClockShifts& shifts);
  // Those in [from, to). `newer`: from the log, in true time, ascending, no two times equal. Of the same time
  // the log's wins, then that of the later stretch. False: the sink had enough.
  bool run(SeriesNo series, std::span<const ReadingRow> newer, UtcMs from, UtcMs to, MergeSink& sink);

 private:
  static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
  struct Source {
    EpochNo epoch{};
    std::int64_t shift = 0;
    SQLite::Statement* heads = nullptr;  // of the chunks behind `next`; none: the log, or no more
    std::optional<ChunkHead> next;       // not unpacked yet
    Columns open;
    std::size_t at = 0;  // the next reading in `open`

    [[nodiscard]] bool is_open() const { return at < open.ts.size(); }
    [[nodiscard]] std::int64_t head() const {
      if (is_open()) return open.ts[at];
      return next ? count(next->start) : never;
    }
  };
  void begin(std::span<const ReadingRow> newer);
  void begin_epoch(EpochNo epoch);
  bool merge(MergeSink& sink);
  void next_chunk(Source& source);
  void open(Source& source, MergeSink& sink);
  [[nodiscard]] bool whole(const Source& source, std::int64_t limit) const;

  ChunkCodec& codec_;
  const ClockShifts& shifts_;
  SQLite::Database& db_;
  SQLite::Statement epochs_, first_, data_;
  std::deque<SQLite::Statement> heads_;  // each walks the index once; one a source
  SeriesNo series_{};
  std::int64_t from_ = 0, to_ = 0;
  std::vector<Source> sources_;  // of the same time the later one's counts
};

}  // namespace alona::store
