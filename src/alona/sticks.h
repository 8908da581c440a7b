// What a person has plugged in.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "backup/stick.h"
#include "ops/paths.h"

namespace alona {

// The file systems of sticks that are mounted below /media, /mnt or /run/media, and the folders right below.
[[nodiscard]] std::vector<std::filesystem::path> stick_folders();

// Sticks to read from, as long as this lives.
struct Sticks {
  std::vector<std::filesystem::path> folders;  // each stick's own and those right below
  std::vector<Error> troubles;                 // what keeps a stick from being read: temporary, corrupt …
  std::vector<Fd> held;
};

// Root's also has those that nobody has mounted: mounted read-only below runtime_dir-sticks, in a view of
// this process's own. So nobody else sees them, and they are gone however it ends. To be called on the
// process's one thread, before it starts others: its mounts from now on are its own.
[[nodiscard]] Sticks open_sticks(const ops::Paths& paths);
// Of the one device `name`, such as sda1, alone, which nobody has mounted; else nothing.
[[nodiscard]] Sticks open_stick(const ops::Paths& paths, const std::string& name);

}  // namespace alona
