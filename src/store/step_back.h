// The way back from a newer program: the database that it upgraded changes places with the copy which that
// upgrade made first (store/migrate.h). What the newer one has stored since then is kept, and not shown.
#pragma once

#include <filesystem>
#include <optional>

#include "base/error.h"

namespace alona::store {

// While no core runs; takes the database's lock. Repeatable, and killed anywhere the next call goes on. The
// kept file's path in `keep_in`; nothing: the database is one that this program reads, and stays. not_found:
// there is no copy. temporary: somebody has the database. What is damaged stays as it is, for the core to
// judge; corrupt: so is the newer one's log.
[[nodiscard]] Result<std::optional<std::filesystem::path>> step_back(const std::filesystem::path& database,
                                                                     const std::filesystem::path& keep_in);

}  // namespace alona::store
