#include "store/salvage.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>
#include <set>
#include <system_error>

#include "base/files.h"
#include "store/checksum_vfs.h"
#include "store/chunk.h"
#include "store/commit_record.h"
#include "store/hot_log.h"
#include "store/migrate.h"
#include "store/salvage_rows.h"
#include "store/wal_check.h"
#include "store/wal_mend.h"

namespace alona::store {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t rows_a_transaction = 2000;
constexpr std::size_t stretches_max = 1000;
constexpr std::size_t log_bytes_max = std::size_t{64} << 20;
constexpr std::int64_t day_ms = 86'400'000;

struct Column {
  std::string name;
  bool key = false;
};

struct Table {
  std::string name;
  bool numbered = true;  // it has an INTEGER PRIMARY KEY
  std::vector<Column> columns;
};

std::vector<Column> columns_of(SQLite::Database& db, const std::string& table) {
  std::vector<Column> columns;
  SQLite::Statement rows{db, "SELECT name, pk FROM pragma_table_info(?)"};
  rows.bind(1, table);
  while (rows.executeStep())
    columns.push_back({rows.getColumn(0).getString(), rows.getColumn(1).getInt() != 0});
  return columns;
}

std::vector<Table> tables_of(SQLite::Database& db) {
  std::vector<Table> tables;
  SQLite::Statement rows{db,
                         "SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table' "
                         "AND name NOT LIKE 'sqlite_%'"};
  while (rows.executeStep())
    tables.push_back({rows.getColumn(0).getString(), rows.getColumn(1).getInt() == 0, {}});
  for (Table& table : tables) table.columns = columns_of(db, table.name);
  return tables;
}

std::string names(const std::vector<Column>& columns, std::string_view behind = "") {
  std::string text;
  for (const Column& c : columns) text += fmt::format("{}\"{}\"{}", text.empty() ? "" : ", ", c.name, behind);
  return text;
}

class Salvager {
 public:
  Salvager(SQLite::Database& from, SQLite::Database& to, const SalvageOptions& options, UtcMs last_write)
      : from_(from), to_(to), options_(options), last_write_(last_write) {}

  // `stale_pages`: some may be older than the others.
  SalvageReport run(bool log_was_cut, bool stale_pages) {
    to_.exec("PRAGMA foreign_keys=OFF");
    to_.exec("PRAGMA synchronous=OFF");  // one sync at the end
    to_.exec("BEGIN");
    for (const Table& table : tables_of(to_)) copy(table);
    copy_log();
    if (log_was_cut) lost_since(last_commit_at_);
    close_stretch(last_write_);
    if (stale_pages) drop_superseded();
    place_lost_chunks();
    name_the_nameless();
    keep_stretches();
    to_.exec("COMMIT");
    return std::move(report_);
  }

 private:
  // Of the columns that both know, so that an older file's rows fit.
  void copy(const Table& wanted) {
    const std::vector<Column> there = columns_of(from_, wanted.name);
    if (there.empty()) return;  // of a version before this table
    Table table{wanted.name, wanted.numbered, {}};
    for (const Column& c : wanted.columns) {
      if (std::ranges::find(there, c.name, &Column::name) != there.end()) table.columns.push_back(c);
    }
    if (wanted.name == "check_run") return;  // the fresh one hasn't been checked
    report_.tables.push_back({table.name, 0, 0});
    if (table.name == "log") return;  // not its pages, but its commits: copy_log
    table.numbered ? copy_numbered(table) : copy_keyed(table);
  }

  void put(RawStatement& insert, RawStatement& row, int first_column, std::size_t columns) {
    for (std::size_t i = 0; i < columns; ++i)
      insert.copy(static_cast<int>(i) + 1,
                  sqlite3_column_value(row.get(), first_column + static_cast<int>(i)));
    insert.run();
    report_.tables.back().kept += sqlite3_changes(to_.getHandle()) > 0 ? 1 : 0;
    count_row();
  }

  void count_row() {
    if (++rows_ % rows_a_transaction != 0) return;
    to_.exec("COMMIT; BEGIN");
    if (options_.go_on && !options_.go_on(rows_)) throw SQLite::Exception("given up", SQLITE_INTERRUPT);
  }

