// Inside the backup room only: one copy of one set on the second target. What has its name is whole. One
// thread.
#pragma once

#include <optional>
#include <string>

#include "backup/take.h"

namespace alona::backup {

// Begins with a point, so that nobody takes it for a set.
[[nodiscard]] std::filesystem::path part_of(const std::filesystem::path& file);

// Written under the name of part_of, synced, read back from the disk and compared, renamed, the folder
// synced; encrypted when there is a passphrase. On failure nothing stays where it can be removed. temporary:
// given up. corrupt: what was read back isn't what was to be copied.
[[nodiscard]] Result<void> make_copy(const BackupSet& own, const std::filesystem::path& file,
                                     const std::optional<std::string>& passphrase, const Doing& doing);

// The whole of it, from the disk rather than from memory where the system lets us. auth: it is encrypted and
// the passphrase isn't the one, or there is none.
[[nodiscard]] Result<void> read_copy(const std::filesystem::path& file,
                                     const std::optional<std::string>& passphrase, const Doing& doing);

// What is known of a copy, without modes and owners: a stick's file system may know neither.
[[nodiscard]] Result<void> put_copy_state(const BackupSet& set);

}  // namespace alona::backup
