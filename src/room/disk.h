// The file system that the data lies on, and the ballast file in it, behind an interface: a test gives
// numbers. Called on the writer thread; each call takes at most as long as syncing a slice of the ballast.
#pragma once

#include <filesystem>
#include <memory>

#include "base/error.h"
#include "room/ladder.h"

namespace alona::room {

class Disk {
 public:
  virtual ~Disk() = default;
  [[nodiscard]] virtual Result<Space> look() = 0;
  // Goes on making the ballast; some calls later all of it is written, not only promised. Nothing is changed
  // where it exists.
  [[nodiscard]] virtual Result<void> make_ballast(std::uint64_t bytes) = 0;
  [[nodiscard]] virtual Result<void> give_ballast_back() = 0;
};

// The file `ballast` in `folder`.
[[nodiscard]] std::unique_ptr<Disk> data_disk(const std::filesystem::path& folder);

}  // namespace alona::room