  [[nodiscard]] RawStatement inserting(const Table& table) {
    std::string places;
    for (std::size_t i = 0; i < table.columns.size(); ++i) places += i == 0 ? "?" : ",?";
    return {to_.getHandle(), fmt::format("INSERT OR IGNORE INTO \"{}\" ({}) VALUES ({})", table.name,
                                         names(table.columns), places)};
  }

  // The last number, or as far as numbers go when nobody can say.
  [[nodiscard]] std::int64_t last_number(const std::string& table) {
    RawStatement last{from_.getHandle(), fmt::format("SELECT max(rowid) FROM \"{}\"", table)};
    return last.step_source() == SQLITE_ROW ? last.number(0) : std::int64_t{1} << 40;
  }

  void copy_numbered(const Table& table) {
    const auto key = std::ranges::find(table.columns, true, &Column::key);
    if (key == table.columns.end()) return;
    RawStatement rows{from_.getHandle(),
                      fmt::format("SELECT \"{0}\", {1} FROM \"{2}\" WHERE \"{0}\" >= ?1 ORDER BY \"{0}\"",
                                  key->name, names(table.columns), table.name)};
    RawStatement insert = inserting(table);
    const std::int64_t last = last_number(table.name);
    const bool last_known = last < std::int64_t{1} << 40;
    const auto take = [&] {
      if (table.name == "chunk") look_at_chunk(table, rows);
      put(insert, rows, 1, table.columns.size());
    };
    walk_numbered(rows, last, take, [&](std::int64_t first, std::int64_t end) {
      // With the last number unknown, so is how many there were.
      report_.tables.back().lost += last_known ? static_cast<std::uint64_t>(end - first + 1) : 1;
    });
  }

  void copy_keyed(const Table& table) {
    std::vector<Column> keys;
    std::ranges::copy_if(table.columns, std::back_inserter(keys), &Column::key);
    const auto select = [&](std::string_view way) {
      return fmt::format("SELECT {} FROM \"{}\" ORDER BY {}", names(table.columns), table.name,
                         names(keys, way));
    };
    RawStatement forward{from_.getHandle(), select("")}, backward{from_.getHandle(), select(" DESC")};
    RawStatement insert = inserting(table);
    const bool all = walk_keyed(forward, backward, [&](RawStatement& row) {
      if (!of_the_old_log(table, row)) put(insert, row, 0, table.columns.size());
    });
    if (!all) ++report_.tables.back().lost;
  }

  [[nodiscard]] static int at(const Table& table, std::string_view column) {
    const auto found = std::ranges::find(table.columns, column, &Column::name);
    return 1 + static_cast<int>(found - table.columns.begin());
  }
  [[nodiscard]] static std::span<const std::uint8_t> bytes(RawStatement& row, int at) {
    return {static_cast<const std::uint8_t*>(sqlite3_column_blob(row.get(), at)),
            static_cast<std::size_t>(sqlite3_column_bytes(row.get(), at))};
  }

  // A chunk has a checksum of its own.
  void look_at_chunk(const Table& table, RawStatement& row) {
    note_series(row.number(at(table, "series")));
    const auto series = static_cast<SeriesNo>(row.number(at(table, "series")));
    if (row.number(at(table, "damaged")) == 0 &&
        !codec_.decode(series, bytes(row, at(table, "data")), columns_))
      damaged_chunks_.push_back(row.number(0));
  }

  // ---- the log of commits: the one place here that knows how it lies in the database ----

  // Where the log begins is said anew: it is written anew.
  [[nodiscard]] static bool of_the_old_log(const Table& table, RawStatement& row) {
    if (table.name != "setting") return false;
    const auto* name = reinterpret_cast<const char*>(sqlite3_column_text(row.get(), 0));
    return name != nullptr && std::string_view{name}.starts_with("log_");
  }

