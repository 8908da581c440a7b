#include "store/snapshot.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <system_error>

#include "base/files.h"
#include "store/check.h"
#include "store/database.h"
#include "store/hot_log.h"

namespace alona::store {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t step_bytes = std::uint64_t{1} << 20;
constexpr std::uint64_t wal_bytes_max = std::uint64_t{256} << 20;

Error given_up(const fs::path& from, std::string_view why) {
  return {Errc::temporary, fmt::format("copying {} was given up: {}", from.string(), why),
          "Try again later."};
}

// Ends its copy however the function is left.
class Copying {
 public:
  Copying(SQLite::Database& to, SQLite::Database& from)
      : to_(to), backup_(sqlite3_backup_init(to.getHandle(), "main", from.getHandle(), "main")) {
    if (backup_ == nullptr) throw SQLite::Exception(to.getHandle());
  }
  ~Copying() { (void)finish(); }
  Copying(const Copying&) = delete;
  Copying& operator=(const Copying&) = delete;
  // True: there is more.
  bool step(int pages) {
    const int got = sqlite3_backup_step(backup_, pages);
    if (got != SQLITE_OK && got != SQLITE_DONE) throw SQLite::Exception(sqlite3_errstr(got), got);
    return got == SQLITE_OK;
  }
  [[nodiscard]] std::uint64_t all() const {
    return static_cast<std::uint64_t>(sqlite3_backup_pagecount(backup_));
  }
  [[nodiscard]] std::uint64_t left() const {
    return static_cast<std::uint64_t>(sqlite3_backup_remaining(backup_));
  }
  void done() {
    if (finish() != SQLITE_OK) throw SQLite::Exception(to_.getHandle());
  }

 private:
  int finish() { return sqlite3_backup_finish(std::exchange(backup_, nullptr)); }
  SQLite::Database& to_;
  sqlite3_backup* backup_;
};

Result<void> copy_pages(const fs::path& from, const fs::path& to, const std::string& vfs,
                        const CopyProgress& progress) {
  const auto source = open_reader(from.string(), vfs);
  // Writes sealed pages: those of the source that carry no seal get one.
  SQLite::Database target{to.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, 0, vfs};
  target.exec("PRAGMA synchronous=OFF");  // one sync at the end
  target.exec("PRAGMA journal_mode=OFF");
  // One moment: a copy whose source has no transaction begins anew with each commit.
  SQLite::Transaction one_moment{*source};
  (void)source->execAndGet("SELECT count(*) FROM sqlite_schema");
  const auto page = static_cast<std::uint64_t>(source->execAndGet("PRAGMA page_size").getInt64());
  Copying copying{target, *source};
  const fs::path wal = from.string() + "-wal";
  while (copying.step(static_cast<int>(step_bytes / page))) {
    std::error_code ec;
    if (const auto bytes = fs::file_size(wal, ec); !ec && bytes > wal_bytes_max)
      return std::unexpected(given_up(from, "too much is written meanwhile"));
    if (!progress((copying.all() - copying.left()) * page, copying.all() * page))
      return std::unexpected(given_up(from, "it was stopped"));
  }
  copying.done();
  return {};
}

void note_time(std::optional<UtcMs>& latest, UtcMs t) { latest = std::max(latest.value_or(t), t); }

// Version 3 on; what came before had a row a commit.
void look_at_log(SQLite::Database& db, Contents& found) {
  std::uint64_t commits = 0;
  LogWalk walk{db};
  while (walk.next()) {
    const LogEntry& entry = walk.entry();
    ++commits;
    found.readings += entry.readings;
    if (entry.readings > 0) note_time(found.newest, entry.last);
    note_time(found.last_write, entry.received);
  }
  found.rows.emplace_back("log", commits);
}

void look_at_hot(SQLite::Database& db, Contents& found) {
  SQLite::Statement rows{db, "SELECT coalesce(sum(n), 0), max(last) FROM hot"};
  if (!rows.executeStep()) return;
  found.readings += static_cast<std::uint64_t>(rows.getColumn(0).getInt64());
  if (rows.getColumn(1).isNull()) return;
  note_time(found.newest, utc_ms(rows.getColumn(1).getInt64()));
  note_time(found.last_write, utc_ms(rows.getColumn(1).getInt64()));
}

void look_at_chunks(SQLite::Database& db, Contents& found) {
  SQLite::Statement rows{db, "SELECT coalesce(sum(count), 0), max(end) FROM chunk WHERE damaged = 0"};
  if (!rows.executeStep()) return;
  found.readings += static_cast<std::uint64_t>(rows.getColumn(0).getInt64());
  if (!rows.getColumn(1).isNull()) note_time(found.newest, utc_ms(rows.getColumn(1).getInt64()));
}

}  // namespace

Result<void> copy_database(const fs::path& from, const fs::path& to, const CopyProgress& progress) {
  if (auto found = check_file(from); !found) return found;
  const auto vfs = checksum_vfs();
  if (!vfs) return std::unexpected(vfs.error());
  auto copied = guarded(from.string(), [&] { return copy_pages(from, to, *vfs, progress); });
  Result<void> done = copied ? *copied : std::unexpected(copied.error());
  if (done) done = files::sync_file(to);
  std::error_code ec;
  if (!done) fs::remove(to, ec);
  return done;
}

Result<Contents> contents_of(const fs::path& copy) {
  if (auto found = check_file(copy); !found) return std::unexpected(found.error());
  const auto vfs = checksum_vfs();
  if (!vfs) return std::unexpected(vfs.error());
  return guarded(copy.string(), [&] {
    const auto opened = open_at_rest(copy, *vfs);
    SQLite::Database& db = *opened;
    Contents found{.schema = db.execAndGet("PRAGMA user_version").getInt()};
    std::vector<std::string> tables;
    SQLite::Statement names{
        db, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"};
    while (names.executeStep()) tables.push_back(names.getColumn(0).getString());
    for (const std::string& table : tables) {
      if (table == "log") continue;
      const auto rows = db.execAndGet(fmt::format("SELECT count(*) FROM \"{}\"", table)).getInt64();
      found.rows.emplace_back(table, static_cast<std::uint64_t>(rows));
    }
    if (has_table(db, "log")) look_at_log(db, found);
    if (has_table(db, "hot")) look_at_hot(db, found);
    if (has_table(db, "chunk")) look_at_chunks(db, found);
    std::ranges::sort(found.rows);
    return found;
  });
}

Result<void> check_copy(const fs::path& copy) {
  const auto report = check_at_rest(copy);
  if (!report) return std::unexpected(report.error());
  if (report->whole) return {};
  return fail(Errc::corrupt, fmt::format("{} is damaged: {}", copy.string(), report->found));
}

}  // namespace alona::store
