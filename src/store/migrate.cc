#include "store/migrate.h"

#include <fmt/format.h>

#include <chrono>
#include <map>
#include <optional>
#include <system_error>

#include "base/files.h"
#include "base/time.h"
#include "store/checksum_vfs.h"
#include "store/hot_log.h"

namespace alona::store {
namespace {

namespace fs = std::filesystem;
constexpr std::int64_t snapshot_kept_ms = std::int64_t{7} * 86'400'000;
constexpr std::uint64_t pages_a_word = 4096;

using Counts = std::map<std::string, std::int64_t>;

Counts count_rows(SQLite::Database& db) {
  Counts counts;
  SQLite::Statement tables{
      db, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"};
  while (tables.executeStep()) {
    const std::string name = tables.getColumn(0).getString();
    counts[name] = db.execAndGet(fmt::format("SELECT count(*) FROM \"{}\"", name)).getInt64();
  }
  return counts;
}

// What both know must agree; a step that takes a table away looks after its rows itself.
Result<void> compare(const Counts& before, const Counts& after, const std::string& path, int to) {
  for (const auto& [table, rows] : before) {
    const auto found = after.find(table);
    if (found == after.end() || found->second == rows || table == "setting") continue;
    return fail(Errc::failed,
                fmt::format("{}: the upgrade to version {} would leave {} of {} rows in table {}", path, to,
                            found->second, rows, table),
                "Nothing was changed. Install the former program again.");
  }
  return {};
}

// Written through seals and read again through them.
Result<void> take_snapshot(SQLite::Database& db, const fs::path& database, const std::string& vfs,
                           int version) {
  const fs::path to = snapshot_path(database, version), part = to.string() + ".part";
  std::error_code ec;
  fs::remove(part, ec);
  const std::uint64_t need = fs::file_size(database, ec) + (std::uint64_t{8} << 20);
  const auto room = fs::space(database.parent_path(), ec);
  if (!ec && room.available < need) {
    return fail(
        Errc::disk_full,
        fmt::format("{} is of version {}, and the disk has no room for the copy that an upgrade makes first",
                    database.string(), version),
        fmt::format("Free {} MiB on this disk; the upgrade then goes on by itself.", need >> 20));
  }
  try {
    SQLite::Statement into{db, "VACUUM INTO ?"};
    into.bind(1, part.string());
    into.exec();
    SQLite::Database copy{part.string(), SQLite::OPEN_READONLY, 5000, vfs};
    const std::string said = copy.execAndGet("PRAGMA quick_check(1)").getString();
    if (said != "ok")
      return fail(Errc::corrupt, fmt::format("{}: {}", database.string(), said),
                  "Restore the newest backup.");
  } catch (const SQLite::Exception&) {
    fs::remove(part, ec);
    throw;
  }
  if (auto synced = files::sync_file(part); !synced) return synced;
  fs::rename(part, to, ec);
  if (ec) return fail(Errc::io, fmt::format("cannot rename {}: {}", part.string(), ec.message()));
  return files::sync_folder(to.parent_path());
}

// Step 3 brought the log; before it each commit was a row. The commits and readings are counted on both
// sides.
constexpr int log_version = 3;
Result<void> move_hot_rows(SQLite::Database& db, const std::string& path) {
  {
    HotLog log{db, [](const LogWalk&) {}};
    SQLite::Statement rows{db, "SELECT id, first, last, n, data FROM hot ORDER BY id"};
    Batch batch;
    while (rows.executeStep()) {
      CommitRecord record;
      const auto data = blob(rows.getColumn(4));
      record.bytes.assign(data.begin(), data.end());
      record.first = utc_ms(rows.getColumn(1).getInt64());
      record.last = utc_ms(rows.getColumn(2).getInt64());
      batch.received = receipt_of(data);
      batch.readings.resize(static_cast<std::size_t>(rows.getColumn(3).getInt64()));
      log.append(rows.getColumn(0).getInt64(), batch, record);
    }
  }
  SQLite::Statement sum{db, "SELECT count(*), coalesce(sum(n), 0) FROM hot"};
  sum.executeStep();
  std::int64_t commits = 0, readings = 0;
  const HotLog moved{db, [&](const LogWalk& walk) { ++commits, readings += walk.entry().readings; }};
  if (commits != sum.getColumn(0).getInt64() || readings != sum.getColumn(1).getInt64() ||
      moved.lost_at_end())
    return fail(Errc::failed, path + ": not all commits would be in the log after the upgrade",
                "Nothing was changed. Install the former program again.");
  sum.reset();
  db.exec("DROP TABLE hot");
  return {};
}

Result<void> take_step(SQLite::Database& db, const std::string& path, const Migration& step) {
  SQLite::Transaction transaction{db, SQLite::TransactionBehavior::IMMEDIATE};
  const Counts before = count_rows(db);
  db.exec(step.sql);
  if (step.to == log_version) {
    if (auto moved = move_hot_rows(db, path); !moved) return moved;
  }
  if (auto agrees = compare(before, count_rows(db), path, step.to); !agrees) return agrees;
  db.exec(fmt::format("PRAGMA user_version={}", step.to));
  db.exec(fmt::format("PRAGMA application_id={}", application_id));
  transaction.commit();
  return {};
}

}  // namespace

fs::path snapshot_path(const fs::path& database, int version) {
  return database.string() + fmt::format(".version-{}", version);
}

Result<void> upgrade(SQLite::Database& db, const std::string& path, const std::string& vfs,
                     const std::function<void(const std::string&)>& tell, std::span<const Migration> steps) {
  const int from = db.execAndGet("PRAGMA user_version").getInt();
  if (from > steps.back().to)
    return fail(
        Errc::newer,
        fmt::format("{} was written by a newer Alona (its version is {}, this program knows {})", path, from,
                    steps.back().to),
        "It was left as it is. Install the newer program again, or restore a backup that this one wrote.");
  if (from == steps.back().to) return {};
  std::string doing;
  std::uint64_t pages = 0;
  const auto now_doing = [&](std::string what) {
    doing = std::move(what);
    if (from > 0 && tell) tell(doing);
  };
  PageWatch watch{.go_on = [&] {
    if (++pages % pages_a_word == 0) now_doing(doing);
    return true;
  }};
  std::optional<WatchPages> watching;
  if (from > 0 && tell) watching.emplace(watch);
  if (from > 0) {
    now_doing(fmt::format("a copy of its version {} is made first", from));
    if (auto kept = take_snapshot(db, path, vfs, from); !kept) return kept;
  }
  for (const Migration& step : steps.subspan(static_cast<std::size_t>(from))) {
    now_doing(fmt::format("from version {} to {}", from, step.to));
    if (auto taken = take_step(db, path, step); !taken) return taken;
  }
  if (from > 0) {
    SQLite::Statement put{db, "INSERT OR REPLACE INTO setting VALUES ('upgraded_at', ?)"};
    put.bind(1, count(SystemClock{}.utc()));
    put.exec();
  }
  // The header on disk says whose file it is, for everyone who looks before opening.
  db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  return {};
}

void drop_old_snapshots(const fs::path& database, std::int64_t upgraded_at_ms, std::int64_t now_ms) {
  if (upgraded_at_ms == 0 || now_ms - upgraded_at_ms < snapshot_kept_ms) return;
  std::error_code ec;
  for (int version = 1; version < schema_version; ++version) fs::remove(snapshot_path(database, version), ec);
}

}  // namespace alona::store
