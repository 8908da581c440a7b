// Files that may go when there is no room: copies of what exists elsewhere, or remains of what was damaged.
// Whoever has such files implements Droppable and hands it to the keeper, in the order to drop. Writer
// thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "base/error.h"

namespace alona::room {

class Droppable {
 public:
  struct File {
    std::filesystem::path path;
    std::uint64_t bytes = 0;
  };
  virtual ~Droppable() = default;
  // In the order to drop, at most limits::room_files_max. What must stay isn't in it.
  [[nodiscard]] virtual std::vector<File> list() = 0;
  [[nodiscard]] virtual Result<void> drop(const File& file);  // deletes it
};

// Every file of a folder, the oldest first; folders stay. None where there is no such folder.
[[nodiscard]] std::unique_ptr<Droppable> whole_folder(const std::filesystem::path& folder);

}  // namespace alona::room
