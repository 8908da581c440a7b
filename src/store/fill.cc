#include "store/fill.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include "base/files.h"
#include "store/checksum_vfs.h"
#include "store/chunk.h"
#include "store/database.h"
#include "store/fill_rows.h"
#include "store/hot_log.h"
#include "store/shelf.h"

namespace alona::store {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t steps_a_transaction = 200;

struct Place {
  SeriesNo series{};
  EpochNo epoch{};
  auto operator<=>(const Place&) const = default;
};
using Rows = std::map<Place, std::vector<ReadingRow>>;

std::vector<ReadingRow> rows_of(const Columns& columns) {
  std::vector<ReadingRow> rows;
  rows.reserve(columns.ts.size());
  for (std::size_t i = 0; i < columns.ts.size(); ++i)
    rows.push_back({{}, utc_ms(columns.ts[i]), columns.values[i], columns.flags[i]});
  return rows;
}

// Of the ten minutes that a thinned row stands for.
UtcMs end_of_bucket(UtcMs t) {
  constexpr Ms bucket = std::chrono::minutes{10};
  return std::chrono::floor<std::chrono::duration<std::int64_t, std::ratio<600>>>(t) + bucket - Ms{1};
}

class Filler {
 public:
  Filler(SQLite::Database& from, SQLite::Database& to, const std::function<bool()>& go_on, FillReport& report)
      : from_(from), to_(to), go_on_(go_on), report_(report), shelf_(to) {}

  void run() {
    to_.exec("BEGIN");
    load_epochs();
    chunks();
    log_of_commits();
    gaps();
    to_.exec("COMMIT");
  }

 private:
  void step() {
    if (++steps_ % steps_a_transaction != 0) return;
    to_.exec("COMMIT; BEGIN");
    if (!go_on_()) throw SQLite::Exception("given up", SQLITE_INTERRUPT);
  }

  // A stretch of the core's clock that was settled since is part of epoch 0 by now, at the same times.
  void load_epochs() {
    SQLite::Statement rows{to_,
                           "SELECT no, settled AND NOT EXISTS (SELECT 1 FROM chunk WHERE chunk.epoch = no) "
                           "FROM clock_epoch"};
    while (rows.executeStep())
      epochs_[static_cast<EpochNo>(rows.getColumn(0).getInt())] =
          rows.getColumn(1).getInt() != 0 ? EpochNo{} : static_cast<EpochNo>(rows.getColumn(0).getInt());
    epochs_[EpochNo{}] = EpochNo{};
  }

  [[nodiscard]] std::optional<EpochNo> epoch_here(EpochNo there) const {
    const auto it = epochs_.find(there);
    return it == epochs_.end() ? std::nullopt : std::optional{it->second};
  }

  // ---- sealed history ----

  void chunks() {
    SQLite::Statement rows{
        from_,
        "SELECT id, series, epoch, start, end, count, min, max, sum, marks, thinned, data FROM chunk "
        "WHERE damaged = 0 ORDER BY series, epoch, start"};
    SQLite::Statement overlapping{
        to_,
        "SELECT count(*), min(start), min(end), min(count) FROM chunk WHERE series = ?1 AND epoch = ?2 AND "
        "damaged = 0 AND end >= ?3 AND start <= ?4 AND start >= coalesce((SELECT max(start) FROM chunk WHERE "
        "series = ?1 AND epoch = ?2 AND damaged = 0 AND start <= ?3), ?3)"};
    while (rows.executeStep()) {
      step();
      const auto epoch = epoch_here(static_cast<EpochNo>(rows.getColumn(2).getInt()));
      if (!epoch) continue;
      const Place place{static_cast<SeriesNo>(rows.getColumn(1).getInt()), *epoch};
      const std::int64_t start = rows.getColumn(3).getInt64(), end = rows.getColumn(4).getInt64();
      overlapping.bind(1, static_cast<int>(place.series)), overlapping.bind(2, static_cast<int>(*epoch));
      overlapping.bind(3, start), overlapping.bind(4, end);
      overlapping.executeStep();
      const int there = overlapping.getColumn(0).getInt();
      const bool same = there == 1 && overlapping.getColumn(1).getInt64() == start &&
                        overlapping.getColumn(2).getInt64() == end &&
                        overlapping.getColumn(3).getInt64() == rows.getColumn(5).getInt64();
      overlapping.reset();
      if (same) continue;
      if (!codec_.decode(place.series, blob(rows.getColumn(11)), columns_)) continue;
      there == 0 ? put_as_it_is(rows, place) : merge(place, rows_of(columns_));
    }
  }

