// A SQLite VFS that seals each page of a database file with a checksum in the page's last eight (reserved)
// bytes and checks it at every read, so that a flipped bit is an error and never a wrong value. SQLite itself
// doesn't look at those bytes, so the plain sqlite3 shell still reads the file; what it *changes* counts as
// damage.
//
// Pages in the WAL carry the WAL's own checksums; ours are set when a checkpoint writes the page home. When
// the shell is the last to close a database whose core was killed, that checkpoint is the shell's. Therefore
// reading breaks a seal: in memory and in the WAL its place is zero, and a page that came home like that is
// taken without a seal until it is written again, or until Writer::seal_pages makes it good. Stale seals,
// which a flip would look like, never come about. Layout: page[0 .. size-8) ‖ CRC-32C of it (4,
// little-endian) ‖ CRC-32C of the page number and those 4 (4, little-endian), so that a page written to the
// wrong place is found as well.
//
// The WAL's own file it lengthens beforehand, by 256 KiB to 1 MiB of zeros at a time: behind a reader that
// holds a moment, such as a backup, the WAL can't begin anew, and each commit would pay for a longer file.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <span>
#include <string>

#include "base/error.h"

namespace alona::store {

inline constexpr int page_seal_bytes = 8;

// A whole page as it lies in the file: its seal holds, or it has none.
[[nodiscard]] bool seal_holds(std::span<const std::uint8_t> page, std::int64_t offset);

// Gives a page the seal that it has in the file.
void seal_page(std::span<std::uint8_t> page, std::int64_t offset);

// Whether this thread has met a damaged page since it asked last: SQLite doesn't always say why a read
// failed.
[[nodiscard]] bool met_damage();

// What a thread's reading of pages goes through while a WatchPages stands in it: for checks and for salvage.
struct PageWatch {
  // After each page; may sleep. False ends the reading with SQLITE_INTERRUPT.
  std::function<bool()> go_on;
  // A page in which one bit is flipped is read as it was. The bit is found by trying each: a chance of one in
  // 500,000 that a page damaged otherwise is taken for such a one; chunks and commits have checksums of their
  // own beside.
  bool mend = false;
  std::uint64_t pages = 0, unsealed = 0, damaged = 0;  // reads of the file, not of its WAL
  std::set<std::int64_t> mended;                       // pages, by their offset
};

class WatchPages {
 public:
  explicit WatchPages(PageWatch& watch);  // one at a time in a thread
  ~WatchPages();
  WatchPages(const WatchPages&) = delete;
  WatchPages& operator=(const WatchPages&) = delete;
};

// Registers the VFS over `base` (empty: the system's default) and returns its name; later calls return the
// same name. Thread-safe.
[[nodiscard]] Result<std::string> checksum_vfs(const std::string& base = {});

}  // namespace alona::store
