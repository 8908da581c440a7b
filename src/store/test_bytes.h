// For tests: what lies sealed, byte by byte, so that it can be told whether anything was rewritten.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <filesystem>
#include <string>

#include "store/checksum_vfs.h"

namespace alona::store {

inline std::string sealed_bytes(const std::filesystem::path& path) {
  SQLite::Database shell{path.string(), SQLite::OPEN_READONLY, 5000, *checksum_vfs()};
  SQLite::Statement rows{shell,
                         "SELECT id, series, epoch, start, end, marks, hex(data) FROM chunk ORDER BY id"};
  std::string all;
  while (rows.executeStep()) {
    for (int i = 0; i < rows.getColumnCount(); ++i) all += rows.getColumn(i).getString() + " ";
  }
  return all;
}

}  // namespace alona::store
