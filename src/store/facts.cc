#include "store/facts.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "store/database.h"
#include "store/sql.h"

namespace alona::store {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t header_bytes = 100;  // https://sqlite.org/fileformat.html, "The Database Header"

std::uint32_t number(std::string_view header, std::size_t at, std::size_t bytes) {
  std::uint32_t n = 0;
  for (std::size_t i = 0; i < bytes; ++i) n = n << 8 | static_cast<unsigned char>(header[at + i]);
  return n;
}

std::string header_lines(std::string_view h) {
  return fmt::format(
      "page size            {}\nreserved of each page {}\nwrite/read format    {}/{}\nchange counter       "
      "{}\n"
      "pages                {}\nfree pages           {}\nschema cookie        {}\nuser version         {}\n"
      "application id       {:#x}\nlast written by      SQLite {}\n",
      number(h, 16, 2), number(h, 20, 1), number(h, 18, 1), number(h, 19, 1), number(h, 24, 4),
      number(h, 28, 4), number(h, 36, 4), number(h, 40, 4), number(h, 60, 4), number(h, 68, 4),
      number(h, 96, 4));
}

// Sets `over` when the time is up, unless it is gone before.
class Alarm {
 public:
  Alarm(Ms after, std::atomic<bool>& over)
      : thread_([this, after, &over] {
          std::unique_lock lock{mutex_};
          if (!gone_.wait_for(lock, after, [this] { return done_; })) over = true;
        }) {}
  ~Alarm() {
    {
      const std::scoped_lock lock{mutex_};
      done_ = true;
    }
    gone_.notify_one();
    thread_.join();
  }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable gone_;
  bool done_ = false;
  std::thread thread_;  // last: it uses the others
};

// The first column of each row.
Result<std::vector<std::string>> column(Sql& sql, std::string_view statement) {
  std::vector<std::string> values;
  const auto ran =
      sql.run(statement, {.columns = [](const auto&) {},
                          .row =
                              [&](std::span<const SqlValue> row) {
                                const SqlValue& v = row.front();
                                values.push_back(v.kind == SqlValue::Kind::integer ? std::to_string(v.integer)
                                                                                   : std::string(v.text));
                                return true;
                              },
                          .end = [] {}});
  if (!ran) return std::unexpected(ran.error());
  return values;
}

std::string table_lines(const fs::path& database, Ms patience) {
  std::atomic<bool> over = false;
  const Alarm alarm{patience, over};
  auto sql = Sql::open(database, over);
  if (!sql) return fmt::format("tables               not counted: {}\n", sql.error().what);
  const auto names = column(*sql, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name");
  if (!names) return fmt::format("tables               not counted: {}\n", names.error().what);
  std::string lines;
  for (const std::string& name : *names) {
    const auto rows = column(*sql, fmt::format("SELECT count(*) FROM \"{}\"", name));
    lines += fmt::format("rows of {:<12} {}\n", name,
                         rows && !rows->empty() ? rows->front()
                         : over                 ? "not counted in time"
                                                : "not counted: " + (rows ? "nothing" : rows.error().what));
  }
  return lines;
}

}  // namespace

Result<std::string> facts_of(const fs::path& database, Ms patience) {
  std::error_code unseen;
  if (!fs::exists(database, unseen))
    return fail(Errc::not_found, fmt::format("there is no database at {}", database.string()));
  const auto header = first_bytes(database.string(), header_bytes);
  if (!header)
    return fail(Errc::io,
                fmt::format("cannot read {}: {}", database.string(), std::generic_category().message(errno)));
  if (header->size() != header_bytes)
    return fail(Errc::corrupt, fmt::format("{} has no database's header", database.string()));
  std::string text;
  for (const char* suffix : {"", "-wal", "-shm", ".damaged"}) {
    std::error_code ec;
    const auto bytes = fs::file_size(database.string() + suffix, ec);
    if (!ec) text += fmt::format("bytes of {} {}\n", (database.filename().string() + suffix), bytes);
  }
  return text + header_lines(*header) + table_lines(database, patience);
}

std::string sqlite_version() { return sqlite3_libversion(); }

}  // namespace alona::store
