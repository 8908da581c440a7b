// Inside the store only: the log of commits. Its pages are rows that each fill a page of the database,
// written in place one after the other, round and round. So a small commit changes one page and nothing else:
// a row a commit would take a new page every few commits, and with it the page above, the list of free pages
// and the file's header. Dropping what is sealed moves a mark and writes no page.
//
// Row data, frozen; integers little-endian, varint and zigzag as in store/pack.h:
//   u48 number   counts up for ever; the page lies in row number mod rows. A row with another number than the
//                expected one isn't part of the log (yet, or any more): there it ends
//   u16 first    where in this row the first record begins that begins here; 0: none does
//   records      one after the other; each begins and ends in one page, or begins a page and goes on over the
//                next ones. A record: varint bytes that follow; varint commit id; zigzag first - receipt;
//                varint last - first; varint readings; the packed commit (store/commit_record.h).
//                bytes = 0: the rest of the page is empty
// Settings: 'log_page' the page and 'log_from' the id of the oldest commit that counts.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "store/commit_record.h"

namespace alona::store {

// A place in the log.
struct LogPlace {
  std::uint64_t page = 0;
  std::uint32_t offset = 0;  // in the row; 0: where its first record begins
};

struct LogEntry {
  std::int64_t id = 0;
  UtcMs received{};
  UtcMs first{}, last{};  // of the readings and heartbeats in it
  std::uint32_t readings = 0;
  bool after_loss = false;  // one or more commits before it lie on damaged pages
  LogPlace at;              // where it begins
};

// The pages of the log, one at a time. Throws SQLite::Exception.
class LogPages {
 public:
  explicit LogPages(SQLite::Database& db);
  // Those that could be read of a damaged database, by their number; between them are damaged ones.
  using Found = std::map<std::uint64_t, std::vector<std::uint8_t>>;
  explicit LogPages(Found found);
  // False: the log ends before it. A damaged page is empty, and counted.
  [[nodiscard]] bool load(std::uint64_t number);
  [[nodiscard]] std::span<const std::uint8_t> data() const { return data_; }  // empty: damaged
  [[nodiscard]] std::uint64_t rows() const { return rows_; }
  // They may have been written since, or have become more.
  void forget(std::uint64_t rows) { loaded_.reset(), rows_ = rows; }

 private:
  [[nodiscard]] bool load_found(std::uint64_t number);
  std::optional<SQLite::Statement> select_;
  Found found_;
  std::uint64_t rows_ = 0;
  std::optional<std::uint64_t> loaded_;
  std::vector<std::uint8_t> data_;
};

// From the oldest commit that counts to the newest. In one transaction, where another connection writes.
class LogWalk {
 public:
  explicit LogWalk(SQLite::Database& db);
  LogWalk(LogPages pages, std::uint64_t begun, std::int64_t from);
  [[nodiscard]] bool next();
  [[nodiscard]] const LogEntry& entry() const { return entry_; }
  [[nodiscard]] std::span<const std::uint8_t> record() const { return record_; }  // until next()
  // At the end: pages behind the last commit are damaged.
  [[nodiscard]] bool lost() const { return lost_; }
  // At the end: where the next record may begin.
  [[nodiscard]] LogPlace end() const { return at_; }

 private:
  [[nodiscard]] bool find_record();
  LogPages pages_;
  std::int64_t from_ = 0;
  std::uint64_t begun_ = 0;
  LogPlace at_;
  bool lost_ = false;
  LogEntry entry_;
  std::span<const std::uint8_t> record_;
  std::vector<std::uint8_t> gathered_;  // of a record that spans pages
};

// The writer's hold on the log, with an index of it. Throws SQLite::Exception; then it must be made anew,
// except after a rollback of append alone: undo().
class HotLog {
 public:
  // `each` hears of every commit there is.
  HotLog(SQLite::Database& db, const std::function<void(const LogWalk&)>& each);
  [[nodiscard]] const std::deque<LogEntry>& entries() const { return entries_; }  // ascending
  [[nodiscard]] std::uint64_t pages() const { return head_.at.page - tail_page_ + 1; }
  [[nodiscard]] bool lost_at_end() const { return lost_at_end_; }

  // Both within a transaction.
  void append(std::int64_t id, const Batch& batch, const CommitRecord& record);
  void drop_to(std::int64_t id);  // it and all before
  void undo();                    // the transaction of the last append was rolled back

  // Until the next call.
  [[nodiscard]] std::span<const std::uint8_t> read(const LogEntry& entry);

 private:
  struct Head {
    LogPlace at;
    std::vector<std::uint8_t> data;  // of the row; empty: the page isn't begun
  };
  void begin_page();
  void write_page();
  void put(std::span<const std::uint8_t> bytes);
  void grow();

  SQLite::Database& db_;
  const std::uint32_t row_bytes_;
  SQLite::Statement update_, insert_;
  std::deque<LogEntry> entries_;
  std::uint64_t rows_ = 0;
  std::uint64_t tail_page_ = 0;
  Head head_, before_;
  std::uint64_t rows_before_ = 0;
  bool lost_at_end_ = false;
  std::optional<LogPages> pages_;
  std::vector<std::uint8_t> packed_, gathered_;
};

// The number of the page that a row of table `log` holds; 0: none yet.
[[nodiscard]] std::uint64_t log_page_number(std::span<const std::uint8_t> row);

// Sets a row of table `setting`.
void put_setting(SQLite::Database& db, const char* name, std::int64_t value);
[[nodiscard]] std::int64_t setting(SQLite::Database& db, const char* name);  // 0: there is none

}  // namespace alona::store
