// Looking for damage. check_start is the start's; quick_check and full_check read everything and may take
// hours on a slow card: they run on a thread or in a process of their own, on a read connection beside the
// writer, at a share of the time, and end when asked.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace alona::store {

// The schema, the small tables and the log of commits, read whole: at most seconds. corrupt, else.
[[nodiscard]] Result<void> check_start(SQLite::Database& db, const std::string& path);

struct CheckOptions {
  double share = 1.0;  // of the time; the rest it sleeps
  const std::atomic<bool>* stop = nullptr;
  // Given up once the WAL, which can't begin anew while we read, is larger.
  std::uint64_t wal_bytes_max = std::uint64_t{64} << 20;
  std::filesystem::path scratch;  // full_check's copy, deleted afterwards; empty: none, it reads in place
};

inline constexpr std::size_t damaged_chunks_max = 1000;

struct CheckReport {
  bool whole = true;
  bool beyond_chunks = false;                // more than single chunks, which are set aside, is damaged
  std::string found;                         // for people; what is damaged, the first few of each kind
  std::uint64_t pages = 0, unsealed = 0;     // unsealed: written home by another program, not checked
  std::vector<std::int64_t> damaged_chunks;  // to set aside; at most damaged_chunks_max
  std::uint64_t chunks = 0, chunks_damaged = 0, chunks_set_aside = 0, commits = 0;
  bool on_copy = false;
};

// PRAGMA quick_check. temporary: it was stopped, or given up because of the WAL.
[[nodiscard]] Result<CheckReport> quick_check(const std::filesystem::path& database,
                                              const CheckOptions& options);
// On a copy of one moment where `scratch` has room: PRAGMA integrity_check, the checksum of every page, every
// chunk and every commit of the log.
[[nodiscard]] Result<CheckReport> full_check(const std::filesystem::path& database,
                                             const CheckOptions& options);

// The same on a connection as it is, in its transaction if it has one, with each chunk by its checksum.
[[nodiscard]] Result<CheckReport> check_open(SQLite::Database& db, const std::string& path);

}  // namespace alona::store