  void copy_log() {
    if (columns_of(from_, "log").empty() && columns_of(from_, "hot").empty()) return;
    log_table_ = report_.tables.size();
    report_.tables.push_back({"commits", 0, 0});
    HotLog log{to_, [](const LogWalk&) {}};
    if (columns_of(from_, "log").empty()) return copy_hot_rows(log);
    const std::uint64_t rows = static_cast<std::uint64_t>(last_number("log")) + 1;
    std::vector<std::uint64_t> unread;
    LogPages::Found found = log_pages(unread);
    // Where the row that the next page would lie in can't be read, it may hold the newest commits.
    const bool end_unread =
        found.empty() ? !unread.empty()
                      : std::ranges::find(unread, (found.rbegin()->first + 1) % rows) != unread.end();
    const std::uint64_t begun = std::max(static_cast<std::uint64_t>(source_setting("log_page")),
                                         found.empty() ? 1 : found.begin()->first);
    LogWalk walk{LogPages{std::move(found)}, begun, source_setting("log_from")};
    while (walk.next()) {
      if (walk.entry().after_loss) lost_commits();
      keep_commit(log, walk.entry().id, walk.record(), walk.entry().first, walk.entry().last);
    }
    if (walk.lost() || end_unread) lost_commits();
  }

  // Versions 1 and 2: a row a commit.
  void copy_hot_rows(HotLog& log) {
    RawStatement rows{from_.getHandle(), "SELECT id, first, last, data FROM hot WHERE id >= ?1 ORDER BY id"};
    walk_numbered(
        rows, last_number("hot"),
        [&] {
          keep_commit(log, rows.number(0), bytes(rows, 3), utc_ms(rows.number(1)), utc_ms(rows.number(2)));
        },
        [&](std::int64_t, std::int64_t) { lost_commits(); });
  }

  // A few MiB: the log holds little more than limits::hot_readings_max.
  [[nodiscard]] LogPages::Found log_pages(std::vector<std::uint64_t>& unread) {
    LogPages::Found found;
    std::size_t read = 0;
    RawStatement rows{from_.getHandle(), "SELECT page, data FROM log WHERE page >= ?1 ORDER BY page"};
    walk_numbered(
        rows, last_number("log"),
        [&] {
          const auto row = bytes(rows, 1);
          const std::uint64_t number = log_page_number(row);
          read += row.size();
          if (number != 0 && read < log_bytes_max) found[number].assign(row.begin(), row.end());
        },
        [&](std::int64_t first, std::int64_t last) {
          for (std::int64_t row = first; row <= last && unread.size() < log_bytes_max / page_bytes; ++row)
            unread.push_back(static_cast<std::uint64_t>(row));
        });
    return found;
  }

  [[nodiscard]] std::int64_t source_setting(const char* name) {
    try {
      return setting(from_, name);
    } catch (const SQLite::Exception&) {
      return 0;
    }
  }

  void lost_commits() {
    ++report_.tables[log_table_].lost;
    lost_since(last_commit_at_);
  }

  void keep_commit(HotLog& log, std::int64_t id, std::span<const std::uint8_t> data, UtcMs first,
                   UtcMs last) {
    if (!decode_commit(id, data, batch_)) return lost_commits();
    close_stretch(batch_.received);
    last_commit_at_ = batch_.received;
    for (const ReadingRow& r : batch_.readings) note_series(static_cast<std::int64_t>(r.series));
    CommitRecord record;
    record.bytes.assign(data.begin(), data.end());
    record.first = first, record.last = last;
    log.append(id, batch_, record);
    ++report_.tables[log_table_].kept;
    count_row();
  }

  void lost_since(std::optional<UtcMs> since) {
    if (!stretch_) stretch_ = since.value_or(last_write_);
  }
  void close_stretch(UtcMs until) {
    if (!stretch_) return;
    if (stretches_.size() < stretches_max) stretches_.emplace_back(*stretch_, std::max(*stretch_, until));
    stretch_.reset();
  }
  void keep_stretches() {
    RawStatement insert{to_.getHandle(), "INSERT INTO outage (cause, since, until) VALUES ('damaged', ?, ?)"};
    for (const auto& [since, until] : stretches_) {
      insert.bind(1, count(since)), insert.bind(2, count(until));
      insert.run();
    }
  }

