#include "store/shelf.h"

#include <algorithm>

#include "store/database.h"

namespace alona::store {

void settle(std::vector<ReadingRow>& rows) {
  std::ranges::stable_sort(rows, {}, &ReadingRow::ts);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i + 1 < rows.size() && rows[i + 1].ts == rows[i].ts) continue;
    rows[kept++] = rows[i];
  }
  rows.resize(kept);
}

void lay_over(const Columns& older, std::span<const ReadingRow> newer, Columns& out) {
  out.ts.clear(), out.values.clear(), out.flags.clear();
  const auto put = [&](std::int64_t ts, double value, std::uint8_t flags) {
    out.ts.push_back(ts), out.values.push_back(value), out.flags.push_back(flags);
  };
  std::size_t i = 0;
  for (const ReadingRow& r : newer) {
    for (; i < older.ts.size() && older.ts[i] < count(r.ts); ++i)
      put(older.ts[i], older.values[i], older.flags[i]);
    if (i < older.ts.size() && older.ts[i] == count(r.ts)) ++i;
    put(count(r.ts), r.value, r.flags);
  }
  for (; i < older.ts.size(); ++i) put(older.ts[i], older.values[i], older.flags[i]);
}

Columns part_of(const Columns& c, std::size_t at, std::size_t n) {
  const auto cut = [&](const auto& all) {
    return std::vector(all.begin() + static_cast<std::ptrdiff_t>(at),
                       all.begin() + static_cast<std::ptrdiff_t>(at + n));
  };
  return {cut(c.ts), cut(c.values), cut(c.flags)};
}

Shelf::Shelf(SQLite::Database& db)
    : epochs_(db, "SELECT min(epoch) FROM chunk WHERE series = ? AND epoch > ?"),
      at_or_before_(db,
                    "SELECT id, start, end, count FROM chunk WHERE series = ? AND epoch = ? AND start <= ? "
                    "AND damaged = 0 "
                    "ORDER BY start DESC LIMIT 1"),
      first_(db,
             "SELECT id, start, end, count FROM chunk WHERE series = ? AND epoch = ? AND damaged = 0 ORDER "
             "BY start LIMIT 1"),
      after_(db,
             "SELECT start FROM chunk WHERE series = ? AND epoch = ? AND start > ? AND damaged = 0 ORDER BY "
             "start LIMIT 1"),
      data_(db, "SELECT data FROM chunk WHERE id = ?"),
      remove_(db, "DELETE FROM chunk WHERE id = ?"),
      put_(db,
           "INSERT INTO chunk (series, start, end, count, min, max, sum, marks, data, epoch) "
           "VALUES (?,?,?,?,?,?,?,?,?,?)"),
      set_aside_(db, "UPDATE chunk SET damaged = 1 WHERE id = ?") {}

std::optional<ShelvedChunk> Shelf::row(SQLite::Statement& s) {
  std::optional<ShelvedChunk> found;
  if (s.executeStep()) {
    found = {s.getColumn(0).getInt64(), utc_ms(s.getColumn(1).getInt64()), utc_ms(s.getColumn(2).getInt64()),
             static_cast<std::uint32_t>(s.getColumn(3).getInt64())};
  }
  s.reset();
  return found;
}

// One step in the index for each.
std::vector<EpochNo> Shelf::epochs(SeriesNo series) {
  std::vector<EpochNo> found;
  for (int epoch = -1;;) {
    epochs_.bind(1, static_cast<int>(series)), epochs_.bind(2, epoch);
    const bool more = epochs_.executeStep() && !epochs_.getColumn(0).isNull();
    if (more) epoch = epochs_.getColumn(0).getInt();
    epochs_.reset();
    if (!more) return found;
    found.push_back(static_cast<EpochNo>(epoch));
  }
}

std::optional<ShelvedChunk> Shelf::place_of(SeriesNo series, UtcMs ts) {
  at_or_before_.bind(1, static_cast<int>(series)), at_or_before_.bind(2, epoch_);
  at_or_before_.bind(3, count(ts));
  if (auto found = row(at_or_before_)) return found;
  first_.bind(1, static_cast<int>(series)), first_.bind(2, epoch_);
  return row(first_);
}

std::optional<UtcMs> Shelf::start_after(SeriesNo series, UtcMs start) {
  after_.bind(1, static_cast<int>(series)), after_.bind(2, epoch_), after_.bind(3, count(start));
  std::optional<UtcMs> found;
  if (after_.executeStep()) found = utc_ms(after_.getColumn(0).getInt64());
  after_.reset();
  return found;
}

bool Shelf::read(ChunkCodec& codec, SeriesNo series, const ShelvedChunk& chunk, Columns& out) {
  data_.bind(1, chunk.id);
  bool whole = false;
  if (data_.executeStep()) {
    whole = codec.decode(series, blob(data_.getColumn(0)), out).has_value();
  }
  data_.reset();
  return whole;
}

void Shelf::set_aside(const ShelvedChunk& chunk) {
  set_aside_.bind(1, chunk.id);
  set_aside_.exec(), set_aside_.reset();
}

void Shelf::remove(const ShelvedChunk& chunk) {
  remove_.bind(1, chunk.id);
  remove_.exec(), remove_.reset();
}

void Shelf::put(SeriesNo series, const Chunk& chunk) {
  put_.bind(1, static_cast<int>(series));
  put_.bind(2, count(chunk.start)), put_.bind(3, count(chunk.end));
  put_.bind(4, static_cast<std::int64_t>(chunk.count));
  put_.bind(5, chunk.min), put_.bind(6, chunk.max), put_.bind(7, chunk.sum);
  put_.bind(8, int{chunk.marks});
  put_.bindNoCopy(9, chunk.bytes.data(), static_cast<int>(chunk.bytes.size()));
  put_.bind(10, epoch_);
  put_.exec(), put_.reset();
}

}  // namespace alona::store
