// The heart of a restore: a box's live data change places with staged ones, as a whole, whenever the power
// goes. What is under way stands in data_dir/restore; the id in it and in `live/restored` tells whether the
// folders have changed places. Nothing here looks into the data. No state; one process at a time, which holds
// lock_restore().
//
// On the disk, in this order:
//   restoring/            the staged `live/`, `etc/`, …; without a journal it is worth nothing
//   restoring/before/     the settings as they were
//   restore               the journal: from here on the next start finishes or undoes
//   live ⇄ restoring/live
//   settings              one after the other; repeated by whoever finishes
//   before-restore-TIME   restoring/ under its last name: what was there
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/time.h"
#include "ops/paths.h"

namespace alona::backup {

// A file outside of `live/` that comes from the set.
struct Setting {
  std::string member;          // etc/alona.toml
  std::filesystem::path file;  // /etc/alona/alona.toml
  bool was = false;            // it was there before
};

// data_dir/restore. Format 1, text: `alona-restore 1`, then lines `set NAME`, `at TIME`, `id HEX`, `number
// N`, `going forward|back`, `setting MEMBER was|new PATH`, and `end`.
struct Journal {
  std::string set;
  UtcMs at{};
  std::string id;            // of this restore
  std::uint64_t number = 0;  // of the newest set then: once a later one is proven, what was there may go
  bool back = false;         // it is being undone
  std::vector<Setting> settings;
};

[[nodiscard]] std::filesystem::path staging_folder(const ops::Paths& paths);
// Makes room for a new staging: what one without a journal left behind goes.
[[nodiscard]] Result<void> discard_staging(const ops::Paths& paths);

// temporary: another restore is under way.
[[nodiscard]] Result<files::Lock> lock_restore(const ops::Paths& paths);
// Whether somebody holds that lock; for any user who may read its file. Who takes it in the very moment of
// the look is told to try again.
[[nodiscard]] Result<bool> restore_locked(const ops::Paths& paths);

// Keeps the settings as they are and writes the journal. The core stands still.
[[nodiscard]] Result<void> begin_exchange(const ops::Paths& paths, Journal& journal);
// The folders change places and the settings are written. Repeatable.
[[nodiscard]] Result<void> go_forward(const ops::Paths& paths, const Journal& journal);
// What was there gets its last name; the restore is over. Nothing: there had been no history.
[[nodiscard]] Result<std::optional<std::filesystem::path>> finish_exchange(const ops::Paths& paths,
                                                                           const Journal& journal);
// All is as it was before; what the other core may have taken in meanwhile is kept as failed-restore-TIME.
// Repeatable.
[[nodiscard]] Result<void> go_back(const ops::Paths& paths, Journal& journal);

// A restore that was cut short: finished when the folders had changed places, else undone. For every start,
// before anything looks into `live/`. What was only staged goes. Nothing: there was none, or one is under
// way. corrupt: its journal can't be read. io: such as a setting that only root may write.
struct Recovered {
  std::string set;
  bool finished = false;
};
[[nodiscard]] Result<std::optional<Recovered>> recover_restore(const ops::Paths& paths);

// A set with this number is proven: what earlier restores kept isn't needed any more.
void let_go_of_kept(const ops::Paths& paths, std::uint64_t proven_number);

}  // namespace alona::backup