  // Whole chunks of a series and stretch never overlap: of two that do, the former was sealed anew as the
  // latter.
  void drop_superseded() {
    RawStatement rows{to_.getHandle(),
                      "SELECT id, series, epoch, start, end FROM chunk WHERE damaged = 0 "
                      "ORDER BY series, epoch, start"};
    struct Row {
      std::int64_t id = 0, series = 0, epoch = 0, end = 0;
    };
    std::optional<Row> before;
    std::vector<std::int64_t> superseded;
    while (sqlite3_step(rows.get()) == SQLITE_ROW) {
      const Row row{rows.number(0), rows.number(1), rows.number(2), rows.number(4)};
      const bool over = before && before->series == row.series && before->epoch == row.epoch &&
                        rows.number(3) <= before->end;
      if (over) superseded.push_back(std::min(before->id, row.id));
      if (!over || row.id > before->id) before = row;
    }
    rows.reset();
    RawStatement drop{to_.getHandle(), "DELETE FROM chunk WHERE id = ?"};
    for (const std::int64_t id : superseded) drop.bind(1, id), drop.run();
  }

  // The index still names chunks that are gone: their place becomes a gap. It also tells how many they are.
  void place_lost_chunks() {
    RawStatement aside{to_.getHandle(), "UPDATE chunk SET damaged = 1 WHERE id = ?"};
    for (const std::int64_t id : damaged_chunks_) aside.bind(1, id), aside.run();
    report_.chunks_damaged = damaged_chunks_.size();
    const std::vector<Column> columns = columns_of(from_, "chunk");
    if (columns.empty()) return;
    // In the index's own order, as nothing may be sorted: version 2 had no epochs.
    const bool epochs = std::ranges::find(columns, "epoch", &Column::name) != columns.end();
    const auto entries = [epochs](std::string_view way) {
      return fmt::format(
          "SELECT series, start, id, {1} FROM chunk INDEXED BY chunk_of_series ORDER BY series{0}, "
          "{2}start{0}",
          way, epochs ? "epoch" : "0", epochs ? fmt::format("epoch{}, ", way) : "");
    };
    RawStatement forward{from_.getHandle(), entries("")}, backward{from_.getHandle(), entries(" DESC")};
    RawStatement there{to_.getHandle(), "SELECT 1 FROM chunk WHERE id = ?"};
    RawStatement next{to_.getHandle(),
                      "SELECT min(start) FROM chunk WHERE series = ? AND epoch = ? AND start > ?"};
    RawStatement insert{
        to_.getHandle(),
        "INSERT OR IGNORE INTO chunk (id, series, start, end, count, min, max, sum, damaged, data, "
        "epoch) VALUES (?1, ?2, ?3, ?4, 0, 0, 0, 0, 1, x'', ?5)"};
    std::uint64_t placed = 0;
    const bool all = walk_keyed(forward, backward, [&](RawStatement& row) {
      there.bind(1, row.number(2));
      const bool kept = sqlite3_step(there.get()) == SQLITE_ROW;
      there.reset();
      if (kept) return;
      const std::int64_t start = row.number(1);
      next.bind(1, row.number(0)), next.bind(2, row.number(3)), next.bind(3, start);
      (void)sqlite3_step(next.get());
      const bool known = sqlite3_column_type(next.get(), 0) != SQLITE_NULL;
      const std::int64_t following = known ? next.number(0) - 1 : std::numeric_limits<std::int64_t>::max();
      next.reset();
      const std::int64_t end_of_day = (start / day_ms + 1) * day_ms - 1;
      insert.bind(1, row.number(2)), insert.bind(2, row.number(0)), insert.bind(3, start);
      insert.bind(4, std::min(following, end_of_day)), insert.bind(5, row.number(3));
      insert.run();
      note_series(row.number(0));
      ++placed;
    });
    const auto table = std::ranges::find(report_.tables, "chunk", &SalvagedTable::name);
    if (table != report_.tables.end()) table->lost = all ? placed : std::max(table->lost, placed);
  }

  void note_series(std::int64_t no) { series_seen_.insert(no); }

