// Inside the backup room only: what goes into a set beside the database. One thread.
#pragma once

#include <vector>

#include "backup/set_file.h"
#include "backup/take.h"

namespace alona::backup {

// README, the broker's files, the configuration, what [backup] include names; read once, so what changes
// meanwhile is in the set as it was at this moment. refused: one is longer than 16 MiB.
[[nodiscard]] Result<std::vector<Source>> small_files(const Box& box);

}  // namespace alona::backup
