// A set of changes: of a large database only the blocks that differ from a whole set's, its base. Instead of
// `live/db/alona.sqlite3` it holds `live/db/changes`, as long as the database: a block of 512 bytes that is
// as in the base is all zeros there, which pack to nothing; every other is as it is. A page of the database
// is a block and is never all zeros, for it carries its seal. So over a copy of the base's database
//   dd if=changes of=alona.sqlite3 bs=512 conv=notrunc,sparse
// makes it, cut or not to the length of `changes`; docs/backup.md shows it. The manifest names the base with
// the SHA-256 of its database, and that of the database that must come out. Inside the backup room; one
// thread; a few hundred KiB and a bit a block.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "backup/manifest.h"
#include "backup/set_file.h"
#include "backup/set_stream.h"
#include "base/hash.h"
#include "store/snapshot.h"

namespace alona::backup {

inline constexpr std::size_t block_bytes = 512;

// The database in a whole set, from its front to its end.
class BaseDatabase {
 public:
  explicit BaseDatabase(std::filesystem::path set) : stream_(std::move(set)) {}
  // corrupt: it isn't whole, or not the base that was meant; not_found.
  [[nodiscard]] Result<void> begin(const std::string& database_sha256);
  [[nodiscard]] Result<std::size_t> data(std::span<char> room) { return stream_.data(room); }
  [[nodiscard]] Result<void> end() { return stream_.end_member(); }  // all of it was as it should be

 private:
  SetStream stream_;
};

// Makes the database again, piece by piece, of `changes` and the base beside the set.
class Filling {
 public:
  Filling(const std::filesystem::path& set, const Manifest& manifest);
  [[nodiscard]] Result<void> begin();
  // `piece`: what comes next of `changes`, whole blocks; then of the database.
  [[nodiscard]] Result<void> fill(std::span<char> piece);
  [[nodiscard]] Result<void> end();  // corrupt: what came out isn't the database that was backed up

 private:
  const std::filesystem::path set_;
  const Manifest& manifest_;
  BaseDatabase base_;
  Sha256 hash_;
  std::string piece_ = std::string(piece_bytes, '\0');
};

struct Difference {
  std::vector<bool> changed;  // by block
  std::uint64_t changed_bytes = 0;
  Member whole, changes;
};
// Between the moment and the database in `base`. Nothing: more than half has changed, or it can't be told by
// blocks; a whole set is the better one. corrupt: the base is damaged.
[[nodiscard]] Result<std::optional<Difference>> difference(store::Snapshot& moment,
                                                           const std::filesystem::path& base,
                                                           const std::string& database_sha256,
                                                           const SetProgress& progress);
// The member `changes`, piece by piece.
[[nodiscard]] Result<void> read_changes(store::Snapshot& moment, const Difference& difference,
                                        const Take& take);

}  // namespace alona::backup