  // Readings whose series or node is gone stay reachable, under a name that says so.
  void name_the_nameless() {
    RawStatement series{
        to_.getHandle(),
        "INSERT OR IGNORE INTO series (no, node, sensor, unit, label) SELECT ?1, "
        "coalesce((SELECT max(no) FROM node WHERE id = 'salvaged'), (SELECT coalesce(max(no), 0) + 1 "
        "FROM node)), 'series-' || ?1, '?', ''"};
    RawStatement node{to_.getHandle(),
                      "INSERT OR IGNORE INTO node (no, id, name, place, created, removed) "
                      "SELECT DISTINCT node, 'salvaged-' || node, '', '', 0, 1 FROM series WHERE node NOT IN "
                      "(SELECT no FROM node)"};
    RawStatement known{to_.getHandle(), "SELECT 1 FROM series WHERE no = ?"};
    node.run();
    for (const std::int64_t no : series_seen_) {
      known.bind(1, no);
      const bool named = sqlite3_step(known.get()) == SQLITE_ROW;
      known.reset();
      if (named) continue;
      to_.exec(
          "INSERT OR IGNORE INTO node (id, name, place, created, removed) VALUES ('salvaged', '', '', 0, 1)");
      series.bind(1, no);
      series.run();
    }
    for (const char* table : {"event", "error", "presence", "heartbeat", "window", "node_day", "node_boot"}) {
      to_.exec(fmt::format(
          "INSERT OR IGNORE INTO node (no, id, name, place, created, removed) SELECT DISTINCT node, "
          "'salvaged-' || node, '', '', 0, 1 FROM {} WHERE node NOT IN (SELECT no FROM node)",
          table));
    }
  }

