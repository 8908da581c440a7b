#include "store/check.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>

#include "store/checksum_vfs.h"
#include "store/chunk.h"
#include "store/commit_record.h"
#include "store/database.h"
#include "store/hot_log.h"

namespace alona::store {
namespace {

namespace fs = std::filesystem;
using Steady = std::chrono::steady_clock;
constexpr int findings_max = 20;
constexpr std::uint64_t pages_a_look = 64;
constexpr int pages_a_copy_step = 256;
constexpr std::int64_t rows_a_look = 500;
constexpr std::uint64_t room_left = std::uint64_t{64} << 20;
// What may be large; everything else is small by the limits on nodes, series and users.
constexpr auto large_tables = std::to_array<std::string_view>(
    {"log", "chunk", "event", "error", "heartbeat", "presence", "reject", "node_day", "audit"});

// Calls `bad` for each place of the log where commits aren't whole, with the commit before. Throws.
std::uint64_t read_log(SQLite::Database& db, const std::function<void(std::int64_t)>& bad) {
  std::uint64_t commits = 0;
  std::int64_t last = 0;
  const auto nothing = [](const ReadingRow&) {};
  LogWalk walk{db};
  while (walk.next()) {
    if (walk.entry().after_loss) bad(last);
    last = walk.entry().id;
    if (!for_each_reading(last, walk.record(), nothing)) bad(last);
    ++commits;
  }
  if (walk.lost()) bad(last);
  return commits;
}

void read_small_tables(SQLite::Database& db) {
  std::vector<std::string> names;
  SQLite::Statement tables{
      db, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"};
  while (tables.executeStep()) names.push_back(tables.getColumn(0).getString());
  for (const std::string& name : names) {
    if (std::ranges::find(large_tables, name) != large_tables.end()) continue;
    SQLite::Statement rows{db, fmt::format("SELECT * FROM \"{}\"", name)};
    while (rows.executeStep()) {
    }
  }
}

// Sleeps so that the thread is busy for `share` of the time; says when to end.
class Pace {
 public:
  Pace(const CheckOptions& options, fs::path wal) : options_(options), wal_(std::move(wal)) {}
  bool go_on() {
    if (++pages_ % pages_a_look != 0) return true;
    if (options_.stop != nullptr && options_.stop->load(std::memory_order_relaxed)) ended_ = "it was stopped";
    std::error_code ec;
    if (const auto bytes = fs::file_size(wal_, ec); !ec && bytes > options_.wal_bytes_max)
      ended_ = "too much is written meanwhile";
    if (!ended_.empty()) return false;
    const auto busy = Steady::now() - since_;
    if (options_.share < 1) std::this_thread::sleep_for(busy * (1 / options_.share - 1));
    since_ = Steady::now();
    return true;
  }
  [[nodiscard]] const std::string& ended() const { return ended_; }

 private:
  const CheckOptions& options_;
  fs::path wal_;
  std::uint64_t pages_ = 0;
  Steady::time_point since_ = Steady::now();
  std::string ended_;
};

void add(CheckReport& report, std::string_view found) {
  report.whole = false;
  report.beyond_chunks = true;
  report.found += fmt::format("{}{}", report.found.empty() ? "" : "; ", found);
}

void run_pragma(SQLite::Database& db, std::string_view pragma, CheckReport& report) {
  SQLite::Statement rows{db, fmt::format("PRAGMA {}({})", pragma, findings_max)};
  while (rows.executeStep()) {
    if (const std::string said = rows.getColumn(0).getString(); said != "ok") add(report, said);
  }
}

// Unpacking takes most of the time, and what was sealed was unpacked then.
enum class Chunks { unpacked, by_checksum };

// In small steps, so that no reading lasts and keeps the WAL from beginning anew.
void check_chunks(SQLite::Database& db, Chunks how, CheckReport& report) {
  ChunkCodec codec;
  Columns columns;
  const auto whole = [&](SeriesNo series, std::span<const std::uint8_t> bytes) {
    return how == Chunks::by_checksum ? chunk_is_whole(series, bytes)
                                      : codec.decode(series, bytes, columns).has_value();
  };
  SQLite::Statement rows{db, "SELECT id, series, damaged, data FROM chunk WHERE id > ? ORDER BY id LIMIT ?"};
  std::int64_t last = 0;
  for (bool more = true; more;) {
    rows.reset();
    rows.bind(1, last), rows.bind(2, rows_a_look);
    more = false;
    while (rows.executeStep()) {
      more = true;
      last = rows.getColumn(0).getInt64();
      ++report.chunks;
      if (rows.getColumn(2).getInt() != 0) {
        ++report.chunks_set_aside;
      } else if (!whole(static_cast<SeriesNo>(rows.getColumn(1).getInt()), blob(rows.getColumn(3)))) {
        ++report.chunks_damaged;
        if (report.damaged_chunks.size() < damaged_chunks_max) report.damaged_chunks.push_back(last);
      }
    }
  }
  const bool beyond = report.beyond_chunks;
  if (report.chunks_damaged > 0)
    add(report, fmt::format("{} chunks of sealed history are damaged", report.chunks_damaged));
  report.beyond_chunks = beyond;
}

void check_log(SQLite::Database& db, CheckReport& report) {
  std::uint64_t bad = 0;
  std::optional<SQLite::Transaction> one_moment;  // the caller may have one
  if (sqlite3_get_autocommit(db.getHandle()) != 0) one_moment.emplace(db);
  report.commits = read_log(db, [&](std::int64_t) { ++bad; });
  if (bad > 0) add(report, fmt::format("{} stretches of the log of commits are damaged", bad));
}

// Former versions lack the log, or chunks.
void check_all(SQLite::Database& db, Chunks how, CheckReport& report) {
  run_pragma(db, "integrity_check", report);
  if (has_table(db, "log")) check_log(db, report);
  if (has_table(db, "chunk")) check_chunks(db, how, report);
}

void remove_copy(const fs::path& copy) {
  std::error_code ec;
  for (const char* tail : {"", "-wal", "-shm", "-journal"}) fs::remove(copy.string() + tail, ec);
  fs::remove(copy.parent_path(), ec);  // when it is empty: the next check may be another user's
}

// One moment of the database. False: there is no room, or a page can't be read.
bool make_copy(SQLite::Database& from, const fs::path& database, const fs::path& copy) {
  std::error_code ec;
  fs::create_directories(copy.parent_path(), ec);
  const auto room = fs::space(copy.parent_path(), ec);
  if (ec || room.available < fs::file_size(database, ec) + room_left) return false;
  SQLite::Database to{copy.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE};
  to.exec("PRAGMA synchronous=OFF");
  to.exec("PRAGMA journal_mode=OFF");
  SQLite::Transaction one_moment{from};
  (void)from.execAndGet("SELECT count(*) FROM sqlite_schema");
  sqlite3_backup* backup = sqlite3_backup_init(to.getHandle(), "main", from.getHandle(), "main");
  if (backup == nullptr) return false;
  while (sqlite3_backup_step(backup, pages_a_copy_step) == SQLITE_OK) {
  }
  return sqlite3_backup_finish(backup) == SQLITE_OK;
}

// Runs `check` on a connection, at the pace; what can't be read at all is damage, too.
Result<CheckReport> watched(
    const fs::path& database, const CheckOptions& options,
    const std::function<void(SQLite::Database&, const std::string& vfs, PageWatch&, CheckReport&)>& check) {
  if (auto found = check_file(database); !found) return std::unexpected(found.error());
  const auto vfs = checksum_vfs();
  if (!vfs) return std::unexpected(vfs.error());
  Pace pace{options, database.string() + "-wal"};
  PageWatch watch{.go_on = [&] { return pace.go_on(); }};
  const WatchPages watching{watch};
  CheckReport report;
  const auto done = guarded(database.string(), [&] {
    const auto db = open_reader(database.string(), *vfs);
    check(*db, *vfs, watch, report);
  });
  report.pages = watch.pages, report.unsealed = watch.unsealed;
  if (!pace.ended().empty())
    return fail(Errc::temporary,
                fmt::format("the check of {} was given up: {}", database.string(), pace.ended()),
                "It is tried again.");
  if (!done && done.error().code != Errc::corrupt) return std::unexpected(done.error());
  if (!done) add(report, done.error().what);
  return report;
}

}  // namespace

Result<void> check_start(SQLite::Database& db, const std::string& path) {
  std::optional<std::int64_t> bad;
  auto read = guarded(path, [&] {
    SQLite::Transaction one_moment{db};
    read_small_tables(db);
    read_log(db, [&](std::int64_t id) { bad = bad.value_or(id); });
  });
  if (!read) return read;
  if (!bad) return {};
  return fail(Errc::corrupt,
              fmt::format("{}: its log of commits is damaged, first behind number {}", path, *bad),
              "Leave it as it is and restore the newest backup.");
}

Result<CheckReport> quick_check(const fs::path& database, const CheckOptions& options) {
  return watched(database, options,
                 [](SQLite::Database& db, const std::string&, PageWatch&, CheckReport& report) {
                   run_pragma(db, "quick_check", report);
                 });
}

Result<CheckReport> full_check(const fs::path& database, const CheckOptions& options) {
  return watched(database, options,
                 [&](SQLite::Database& db, const std::string& vfs, PageWatch& watch, CheckReport& report) {
                   const fs::path copy = options.scratch / "check.sqlite3";
                   if (!options.scratch.empty()) {
                     remove_copy(copy);  // of a check that was killed
                     report.on_copy = make_copy(db, database, copy);
                   }
                   std::unique_ptr<SQLite::Database> of_copy;
                   if (report.on_copy) of_copy = open_at_rest(copy, vfs);
                   // The copy's own pages have no seals: those of the file were counted as it was copied.
                   const auto of_file = std::pair{watch.pages, watch.unsealed};
                   check_all(of_copy ? *of_copy : db, Chunks::unpacked, report);
                   if (of_copy) std::tie(watch.pages, watch.unsealed) = of_file;
                   of_copy.reset();
                   if (!options.scratch.empty()) remove_copy(copy);
                 });
}

Result<CheckReport> check_open(SQLite::Database& db, const std::string& path) {
  CheckReport report;
  const auto done = guarded(path, [&] { check_all(db, Chunks::by_checksum, report); });
  if (!done && done.error().code != Errc::corrupt) return std::unexpected(done.error());
  if (!done) add(report, done.error().what);
  return report;
}

}  // namespace alona::store
