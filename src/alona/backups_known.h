// What the findings about backups are made of, from the sets themselves: for the running core and for
// `alona health` beside a dead one. No state.
#pragma once

#include <filesystem>
#include <vector>

#include "backup/sets.h"
#include "web/backup_findings.h"

namespace alona {

// How old the box is, by a file that its setup made; nothing: it isn't there.
[[nodiscard]] std::optional<UtcMs> box_since(const std::filesystem::path& made_at_setup);

// `sets`: the newest first. `made_at_setup`: a file as old as the box; absent: nobody knows how old it is.
[[nodiscard]] web::BackupsKnown backups_known(const std::vector<backup::BackupSet>& sets,
                                              const std::filesystem::path& made_at_setup, Ms age_max);

}  // namespace alona
