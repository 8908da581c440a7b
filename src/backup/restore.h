// A restore: a set takes the place of what the box has, or of nothing on a fresh one. Unpacked, checked and
// read beside what is there before anything is touched; then exchanged as a whole (backup/exchange.h); then
// the core must turn well with it, or all goes back. In a process of its own; whoever is killed here leaves
// wholly the old or wholly the new, and the next start of the core says which.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "backup/drill.h"
#include "backup/take.h"

namespace alona::backup {

// How the core of this box, and its broker, are told; systemd or by hand.
class CoreControl {
 public:
  virtual ~CoreControl() = default;
  // When it returns, no core has the database. True: one was running. temporary: it doesn't stop.
  [[nodiscard]] virtual Result<bool> stop() = 0;
  [[nodiscard]] virtual Result<void> start() = 0;
  // Waits until the core that was started is well, as its /health says, or says why it isn't.
  [[nodiscard]] virtual Result<void> wait_well() = 0;
  // After that: it is still the same core, and well, some seconds later.
  [[nodiscard]] virtual Result<void> stays_well() = 0;
  // The gate is passed. What is left for a person to do, if anything.
  [[nodiscard]] virtual std::string leave_running(bool was_running) = 0;
};

struct Restored {
  BackupSet set;
  std::uint64_t readings = 0;                 // that the reader showed
  std::optional<std::filesystem::path> kept;  // what was there
  std::vector<std::string> notes;             // for the person: what is left to do
};

// `start` false: the core stays stopped and nobody has seen it turn. corrupt, newer, disk_full, temporary:
// nothing was touched. failed: the core didn't turn well with it, and what was there is back.
[[nodiscard]] Result<Restored> restore_set(const Box& box, const std::filesystem::path& set_file,
                                           CoreControl& core, bool start, const Clock& clock,
                                           const Doing& doing);

}  // namespace alona::backup
