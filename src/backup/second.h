// The second copies of the sets, on another disk: what is missing there is copied, read back from the disk,
// and only then gets its name; the rules of what is kept are the same there. Only sets of this host are
// touched. In a process of its own; what goes wrong here never touches the box's own sets.
#pragma once

#include <string>
#include <vector>

#include "backup/crypt.h"
#include "backup/second_target.h"
#include "backup/take.h"

namespace alona::backup {

// What was done, also when it ended in a failure.
struct Copied {
  std::vector<std::string> copied, dropped;  // names, in the order it was done
  std::filesystem::path folder;              // as people know it; empty: it wasn't there
  std::string warning;                       // of the passphrase's file; empty: none
  bool same_disk = false;  // as the box's own sets: such a copy doesn't survive that disk's death
  // The name of the newest set that is there now. not_found: the target is absent. temporary: another backup
  // is under way, or it was given up. disk_full, io: nothing half made stays where it can be removed.
  Result<std::string> newest;
};

// Finds the target, copies, keeps the outcome in SECOND.state. Killed anywhere: what has a name is whole, and
// the next one clears up. Takes the lock.
[[nodiscard]] Copied copy_to_second(const Box& box, const Clock& clock, const Doing& doing,
                                    const Devices& devices = {});

// All sets in a target's folder, of whatever host; the newest first, by their numbers.
[[nodiscard]] Result<std::vector<BackupSet>> list_copies(const SecondTarget& target);

// As verify_set, for a copy: read from the disk, not from memory, where the system lets us. auth: it is
// encrypted and the passphrase isn't the one, or there is none; then nothing is known of it.
[[nodiscard]] Result<void> verify_copy(BackupSet& set, const SecondTarget& target,
                                       const std::optional<std::string>& passphrase, const Clock& clock,
                                       const Doing& doing);

// What [backup] passphrase_file holds; nothing when none is configured. config: it is of no use, or the sets
// themselves would hold it.
[[nodiscard]] Result<std::optional<Passphrase>> passphrase_of(const ops::Config& config);

// Inside the room, and for tests: which of `own` (newest first) are to be copied, under their names there,
// the newest first but each behind the one that it builds on, and which of `there` may go, the first to go
// first. What would be dropped at once isn't copied, nor what would lack the one that it builds on.
struct CopyPlan {
  std::vector<BackupSet> copy, drop;
};
[[nodiscard]] CopyPlan plan_copies(const std::vector<BackupSet>& own, const std::vector<BackupSet>& there,
                                   const Retention& retention, bool encrypted = false);
// As a set of the box is called and how long it is on the target.
[[nodiscard]] std::string copy_name(const BackupSet& own, bool encrypted);
[[nodiscard]] std::uint64_t copy_bytes(const BackupSet& own, bool encrypted);

}  // namespace alona::backup
