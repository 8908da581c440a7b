// Inside the store only: what a Reader holds. Split over reader.cc (tables) and reader_history.cc (readings).
#pragma once

#include <sqlite3.h>

#include <chrono>
#include <functional>
#include <unordered_map>

#include "store/database.h"
#include "store/hot_log.h"
#include "store/reader.h"
#include "store/series_merge.h"
#include "store/shelf.h"

namespace alona::store {

// The readings of the log of commits in true time, by the series that are asked for.
using Newer = std::unordered_map<SeriesNo, std::vector<ReadingRow>>;

struct Reader::Impl {
  std::string path;
  std::unique_ptr<SQLite::Database> db;
  Ms limit{5000};
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();

  // Runs `work` under the time limit. Afterwards the pages it read go back: hours pass between questions, and
  // the kernel keeps them anyway.
  template <class Work>
  auto ask(Work&& work) {
    deadline = std::chrono::steady_clock::now() + limit;
    auto answer = guarded(path, std::forward<Work>(work));
    sqlite3_db_release_memory(db->getHandle());
    return answer;
  }
  std::unique_ptr<ChunkCodec> codec;  // made when the first question is asked
  // All of these throw SQLite::Exception.
  void end_if_late() const;
  void scan_hot(Newer& newer, const ClockShifts& shifts, UtcMs from, UtcMs to,
                const std::function<void(UtcMs, UtcMs)>& gap);
  [[nodiscard]] SeriesMerge merge(const ClockShifts& shifts);
  [[nodiscard]] Result<void> scan_commits(const std::function<bool(const LogEntry&)>& asked,
                                          const std::function<void(const Batch&)>& take);
};

// The newest `max` starts of the box, newest first, in true time as far as it is known.
[[nodiscard]] std::vector<Start> load_starts(SQLite::Database& db, std::size_t max);

// For what else in the store asks by a reader's connection.
struct ReaderAccess {
  using Impl = Reader::Impl;
  [[nodiscard]] static Impl& impl(Reader& reader) { return *reader.impl_; }
};

}  // namespace alona::store
