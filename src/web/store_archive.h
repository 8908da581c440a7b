// The Archive over the real database.
#pragma once

#include <filesystem>

#include "web/backend.h"

namespace alona::web {

// Each call of the factory opens one read-only connection.
[[nodiscard]] ArchiveFactory store_archive(std::filesystem::path database);

}  // namespace alona::web
