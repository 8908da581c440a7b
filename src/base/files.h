// Files that survive power cuts. Every function says what lies on disk after it returned, and after it
// failed. What root makes in somebody's folder belongs to that user: a command given with sudo leaves nothing
// that the core can't open. Any thread; no state.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace alona::files {

// "cannot DOING PATH: why", for an errno: disk_full, not_found or io, with what to do about it where that is
// known.
[[nodiscard]] Error failure(std::string_view doing, const std::filesystem::path& path, int error);

// The whole file, refused above `bytes_max`. not_found when it isn't there.
[[nodiscard]] Result<std::string> read(const std::filesystem::path& path, std::size_t bytes_max = 64 << 20);

// Writes beside, syncs, renames over, syncs the folder: wholly the old or wholly the new, whenever the power
// goes. A file that exists keeps its owner and group; a new one takes the folder's group if the folder is
// set-gid.
[[nodiscard]] Result<void> replace(const std::filesystem::path& path, std::string_view content, mode_t mode);

// Makes the folder and its parents; leaves what exists as it is.
[[nodiscard]] Result<void> make_folder(const std::filesystem::path& path, mode_t mode);

// Two folders, or files, of one file system change places, at once and whenever the power goes; both parents
// are synced. refused: this file system can't. not_found: one of them isn't there; nothing was changed.
[[nodiscard]] Result<void> exchange(const std::filesystem::path& a, const std::filesystem::path& b);

// Makes renames and new names in the folder survive a power cut.
[[nodiscard]] Result<void> sync_folder(const std::filesystem::path& path);

// Makes a whole file survive a power cut, and its name in the folder.
[[nodiscard]] Result<void> sync_file(const std::filesystem::path& path);

// An advisory lock on a file, held while the object lives and released by the kernel however the process
// ends.
class Lock {
 public:
  // temporary when another process holds it; the error names that process.
  [[nodiscard]] static Result<Lock> take(const std::filesystem::path& path);
  Lock(Lock&& other) noexcept;
  Lock& operator=(Lock&& other) noexcept;
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  ~Lock();

 private:
  explicit Lock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace alona::files
