// What a database's file says of itself, for a debug bundle: header, sizes, rows per table; none of its
// contents. Beside a running writer; one call, one thread.
#pragma once

#include <filesystem>
#include <string>

#include "base/error.h"
#include "base/time.h"

namespace alona::store {

// A line a fact. Tables that can't be counted within `patience`, or at all, are said to be so.
[[nodiscard]] Result<std::string> facts_of(const std::filesystem::path& database, Ms patience);
// "3.40.1"
[[nodiscard]] std::string sqlite_version();

}  // namespace alona::store
