// For tests: a database as if a program of another version had written it.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>

#include <filesystem>

#include "store/checksum_vfs.h"

namespace alona::store {

inline void put_version(const std::filesystem::path& database, int version) {
  SQLite::Database db{database.string(), SQLite::OPEN_READWRITE, 5000, *checksum_vfs()};
  db.exec(fmt::format("PRAGMA user_version={}", version));
}

}  // namespace alona::store
