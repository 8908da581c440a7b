// After a salvage, before the fresh database gets its place: what was lost comes from the newest backup that
// a drill has proven. On the main thread of a core that starts; minutes for a large one.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "base/error.h"
#include "ops/config.h"
#include "store/salvage.h"

namespace alona {

// What was taken, or why nothing was, for people. An error only when `doing` said so (temporary): nothing
// that stands in the way keeps the box from going on with what was salvaged.
[[nodiscard]] Result<std::string> fill_from_backup(const ops::Config& config,
                                                   const std::filesystem::path& fresh,
                                                   const store::SalvageReport& lost,
                                                   const std::function<bool(const std::string&)>& doing);

// What one that was killed left behind.
void clear_filling(const ops::Config& config);

}  // namespace alona
