// A SQLite VFS that seals each page of a database file with a checksum in the page's last eight (reserved)
// bytes and checks it at every read, so that a flipped bit is an error and never a wrong value. SQLite itself
// doesn't look at those bytes, so the plain sqlite3 shell still reads the file; what it *changes* counts as
// damage.
//
// Pages in the WAL carry the WAL's own checksums; ours are set when a checkpoint writes the page home. When
// the shell is the last to close a database whose core was killed, that checkpoint is the shell's. Therefore
// reading breaks a seal: in memory and in the WAL its place is zero, and a page that came home like that is
// taken without a seal until it is written again. Stale seals, which a flip would look like, never come
// about. Layout: page[0 .. size-8) ‖ CRC-32C of it (4, little-endian) ‖ CRC-32C of the page number and those
// 4 (4, little-endian), so that a page written to the wrong place is found as well.
#pragma once

#include <string>

#include "base/error.h"

namespace alona::store {

inline constexpr int page_seal_bytes = 8;

// Registers the VFS over `base` (empty: the system's default) and returns its name; later calls return the
// same name. Thread-safe.
[[nodiscard]] Result<std::string> checksum_vfs(const std::string& base = {});

}  // namespace alona::store
