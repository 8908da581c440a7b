// A drill: a set is restored into a scratch folder and opened with this program, as a restore would. What
// came through is proven restorable; nothing of the box is touched. In a process of its own.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "backup/take.h"

namespace alona::backup {

struct Drilled {
  std::uint64_t readings = 0;  // that the reader showed
  int schema = 0;              // the set's, before this program brought it up to date
};

// The set below `into`, which must not exist: unpacked, every count compared with its manifest, the database
// brought up to date, the whole history of every series read. On failure `into` may be left. As drill_set
// fails; newer: a later program made it.
[[nodiscard]] Result<Drilled> unpack_and_read(const std::filesystem::path& into, const BackupSet& set,
                                              const Doing& doing);

// Unpacks the set, compares every count with its manifest, upgrades the copy, reads the whole history of
// every series, and keeps the outcome. corrupt: it isn't what it says, or can't be read; then it counts for
// nothing. disk_full. Under the lock.
[[nodiscard]] Result<Drilled> drill_set(const Box& box, BackupSet& set, const Clock& clock,
                                        const Doing& doing);

// Sets that a drill has proven, the newest first; from the states alone, and from whether what they build on
// is there.
struct Proven {
  std::filesystem::path file;
  UtcMs at{};  // of the drill
};
[[nodiscard]] std::vector<Proven> proven_sets(const std::filesystem::path& folder);
[[nodiscard]] std::optional<Proven> newest_proven(const std::filesystem::path& folder);
// For a page: which set, proven when; and the command that brings it back.
[[nodiscard]] std::string told(const Proven& proven);
[[nodiscard]] std::string way_back(const Proven& proven);

}  // namespace alona::backup
