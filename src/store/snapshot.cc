#include "store/snapshot.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <system_error>
#include <thread>
#include <unordered_map>

#include "store/check.h"
#include "store/database.h"
#include "store/hot_log.h"
#include "store/wal_format.h"

namespace alona::store {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t piece_bytes = std::size_t{256} << 10;
constexpr std::uint64_t wal_bytes_max = std::uint64_t{256} << 20;
constexpr int tries_max = 500;
constexpr auto try_again = std::chrono::milliseconds{3};
constexpr std::uint64_t pages_a_look = 1024;

Error given_up(const std::string& from, std::string_view why) {
  return {Errc::temporary, fmt::format("reading {} was given up: {}", from, why), "Try again later."};
}

// What SQLite keeps in shared memory of the WAL's state,
// https://www.sqlite.org/walformat.html#the_wal_index_file: it lies there twice, so that one who reads it
// while it is written sees that.
struct WalIndex {
  std::array<std::uint8_t, 48> bytes{};
  [[nodiscard]] std::uint32_t word(std::size_t at) const {  // in the machine's order
    std::uint32_t v = 0;
    std::memcpy(&v, bytes.data() + at, sizeof v);
    return v;
  }
  [[nodiscard]] std::uint32_t frames() const { return word(16); }
  // As they stand in each frame: kept as read from there.
  [[nodiscard]] std::span<const std::uint8_t> salts() const { return std::span{bytes}.subspan(32, 8); }
  bool operator==(const WalIndex&) const = default;
};

std::optional<WalIndex> look_at_index(sqlite3_file* file) {
  void volatile* shared = nullptr;
  if (file->pMethods->iVersion < 2 || file->pMethods->xShmMap(file, 0, 32768, 0, &shared) != SQLITE_OK ||
      shared == nullptr)
    return std::nullopt;
  WalIndex first, second;
  const auto* at = static_cast<const std::uint8_t*>(const_cast<const void*>(shared));
  std::memcpy(first.bytes.data(), at, first.bytes.size());
  std::atomic_thread_fence(std::memory_order_seq_cst);
  std::memcpy(second.bytes.data(), at + first.bytes.size(), second.bytes.size());
  if (first != second) return std::nullopt;
  return first;
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

Contents look_at_contents(SQLite::Database& db) {
  Contents found{.schema = db.execAndGet("PRAGMA user_version").getInt()};
  std::vector<std::string> tables;
  SQLite::Statement names{db,
                          "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"};
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
}

}  // namespace

Result<Contents> contents_of(const fs::path& file) {
  if (auto found = check_file(file); !found) return std::unexpected(found.error());
  const auto vfs = checksum_vfs();
  if (!vfs) return std::unexpected(vfs.error());
  return guarded(file.string(), [&] { return look_at_contents(*open_at_rest(file, *vfs)); });
}

struct Snapshot::Impl {
  std::string path;
  std::unique_ptr<SQLite::Database> db;
  std::optional<SQLite::Transaction> moment;
  sqlite3_file* file = nullptr;  // of `db`, through the checksums
  WalIndex index;
  std::uint32_t page_bytes = 0, pages = 0;
  bool sealed = true;  // pages have room for a seal; else they are as they are
  std::unordered_map<std::uint32_t, std::uint32_t> in_wal;  // page: the last of its frames, from 0
  std::optional<wal::File> wal;

