// What can be read of a damaged database, copied row by row into a fresh one. The damaged one and its WAL
// stay as they are, to the byte. One thread, a few MiB of memory whatever the size.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace alona::store {

struct SalvagedTable {
  std::string name;
  std::uint64_t kept = 0;
  std::uint64_t lost = 0;  // at least; of tables with numbers, at most
};

struct SalvageReport {
  std::vector<SalvagedTable> tables;
  std::uint64_t chunks_damaged = 0;  // set aside: shown as gaps
  std::uint64_t pages_mended = 0;    // one flipped bit each, put right
  // Of a damaged log of writes (store/wal_mend.h):
  std::uint64_t log_frames_mended = 0, log_frames_lost = 0, log_commits_behind = 0, log_commits_lost = 0;
  bool log_unread = false;   // nothing of it could be read, or nothing behind the damage
  std::string text() const;  // for people, one line
  [[nodiscard]] bool lost_nothing() const;
};

struct SalvageOptions {
  // Told now and then, with rows copied; false: give up (temporary).
  std::function<bool(std::uint64_t rows)> go_on;
};

// Makes `to`, which must not exist: closed, synced and whole when it returns. Pages of `from` that fail their
// checksum are passed over, with what was on them counted; chunks that fail theirs are set aside; commits of
// the log that fail theirs are lost, their stretch of time becomes an outage "damaged". Of a damaged WAL what
// can be read is read, behind the damage too; for that a second name of the database, `to`.source, stands
// beside `to` meanwhile. corrupt: there is nothing to salvage. disk_full, io: no room for the copy; `to` is
// gone again. The caller holds the lock.
[[nodiscard]] Result<SalvageReport> salvage(const std::filesystem::path& from,
                                            const std::filesystem::path& to,
                                            const SalvageOptions& options = {});

}  // namespace alona::store