  void put_as_it_is(SQLite::Statement& row, const Place& place) {
    SQLite::Statement put{
        to_,
        "INSERT INTO chunk (series, epoch, start, end, count, min, max, sum, marks, thinned, "
        "data) VALUES (?,?,?,?,?,?,?,?,?,?,?)"};
    put.bind(1, static_cast<int>(place.series)), put.bind(2, static_cast<int>(place.epoch));
    for (int column = 3; column <= 5; ++column) put.bind(column, row.getColumn(column).getInt64());
    for (int column = 6; column <= 8; ++column) put.bind(column, row.getColumn(column).getDouble());
    if (!row.getColumn(9).isNull()) put.bind(9, row.getColumn(9).getInt());
    put.bind(10, row.getColumn(10).getInt());
    const auto data = blob(row.getColumn(11));
    put.bindNoCopy(11, data.data(), static_cast<int>(data.size()));
    put.exec();
    report_.readings += static_cast<std::uint64_t>(row.getColumn(5).getInt64());
  }

  // What is there counts; readings that it lacks come in. What was thinned since stays so. `rows`: ascending.
  void merge(const Place& at, const std::vector<ReadingRow>& rows) {
    shelf_.of_epoch(at.epoch);
    std::span<const ReadingRow> left{rows};
    while (!left.empty()) {
      const auto chunk = shelf_.place_of(at.series, left.front().ts);
      const auto next = chunk ? shelf_.start_after(at.series, chunk->start) : std::nullopt;
      const auto end = std::ranges::find_if(left, [&](const ReadingRow& r) { return next && r.ts >= *next; });
      const auto group = left.first(static_cast<std::size_t>(end - left.begin()));
      left = left.subspan(group.size());
      merge_group(at.series, chunk, group);
    }
  }

  void merge_group(SeriesNo series, const std::optional<ShelvedChunk>& chunk,
                   std::span<const ReadingRow> group) {
    Columns copy, older, merged;
    bool apart = !chunk || group.front().ts > end_of_bucket(chunk->end) || group.back().ts < chunk->start;
    if (!apart && !shelf_.read(codec_, series, *chunk, older)) return;
    const auto is_thinned = [](std::uint8_t f) { return (f & flag::thinned) != 0; };
    if (!apart && std::ranges::any_of(older.flags, is_thinned)) {
      // Only what lies behind it; of its own stretch it says what was to stay.
      const auto behind =
          std::ranges::find_if(group, [&](const ReadingRow& r) { return r.ts > end_of_bucket(chunk->end); });
      group = group.subspan(static_cast<std::size_t>(behind - group.begin()));
      if (group.empty()) return;
      apart = true, older = {};
    } else if (!apart && group.front().ts > chunk->end) {
      apart = true, older = {};
    }
    lay_over({}, group, copy);
    lay_over(copy, rows_of(older), merged);
    if (merged.ts.size() == older.ts.size()) return;
    report_.readings += merged.ts.size() - older.ts.size();
    if (!apart) shelf_.remove(*chunk);
    for (std::size_t from = 0; from < merged.ts.size(); from += limits::chunk_readings_max) {
      const std::size_t n = std::min(limits::chunk_readings_max, merged.ts.size() - from);
      const auto packed = codec_.encode(series, part_of(merged, from, n));
      if (!packed) throw SQLite::Exception(packed.error().what, SQLITE_INTERNAL);
      shelf_.put(series, *packed);
    }
  }

  // ---- readings that weren't sealed yet ----

  // By stretch as it is here; those of the log here count as there already.
  [[nodiscard]] Rows readings_in_log(SQLite::Database& db) const {
    Rows all;
    LogWalk walk{db};
    while (walk.next()) {
      (void)for_each_reading(walk.entry().id, walk.record(), [&](const ReadingRow& r) {
        if (const auto epoch = epoch_here(r.epoch)) all[{r.series, *epoch}].push_back(r);
      });
    }
    for (auto& [place, rows] : all) settle(rows);
    return all;
  }

  void log_of_commits() {
    const Rows here = readings_in_log(to_);
    for (auto& [place, rows] : readings_in_log(from_)) {
      step();
      std::vector<ReadingRow> missing = rows;
      if (const auto known = here.find(place); known != here.end()) {
        std::erase_if(missing, [&](const ReadingRow& r) {
          return std::ranges::binary_search(known->second, r.ts, {}, &ReadingRow::ts);
        });
      }
      merge(place, missing);
    }
  }

  // ---- the places of lost chunks ----

  struct Gap {
    std::int64_t id = 0, series = 0, epoch = 0, start = 0, end = 0, count = 0;
    bool unchanged = false;  // the copy has this very chunk
  };

