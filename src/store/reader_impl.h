// Inside the store only: what a Reader holds. Split over reader.cc (tables) and reader_history.cc (readings).
#pragma once

#include <sqlite3.h>

#include <chrono>
#include <functional>

#include "store/database.h"
#include "store/reader.h"

namespace alona::store {

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
  // Every hot reading whose commit may lie in [from, to), in the order written. Throws SQLite::Exception.
  [[nodiscard]] Result<void> scan(UtcMs from, UtcMs to, const std::function<void(const ReadingRow&)>& take);
  [[nodiscard]] Result<void> scan_commits(UtcMs from, UtcMs to,
                                          const std::function<void(const Batch&)>& take);
};

}  // namespace alona::store
