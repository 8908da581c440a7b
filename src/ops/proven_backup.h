// The newest backup that a drill has proven restorable, for whoever must be told: the rescue page, findings.
#pragma once

#include <optional>
#include <string>

#include "base/time.h"
#include "ops/paths.h"

namespace alona::ops {

struct ProvenBackup {
  std::string set;
  UtcMs taken{};
};

// Nothing: none is known. Alona makes no backups yet, so that is always so.
[[nodiscard]] inline std::optional<ProvenBackup> newest_proven_backup(const Paths&) { return std::nullopt; }

// In words, and the command that brings it back.
[[nodiscard]] inline std::string told(const ProvenBackup& backup) {
  return "Of " + iso8601(backup.taken).substr(0, 10) + ": " + backup.set;
}
[[nodiscard]] inline std::string restore_command(const ProvenBackup& backup) {
  return "sudo alona restore " + backup.set;
}

}  // namespace alona::ops
