// What a person has plugged in.
#pragma once

#include <filesystem>
#include <vector>

namespace alona {

// The file systems of sticks that are mounted below /media, /mnt or /run/media, and the folders right below.
[[nodiscard]] std::vector<std::filesystem::path> stick_folders();

}  // namespace alona
