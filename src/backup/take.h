// Making a backup: one moment of the database, the broker's files and passwords, the configuration, in a set
// that is read back whole before it gets its name. In a process of its own, never in the core's.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "backup/sets.h"
#include "base/error.h"
#include "base/time.h"
#include "ops/config.h"

namespace alona::backup {

// False: give up (temporary).
using Doing = std::function<bool(std::string_view doing, std::uint64_t done, std::uint64_t all)>;

struct Box {
  ops::Config config;
  std::filesystem::path config_file;  // may be absent
  std::string host, program;
  // A set of a larger database is one of changes, where there is a whole one to build on; tests take less.
  std::uint64_t whole_up_to_bytes = std::uint64_t{500} << 20;
};
[[nodiscard]] std::filesystem::path sets_folder(const Box& box);

struct Taken {
  BackupSet set;                     // verified
  std::vector<std::string> dropped;  // by retention
  std::string note;                  // for people; empty: nothing to tell
};

// Snapshot, integrity_check and counts, archive, read back, rename, state, retention; each on the disk before
// the next. Killed anywhere: what was whole stays whole, and the next backup clears up. temporary: one is
// under way. disk_full: said before anything is written. corrupt: the database is damaged, and no set is made
// of it. Of a database of more than 500 MiB each seventh set is whole, the others are of changes. The set's
// time is never before the newest commit in it, whatever the clock says.
[[nodiscard]] Result<Taken> take_backup(const Box& box, const Clock& clock, const Doing& doing);

// Reads the set whole and keeps what was found. Under the lock.
[[nodiscard]] Result<void> verify_set(BackupSet& set, const Clock& clock, const Doing& doing);

}  // namespace alona::backup
