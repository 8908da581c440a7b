// Thinning, when the disk is nearly full and the owner allows it: the oldest chunks, a few of a series at a
// time, make a smaller one. Each slice is a transaction, so that whatever ends it leaves either the old
// chunks or the new one.
#include "store/thin.h"
#include "store/writer_impl.h"

namespace alona::store {
namespace {

struct Candidate {
  ShelvedChunk chunk;
  bool wanted = false;
};

// From `start` on, in order; one more than may be taken together, for who comes next matters.
std::vector<Candidate> candidates(SQLite::Database& db, SeriesNo series, UtcMs start, UtcMs before) {
  SQLite::Statement rows{
      db,
      "SELECT id, start, end, count, thinned = 0 AND damaged = 0 AND end < ?3 "
      "FROM chunk WHERE series = ?1 AND epoch = 0 AND start >= ?2 ORDER BY start LIMIT ?4"};
  rows.bind(1, static_cast<int>(series)), rows.bind(2, count(start)), rows.bind(3, count(before));
  rows.bind(4, static_cast<std::int64_t>(limits::thin_chunks + 1));
  std::vector<Candidate> found;
  while (rows.executeStep()) {
    found.push_back(
        {{rows.getColumn(0).getInt64(), utc_ms(rows.getColumn(1).getInt64()),
          utc_ms(rows.getColumn(2).getInt64()), static_cast<std::uint32_t>(rows.getColumn(3).getInt64())},
         rows.getColumn(4).getInt() != 0});
  }
  return found;
}

// Where the chunk before this one ends, its bucket.
std::optional<std::int64_t> bucket_before(SQLite::Database& db, SeriesNo series, UtcMs start) {
  SQLite::Statement last{
      db, "SELECT end FROM chunk WHERE series = ? AND epoch = 0 AND start < ? ORDER BY start DESC LIMIT 1"};
  last.bind(1, static_cast<int>(series)), last.bind(2, count(start));
  if (!last.executeStep()) return {};
  return thin_bucket_of(last.getColumn(0).getInt64());
}

void append(Columns& to, const Columns& more) {
  to.ts.insert(to.ts.end(), more.ts.begin(), more.ts.end());
  to.values.insert(to.values.end(), more.values.begin(), more.values.end());
  to.flags.insert(to.flags.end(), more.flags.begin(), more.flags.end());
}

// How many rows from `at` on make the next chunk: three that belong together stay together.
std::size_t piece(const Columns& c, std::size_t at) {
  const std::size_t full = std::min(limits::chunk_readings_max, c.ts.size() - at);
  if (at + full == c.ts.size()) return full;
  std::size_t rows = full;
  while (rows > 1 && thin_bucket_of(c.ts[at + rows - 1]) == thin_bucket_of(c.ts[at + rows])) --rows;
  return rows > 1 ? rows : full;
}

}  // namespace

void Writer::Impl::start_thinning(UtcMs before) {
  thinning = std::make_unique<Thinning>();
  thinning->before = before;
  SQLite::Statement series{
      *db, "SELECT no, (SELECT min(start) FROM chunk WHERE series = series.no AND epoch = 0) FROM series"};
  while (series.executeStep()) {
    if (series.getColumn(1).isNull()) continue;
    thinning->next.emplace(utc_ms(series.getColumn(1).getInt64()),
                           static_cast<SeriesNo>(series.getColumn(0).getInt()));
  }
}

// The oldest that nobody has looked at: thins it, with those behind it, or passes it over.
Result<void> Writer::Impl::thin_next(Shelf& shelf) {
  const auto [start, series] = *thinning->next.begin();
  thinning->next.erase(thinning->next.begin());
  if (start >= thinning->before) return {};
  const auto found = candidates(*db, series, start, thinning->before);
  if (found.empty()) return {};
  std::size_t n = 0;
  while (n < std::min(found.size(), limits::thin_chunks) && found[n].wanted) ++n;
  const std::size_t behind = std::max<std::size_t>(n, 1);  // what isn't wanted is passed over, one at a time
  const UtcMs last_end = found[behind - 1].chunk.end;
  const bool more = behind < found.size();
  thinning->next.emplace(more ? found[behind].chunk.start : last_end + Ms{1}, series);
  if (n == 0) return {};
  Columns in, one, out;
  for (std::size_t i = 0; i < n; ++i) {
    if (!shelf.read(thinning->codec, series, found[i].chunk, one)) {
      shelf.set_aside(found[i].chunk);
      thinning->next.emplace(start, series);  // without it, from the beginning
      return {};
    }
    append(in, one);
  }
  const bool shared_head = bucket_before(*db, series, start) == thin_bucket_of(in.ts.front());
  const bool shared_tail =
      more && thin_bucket_of(count(found[n].chunk.start)) == thin_bucket_of(in.ts.back());
  thin(in, shared_head, shared_tail, out);
  SQLite::Statement mark{*db, "UPDATE chunk SET thinned = 1 WHERE id = ?"};
  const auto marked = [&](std::int64_t id) {
    mark.bind(1, id);
    mark.exec(), mark.reset();
  };
  // Little to gain: wearing the card for it would cost more than it brings.
  if (10 * out.ts.size() > 9 * in.ts.size()) {
    for (std::size_t i = 0; i < n; ++i) marked(found[i].chunk.id);
    return {};
  }
  for (std::size_t i = 0; i < n; ++i) shelf.remove(found[i].chunk);
  for (std::size_t at = 0, rows = 0; at < out.ts.size(); at += rows) {
    rows = piece(out, at);
    auto chunk = thinning->codec.encode(series, part_of(out, at, rows));
    if (!chunk) return std::unexpected(chunk.error());
    shelf.put(series, *chunk);
    marked(db->getLastInsertRowid());
  }
  return {};
}

Result<bool> Writer::thin_some(UtcMs before, Ms budget) {
  Impl& i = *impl_;
  if (i.outcome_unknown)
    return fail(Errc::outcome_unknown, i.path + ": an earlier commit's outcome is unknown");
  const auto deadline = std::chrono::steady_clock::now() + budget;
  auto done = guarded(i.path, [&]() -> Result<bool> {
    if (!i.thinning) i.start_thinning(before);
    SQLite::Transaction transaction{*i.db, SQLite::TransactionBehavior::IMMEDIATE};
    {
      Shelf shelf{*i.db};
      do {
        if (i.thinning->next.empty()) break;
        if (auto thinned = i.thin_next(shelf); !thinned) return std::unexpected(thinned.error());
      } while (std::chrono::steady_clock::now() < deadline);
    }
    transaction.commit();
    return !i.thinning->next.empty();
  });
  if (done && *done && **done) return true;
  i.thinning.reset();  // a later call looks anew: what is thinned is passed over
  if (done) return *done;
  i.outcome_unknown = true;
  return std::unexpected(done.error());
}

}  // namespace alona::store
