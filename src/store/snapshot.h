// One moment of the database, for backups: read beside the running writer, without a copy of it on the disk.
// In the backup's process, never in the core's; one thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace alona::store {

// What a database holds, so that another one can be told to be the same.
struct Contents {
  int schema = 0;
  std::uint64_t readings = 0;                               // of chunks and of the log
  std::optional<UtcMs> newest;                              // the latest of them, by its own time
  std::optional<UtcMs> last_write;                          // when the last commit was received
  std::vector<std::pair<std::string, std::uint64_t>> rows;  // by table, ascending by name; the log: commits
  bool operator==(const Contents&) const = default;
};

// Of a file that nobody writes to, of any version that this program can open. Leaves nothing beside it.
[[nodiscard]] Result<Contents> contents_of(const std::filesystem::path& file);

// Holds a read transaction while it lives: the WAL can't begin anew meanwhile, so don't let it live long.
// What a writer commits, and what it writes home, changes nothing in it.
class Snapshot {
 public:
  // not_found, corrupt, newer: as check_file. temporary: there was no moment's pause between two commits.
  [[nodiscard]] static Result<Snapshot> begin(const std::filesystem::path& database);
  Snapshot(Snapshot&& other) noexcept;
  Snapshot& operator=(Snapshot&& other) noexcept;
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;
  ~Snapshot();

  // Bytes; false: give up (temporary).
  using Progress = std::function<bool(std::uint64_t done, std::uint64_t all)>;
  // temporary: given up, or the WAL has grown past 256 MiB, which all of these look at. corrupt: a page,
  // chunk or commit isn't what was written.

  // integrity_check, every page's seal, every chunk's checksum and every commit. Chunks that had been set
  // aside before are no fault of the moment.
  [[nodiscard]] Result<void> check(const Progress& progress);
  [[nodiscard]] Result<Contents> contents();

  // The file as it would be with everything written home, each page sealed; in order, in pieces of some
  // hundred KiB. The same each time.
  [[nodiscard]] std::uint64_t bytes() const;
  [[nodiscard]] Result<void> read(const std::function<Result<void>(std::span<const std::uint8_t>)>& take);

 private:
  struct Impl;
  explicit Snapshot(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace alona::store