  // False: a commit came in between.
  [[nodiscard]] bool take_moment() {
    const auto before = look_at_index(file);
    moment.emplace(*db);
    (void)db->execAndGet("SELECT count(*) FROM sqlite_schema");
    const auto now = look_at_index(file);
    if (before && now && *before == *now) return index = *now, true;
    moment.reset();
    return false;
  }
  [[nodiscard]] Result<void> settle() {
    (void)db->execAndGet("SELECT count(*) FROM sqlite_schema");  // the WAL is open from here on
    sqlite3_file_control(db->getHandle(), "main", SQLITE_FCNTL_FILE_POINTER, static_cast<void*>(&file));
    for (int i = 0; !take_moment(); ++i) {
      if (i == tries_max) return std::unexpected(given_up(path, "there was no pause between commits"));
      std::this_thread::sleep_for(try_again);
    }
    page_bytes = static_cast<std::uint32_t>(db->execAndGet("PRAGMA page_size").getInt());
    pages = static_cast<std::uint32_t>(db->execAndGet("PRAGMA page_count").getInt());
    wal.emplace(path + "-wal");
    std::array<std::uint8_t, 4> number{};
    for (std::uint32_t frame = 0; frame < index.frames(); ++frame) {
      // One that was begun anew meanwhile: then all of the moment is in the file.
      if (!wal->read(number, frame_at(frame)) || !still_there(frame)) return in_wal.clear(), Result<void>{};
      in_wal[wal::big(number, 0)] = frame;
    }
    return {};
  }
  [[nodiscard]] std::uint64_t frame_at(std::uint32_t frame) const {
    return wal::header_bytes + std::uint64_t{frame} * (wal::frame_header_bytes + page_bytes);
  }
  // A frame's head is written before its page: whose head is as it was has its page, too.
  [[nodiscard]] bool still_there(std::uint32_t frame) const {
    std::array<std::uint8_t, 8> salts{};
    return wal->read(salts, frame_at(frame) + 8) && std::ranges::equal(salts, index.salts());
  }
  void read_page(std::uint32_t number, std::span<std::uint8_t> page) {
    const std::int64_t offset = std::int64_t{number - 1} * page_bytes;
    const auto framed = in_wal.find(number);
    const bool from_wal = framed != in_wal.end() &&
                          wal->read(page, frame_at(framed->second) + wal::frame_header_bytes) &&
                          still_there(framed->second);
    if (!from_wal) {
      const int got = file->pMethods->xRead(file, page.data(), static_cast<int>(page.size()), offset);
      if (got != SQLITE_OK) throw SQLite::Exception(sqlite3_errstr(got), got & 0xFF);
    }
    if (number == 1) sealed = page[20] == page_seal_bytes;
    if (sealed) seal_page(page, offset);
  }
  [[nodiscard]] std::optional<Error> too_long() const {
    std::error_code ec;
    const auto bytes = fs::file_size(path + "-wal", ec);
    if (ec || bytes <= wal_bytes_max) return std::nullopt;
    return given_up(path, "too much is written meanwhile");
  }
};

Snapshot::Snapshot(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Snapshot::Snapshot(Snapshot&&) noexcept = default;
Snapshot& Snapshot::operator=(Snapshot&&) noexcept = default;
Snapshot::~Snapshot() = default;

Result<Snapshot> Snapshot::begin(const fs::path& database) {
  if (auto found = check_file(database); !found) return std::unexpected(found.error());
  const auto vfs = checksum_vfs();
  if (!vfs) return std::unexpected(vfs.error());
  auto impl = std::make_unique<Impl>();
  impl->path = database.string();
  auto settled = guarded(impl->path, [&] {
    impl->db = open_reader(impl->path, *vfs);
    return impl->settle();
  });
  if (!settled) return std::unexpected(settled.error());
  if (!*settled) return std::unexpected(settled->error());
  return Snapshot{std::move(impl)};
}

std::uint64_t Snapshot::bytes() const { return std::uint64_t{impl_->pages} * impl_->page_bytes; }

Result<void> Snapshot::read(const std::function<Result<void>(std::span<const std::uint8_t>)>& take) {
  Impl& i = *impl_;
  auto done = guarded(i.path, [&]() -> Result<void> {
    std::vector<std::uint8_t> piece(piece_bytes / i.page_bytes * i.page_bytes);
    std::size_t filled = 0;
    for (std::uint32_t number = 1; number <= i.pages; ++number) {
      i.read_page(number, std::span{piece}.subspan(filled, i.page_bytes));
      filled += i.page_bytes;
      if (filled < piece.size() && number < i.pages) continue;
      if (const auto why = i.too_long()) return std::unexpected(*why);
      if (auto taken = take(std::span{piece}.first(filled)); !taken) return taken;
      filled = 0;
    }
    return {};
  });
  return done ? *done : std::unexpected(done.error());
}

Result<void> Snapshot::check(const Progress& progress) {
  Impl& i = *impl_;
  std::optional<Error> ended;
  std::uint64_t looked = 0;
  PageWatch watch{.go_on = [&] {
    if (++looked % pages_a_look != 0) return true;
    ended = i.too_long();
    if (!ended && !progress(std::min(looked * i.page_bytes, bytes()), bytes()))
      ended = given_up(i.path, "it was stopped");
    return !ended;
  }};
  const WatchPages watching{watch};
  const auto report = check_open(*i.db, i.path);
  if (ended) return std::unexpected(*ended);
  if (!report) return std::unexpected(report.error());
  if (report->whole) return {};
  return fail(Errc::corrupt, fmt::format("{} is damaged: {}", i.path, report->found));
}

Result<Contents> Snapshot::contents() {
  return guarded(impl_->path, [&] { return look_at_contents(*impl_->db); });
}

}  // namespace alona::store
