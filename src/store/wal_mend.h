// Inside the store only: of a damaged log of writes all that can be read, as a log that SQLite takes. SQLite
// itself drops everything behind the first frame whose checksum is wrong.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/error.h"

namespace alona::store {

struct MendedWal {
  bool whole_head = true;            // false: nothing of it can be read, and nothing was written
  std::uint64_t frames_mended = 0;   // one flipped bit each (or the head), put right
  std::uint64_t frames_lost = 0;     // what they held is gone, unless a later one holds the same page
  std::uint64_t commits_behind = 0;  // read behind the first damage
  std::uint64_t commits_lost = 0;    // at the end, with no whole commit behind them; at least
};

// Reads the log of `database` and writes `to`. A frame is taken when its checksum follows from the one before
// as that stands in the file, so that one damaged frame doesn't cost those behind it. A lost page is written
// as an empty one, which SQLite takes for damaged: an older one would be taken for the present. Where a
// flipped bit may have been in the page's number, all that it may be are; with `spare` only the one that
// stands there, for one of the others may be what all the rest hangs on. io, disk_full.
[[nodiscard]] Result<MendedWal> mend_wal(const std::filesystem::path& database,
                                         const std::filesystem::path& to, bool spare = false);

}  // namespace alona::store