  [[nodiscard]] std::vector<Gap> gaps_here() {
    std::vector<Gap> gaps;
    SQLite::Statement rows{to_, "SELECT id, series, epoch, start, end, count FROM chunk WHERE damaged = 1"};
    SQLite::Statement theirs{from_,
                             "SELECT 1 FROM chunk WHERE id = ? AND series = ? AND start = ? AND damaged = 0"};
    while (rows.executeStep()) {
      Gap gap{rows.getColumn(0).getInt64(), rows.getColumn(1).getInt64(), rows.getColumn(2).getInt64(),
              rows.getColumn(3).getInt64(), rows.getColumn(4).getInt64(), rows.getColumn(5).getInt64()};
      theirs.bind(1, gap.id), theirs.bind(2, gap.series), theirs.bind(3, gap.start);
      gap.unchanged = theirs.executeStep();
      theirs.reset();
      gaps.push_back(gap);
    }
    return gaps;
  }

  // A place that holds as much as it did is no gap any more; one that is filled from its front on begins
  // behind that.
  void gaps() {
    SQLite::Statement whole{
        to_,
        "SELECT coalesce(sum(count), 0), max(end) FROM chunk WHERE series = ? AND epoch = ? "
        "AND damaged = 0 AND end >= ? AND start <= ?"};
    SQLite::Statement drop{to_, "DELETE FROM chunk WHERE id = ?"};
    SQLite::Statement shrink{to_, "UPDATE chunk SET start = ? WHERE id = ?"};
    for (const Gap& gap : gaps_here()) {
      whole.bind(1, gap.series), whole.bind(2, gap.epoch), whole.bind(3, gap.start), whole.bind(4, gap.end);
      whole.executeStep();
      const std::int64_t found = whole.getColumn(0).getInt64();
      const std::int64_t until = whole.getColumn(1).isNull() ? gap.start - 1 : whole.getColumn(1).getInt64();
      whole.reset();
      const bool filled = found > 0 && (gap.unchanged || (gap.count > 0 && found >= gap.count));
      filled ? ++report_.gaps_filled : ++report_.gaps_left;
      if (filled || until >= gap.end) {
        drop.bind(1, gap.id), drop.exec(), drop.reset();
      } else if (until >= gap.start) {
        shrink.bind(1, until + 1), shrink.bind(2, gap.id), shrink.exec(), shrink.reset();
      }
    }
  }

  SQLite::Database& from_;
  SQLite::Database& to_;
  const std::function<bool()>& go_on_;
  FillReport& report_;
  Shelf shelf_;
  ChunkCodec codec_;
  Columns columns_;
  std::map<EpochNo, EpochNo> epochs_;
  std::uint64_t steps_ = 0;
};

bool lost_readings(const SalvageReport& lost) {
  if (lost.chunks_damaged > 0 || lost.log_frames_lost > 0 || lost.log_commits_lost > 0 || lost.log_unread)
    return true;
  return std::ranges::any_of(lost.tables, [](const SalvagedTable& t) {
    return t.lost > 0 && (t.name == "chunk" || t.name == "commits" || t.name == "clock_epoch");
  });
}

}  // namespace

std::string FillReport::text() const {
  std::string taken = readings > 0 ? fmt::format("{} readings", readings) : "";
  for (const SalvagedTable& t : tables)
    taken += fmt::format("{}{} {}", taken.empty() ? "" : ", ", t.kept, t.name);
  std::string text = fmt::format("Taken: {}.", taken.empty() ? "nothing" : taken);
  if (gaps_filled > 0) text += fmt::format(" {} gaps are filled.", gaps_filled);
  if (gaps_left > 0) text += fmt::format(" {} gaps stay.", gaps_left);
  if (users) text += " The page's users are those of then, with their passwords.";
  return text;
}

Result<FillReport> fill_from(const fs::path& database, const fs::path& copy, const SalvageReport& lost,
                             const std::function<bool()>& go_on) {
  if (auto found = check_file(copy); !found) return std::unexpected(found.error());
  const auto vfs = checksum_vfs();
  if (!vfs) return std::unexpected(vfs.error());
  auto filled = guarded(database.string(), [&]() -> Result<FillReport> {
    const auto to = open_writer(database.string(), *vfs);
    const auto from = open_reader(copy.string(), *vfs);
    if (!same_life(*to, *from))
      return fail(Errc::refused, fmt::format("{} is of another database than the damaged one", copy.string()),
                  "It was made before this box was set up anew.");
    FillReport report;
    fill_rows(*from, *to, lost, report);
    if (lost_readings(lost)) Filler{*from, *to, go_on, report}.run();
    to->exec("PRAGMA wal_checkpoint(TRUNCATE)");
    sqlite3_db_config(to->getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
    return report;
  });
  if (!filled) return std::unexpected(filled.error());
  if (!*filled) return *filled;
  if (auto synced = files::sync_file(database); !synced) return std::unexpected(synced.error());
  return *filled;
}

}  // namespace alona::store
