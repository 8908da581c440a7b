// One moment of the database in a file of its own, for backups: taken beside the running writer, looked at
// once nobody writes to it any more. In the backup's process, never in the core's; one thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace alona::store {

// Bytes; false: give up (temporary).
using CopyProgress = std::function<bool(std::uint64_t done, std::uint64_t all)>;

// Of what is committed at its begin, by steps of 1 MiB that no commit restarts. `to`, which must not exist,
// is whole and synced afterwards; on failure it is gone. temporary: given up, or the WAL, which can't begin
// anew meanwhile, has grown past 256 MiB. corrupt: a page can't be read. disk_full.
[[nodiscard]] Result<void> copy_database(const std::filesystem::path& from, const std::filesystem::path& to,
                                         const CopyProgress& progress);

// What a copy holds, so that another one can be told to be the same.
struct Contents {
  int schema = 0;
  std::uint64_t readings = 0;                               // of chunks and of the log
  std::optional<UtcMs> newest;                              // the latest of them, by its own time
  std::optional<UtcMs> last_write;                          // when the last commit was received
  std::vector<std::pair<std::string, std::uint64_t>> rows;  // by table, ascending by name; the log: commits
  bool operator==(const Contents&) const = default;
};

// Of a file that nobody writes to, of any version that this program can open. Leaves nothing beside it.
[[nodiscard]] Result<Contents> contents_of(const std::filesystem::path& copy);

// integrity_check, every page's seal, every chunk's checksum and every commit of such a file: corrupt says what is
// wrong. Chunks that had been set aside before are no fault of the copy.
[[nodiscard]] Result<void> check_copy(const std::filesystem::path& copy);

}  // namespace alona::store
