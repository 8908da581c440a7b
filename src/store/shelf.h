// Inside the store only: the chunks of a series on the disk, and how readings newer than them are laid over
// them. The whole chunks of one series and epoch never overlap; a damaged one is set aside and counts for
// nothing.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <optional>
#include <span>
#include <vector>

#include "store/chunk.h"
#include "store/rows.h"

namespace alona::store {

// Ascending by time; of the same time only the last, which was written last.
void settle(std::vector<ReadingRow>& rows);

// Both ascending; of the same time the newer counts. Replaces `out`.
void lay_over(const Columns& older, std::span<const ReadingRow> newer, Columns& out);

// n of them from `at` on.
[[nodiscard]] Columns part_of(const Columns& columns, std::size_t at, std::size_t n);

struct ShelvedChunk {
  std::int64_t id = 0;
  UtcMs start{}, end{};
  std::uint32_t count = 0;
};

// Its statements stand for as long as it does. Throws SQLite::Exception.
class Shelf {
 public:
  explicit Shelf(SQLite::Database& db);
  // Which stretch of the core's clock the next calls are about; 0 before the first.
  void of_epoch(EpochNo epoch) { epoch_ = static_cast<int>(epoch); }
  // Those that the series has chunks of, ascending.
  [[nodiscard]] std::vector<EpochNo> epochs(SeriesNo series);
  // The chunk that a reading of this time belongs to: the last that begins no later; else the first there is.
  [[nodiscard]] std::optional<ShelvedChunk> place_of(SeriesNo series, UtcMs ts);
  // Where the next one begins.
  [[nodiscard]] std::optional<UtcMs> start_after(SeriesNo series, UtcMs start);
  // False: it is damaged.
  [[nodiscard]] bool read(ChunkCodec& codec, SeriesNo series, const ShelvedChunk& chunk, Columns& out);
  void set_aside(const ShelvedChunk& chunk);
  void remove(const ShelvedChunk& chunk);
  void put(SeriesNo series, const Chunk& chunk);

 private:
  [[nodiscard]] static std::optional<ShelvedChunk> row(SQLite::Statement& s);
  int epoch_ = 0;
  SQLite::Statement epochs_, at_or_before_, first_, after_, data_, remove_, put_, set_aside_;
};

}  // namespace alona::store