  SQLite::Database& from_;
  SQLite::Database& to_;
  const SalvageOptions& options_;
  const UtcMs last_write_;
  SalvageReport report_;
  std::uint64_t rows_ = 0;
  std::size_t log_table_ = 0;
  ChunkCodec codec_;
  Columns columns_;
  Batch batch_;
  std::vector<std::int64_t> damaged_chunks_;
  std::set<std::int64_t> series_seen_;
  std::optional<UtcMs> last_commit_at_, stretch_;
  std::vector<std::pair<UtcMs, UtcMs>> stretches_;
};

std::unique_ptr<SQLite::Database> open_source(const fs::path& path, const std::string& vfs) {
  auto db = std::make_unique<SQLite::Database>(path.string(), SQLite::OPEN_READONLY, 5000, vfs);
  sqlite3_db_config(db->getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_db_config(db->getHandle(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(db->getHandle(), SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  db->exec("PRAGMA query_only=ON");
  db->exec("PRAGMA cell_size_check=ON");
  db->exec("PRAGMA cache_size=-1024");
  if (db->execAndGet("PRAGMA application_id").getInt() != application_id ||
      db->execAndGet("SELECT count(*) FROM sqlite_schema WHERE name = 'node'").getInt() == 0)
    throw SQLite::Exception("nothing in it can be read", SQLITE_CORRUPT);
  return db;
}

UtcMs last_write(const fs::path& path) {
  std::error_code ec;
  auto at = fs::last_write_time(path, ec);
  if (const auto wal = fs::last_write_time(path.string() + "-wal", ec); !ec) at = std::max(at, wal);
  return std::chrono::time_point_cast<Ms>(std::chrono::file_clock::to_sys(at));
}

void remove_with_logs(const fs::path& path) {
  std::error_code ec;
  for (const char* tail : {"", "-wal", "-shm"}) fs::remove(path.string() + tail, ec);
}

// The damaged database under another name, so that a mended log can lie beside it and the damaged one stays
// as it is. Where the file system has no second names, nothing behind the damage is read.
class MendedSource {
 public:
  MendedSource(fs::path from, fs::path name) : path_(std::move(from)), name_(std::move(name)) {
    remove_with_logs(name_);
  }
  ~MendedSource() { remove_with_logs(name_); }
  MendedSource(const MendedSource&) = delete;
  MendedSource& operator=(const MendedSource&) = delete;

  Result<void> mend(bool spare) {
    std::error_code ec;
    fs::create_hard_link(path_, name_, ec);
    if (ec) return unread = true, Result<void>{};
    auto mended = mend_wal(path_, name_.string() + "-wal", spare);
    if (!mended) return std::unexpected(mended.error());
    if (!mended->whole_head) return unread = true, Result<void>{};
    log = *mended;
    path_ = name_;
    return {};
  }
  [[nodiscard]] const fs::path& path() const { return path_; }
  MendedWal log;
  bool unread = false;

 private:
  fs::path path_, name_;
};

}  // namespace

bool SalvageReport::lost_nothing() const {
  return chunks_damaged == 0 && log_frames_lost == 0 && log_commits_lost == 0 && !log_unread &&
         std::ranges::all_of(tables, [](const SalvagedTable& t) { return t.lost == 0; });
}

std::string SalvageReport::text() const {
  std::string kept, lost;
  for (const SalvagedTable& t : tables) {
    if (t.kept > 0) kept += fmt::format("{}{} {}", kept.empty() ? "" : ", ", t.kept, t.name);
    if (t.lost > 0) lost += fmt::format("{}up to {} {}", lost.empty() ? "" : ", ", t.lost, t.name);
  }
  if (chunks_damaged > 0)
    lost += fmt::format("{}{} chunks set aside", lost.empty() ? "" : ", ", chunks_damaged);
  std::string text =
      fmt::format("Rows kept: {}. Lost: {}.", kept.empty() ? "none" : kept, lost.empty() ? "none" : lost);
  if (log_frames_mended > 0)
    text += fmt::format(" {} pages in the log of writes had one flipped bit and were put right.",
                        log_frames_mended);
  if (log_commits_behind > 0)
    text += fmt::format(" {} commits behind the damage in the log of writes were read.", log_commits_behind);
  if (log_frames_lost > 0) text += fmt::format(" {} pages in it are lost.", log_frames_lost);
  if (log_commits_lost > 0)
    text += fmt::format(" At least {} commits at its end are lost.", log_commits_lost);
  if (log_unread) text += " What lay in the log of writes could not be read.";
  if (pages_mended > 0)
    text += fmt::format(" {} pages had one flipped bit and were put right.", pages_mended);
  return text;
}

namespace {

// `spare`: as mend_wal. `pages_lost`: the mended log lacks some.
Result<SalvageReport> salvage_once(const fs::path& from, const fs::path& to, const SalvageOptions& options,
                                   bool spare, bool& pages_lost) {
  const auto log = check_wal(from);
  if (!log) return std::unexpected(log.error());
  const auto vfs = checksum_vfs();
  if (!vfs) return std::unexpected(vfs.error());
  const UtcMs written = last_write(from);
  std::unique_ptr<SQLite::Database> fresh;
  auto made = guarded(to.string(), [&]() -> Result<void> {
    remove_with_logs(to);
    fresh = open_writer(to.string(), *vfs);
    return upgrade(*fresh, to.string(), *vfs);
  });
  if (made) made = *made;
  if (!made) return remove_with_logs(to), std::unexpected(made.error());
  MendedSource source{from, to.string() + ".source"};
  if (log->damaged) {
    if (auto mended = source.mend(spare); !mended)
      return remove_with_logs(to), std::unexpected(mended.error());
  }
  pages_lost = source.log.frames_lost > 0;
  PageWatch watch{.go_on = {}, .mend = true};
  const WatchPages watching{watch};
  auto report = guarded(from.string(), [&] {
    const auto db = open_source(source.path(), *vfs);
    auto done = Salvager{*db, *fresh, options, written}.run(source.unread || source.log.commits_lost > 0,
                                                            source.log.frames_lost > 0);
    fresh->exec("PRAGMA synchronous=FULL");
    fresh->exec("PRAGMA wal_checkpoint(TRUNCATE)");
    sqlite3_db_config(fresh->getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
    return done;
  });
  fresh.reset();
  std::error_code ec;
  // Ours: the log's index, and an empty log where there was none.
  fs::remove(from.string() + "-shm", ec);
  if (fs::file_size(from.string() + "-wal", ec) == 0 && !ec) fs::remove(from.string() + "-wal", ec);
  if (!report) return remove_with_logs(to), std::unexpected(report.error());
  report->pages_mended = watch.mended.size();
  report->log_frames_mended = source.log.frames_mended, report->log_frames_lost = source.log.frames_lost;
  report->log_commits_behind = source.log.commits_behind, report->log_commits_lost = source.log.commits_lost;
  report->log_unread = source.unread;
  if (auto synced = files::sync_file(to); !synced) return std::unexpected(synced.error());
  return report;
}

}  // namespace

Result<SalvageReport> salvage(const fs::path& from, const fs::path& to, const SalvageOptions& options) {
  bool pages_lost = false;
  auto report = salvage_once(from, to, options, false, pages_lost);
  // One page too many may have been given up, and it was the one that leads to all others.
  if (report || report.error().code != Errc::corrupt || !pages_lost) return report;
  return salvage_once(from, to, options, true, pages_lost);
}

}  // namespace alona::store
