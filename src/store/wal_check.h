// A database's log of writes (its WAL) after a core that was killed. SQLite takes it up to the first frame
// whose checksum is wrong and drops the rest without a word, for that is how the last, torn transaction of a
// power cut looks. A flipped bit in the middle looks the same to it, and takes acknowledged commits along. So
// we look first.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/error.h"

namespace alona::store {

struct WalState {
  bool damaged = false;            // more is lost than a power cut can explain
  std::string why;                 // for people
  std::uint64_t frames = 0;        // of its present generation, whole ones
  std::uint64_t lost_commits = 0;  // behind the place where SQLite stops; at least
};

// Before anything opens the database in this process: it closes the file, and POSIX drops a process's locks
// with that. Reads the log once, a frame at a time. No log, or an empty one: not damaged. io: it can't be
// read.
[[nodiscard]] Result<WalState> check_wal(const std::filesystem::path& database);

// corrupt when it is damaged.
[[nodiscard]] Result<void> refuse_damaged_wal(const std::filesystem::path& database);

}  // namespace alona::store
