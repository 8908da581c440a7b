// Inside the store only: what a Reader holds. Split over reader.cc (tables) and reader_history.cc (readings).
#pragma once

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

  // Runs `work` under the time limit.
  template <class Work>
  auto ask(Work&& work) {
    deadline = std::chrono::steady_clock::now() + limit;
    return guarded(path, std::forward<Work>(work));
  }
  // Every hot reading whose commit may lie in [from, to), in the order written. Throws SQLite::Exception.
  [[nodiscard]] Result<void> scan(UtcMs from, UtcMs to, const std::function<void(const ReadingRow&)>& take);
  [[nodiscard]] Result<void> scan_commits(UtcMs from, UtcMs to,
                                          const std::function<void(const Batch&)>& take);
};

}  // namespace alona::store
