// What is wrong with the backups, as findings: none, too old, none proven, or not for 15 days. A pure
// function of what is known.
#pragma once

#include <string>
#include <vector>

#include "web/finding.h"
#include "web/model.h"

namespace alona::web {

struct BackupsKnown {
  BackupNews news;
  std::string failed;              // why the newest that failed did; empty: none has
  std::optional<UtcMs> box_since;  // nothing: not known, so long ago
  Ms age_max{};
};

// While the time isn't trusted, an age counts from a day more on.
[[nodiscard]] std::vector<Finding> backup_findings(const BackupsKnown& known, UtcMs now, bool clock_trusted);

}  // namespace alona::web
