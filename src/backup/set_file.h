// A backup set on the disk: a tar archive in zstd, one folder with MANIFEST first, so that tar and sqlite3
// restore it by hand (docs/backup.md). Behind the archive a zstd frame that every reader skips carries the
// SHA-256 of all bytes before it: one flipped bit, wherever it is, or one missing byte is seen.
//
// The last 52 bytes, frozen: u32 0x184D2A5A, u32 44 (little-endian, a skippable frame of RFC 8878, 3.1.2),
// then "alona-set-1\n" and the hash.
//
// What is read here may come from a stranger's stick: names, kinds, sizes and order of the members must be
// what the manifest says before a byte of them is written, and only below the folder asked for. One thread.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "backup/manifest.h"
#include "base/error.h"

namespace alona::backup {

// Bytes of the members; false: give up (temporary).
using SetProgress = std::function<bool(std::uint64_t done, std::uint64_t all)>;

// Called with the bytes of a member, piece by piece.
using Take = std::function<Result<void>(std::span<const std::uint8_t>)>;

// What goes into the set under `member.path`.
struct Source {
  Member member;
  std::string text;                               // or, where it is set:
  std::function<Result<void>(const Take&)> read;  // the same bytes each time
  unsigned mode = 0600;
};
// Fills in size and hash.
[[nodiscard]] Result<void> measure(Source& source, const std::function<bool()>& go_on);

// A new file at `path`, synced; on failure there is none. `folder`: the one in the archive. io: one of the
// sources isn't any more what was measured.
[[nodiscard]] Result<void> write_set(const std::filesystem::path& path, const std::string& folder,
                                     const Manifest& manifest, const std::vector<Source>& sources,
                                     const SetProgress& progress);

// Only what it says of itself; nothing is checked but that. Quick, however large the set.
[[nodiscard]] Result<Manifest> look_into_set(const std::filesystem::path& path);

// The whole set against its manifest and its seal; its members are written below `into` when that is given:
// an empty folder that is made, and gone again after a failure. corrupt says what is wrong.
[[nodiscard]] Result<Manifest> read_set(const std::filesystem::path& path,
                                        const std::optional<std::filesystem::path>& into,
                                        const SetProgress& progress);

}  // namespace alona::backup
