// A file that the page gives away. Any thread; no state.
#pragma once

#include <filesystem>
#include <string_view>

#include "web/backend.h"

namespace alona {

// Open for reading, and not what a link leads to. not_found: it can't be opened, or is no file; `what` names
// it for people: "the backup".
[[nodiscard]] Result<web::BackupFile> open_download(const std::filesystem::path& path, std::string_view what);

}  // namespace alona
