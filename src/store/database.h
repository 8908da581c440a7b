// Inside the store only: a SQLiteCpp connection opened the way every connection here must be, and the border
// where its exceptions end. Not for other folders.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "store/checksum_vfs.h"

namespace alona::store {

// The row of table `setting` that a canary's reading is: the next one takes its place.
inline constexpr const char* canary_setting = "canary";

// The error a SQLite failure means to us, with what to do about it.
[[nodiscard]] Error sqlite_error(const SQLite::Exception& e, const std::string& path);

// Of the row a statement stands on, until it moves on.
[[nodiscard]] inline std::span<const std::uint8_t> blob(const SQLite::Column& column) {
  return {static_cast<const std::uint8_t*>(column.getBlob()), static_cast<std::size_t>(column.getBytes())};
}

// Runs `work`, which may throw SQLite::Exception; its exceptions end here.
template <class Work>
[[nodiscard]] auto guarded(const std::string& path, Work&& work) -> Result<decltype(work())> {
  (void)met_damage();  // of earlier work
  try {
    if constexpr (std::is_void_v<decltype(work())>) {
      work();
      return {};
    } else {
      return work();
    }
  } catch (const SQLite::Exception& e) {
    return std::unexpected(sqlite_error(e, path));
  }
}

// The file's first bytes, or fewer where it is shorter; nothing: it can't be read, errno says why. Through
// SQLite's own VFS, never by open() and close(): POSIX drops all locks that a process has on a file as soon
// as it closes any descriptor of it. The core's writer would lose its lock that way, and the next command
// that reads and ends, taking itself for the last user, would delete the WAL under the writer, with all that
// is acknowledged in it.
[[nodiscard]] std::optional<std::string> first_bytes(const std::string& path, std::size_t bytes);

// Looks at the file before SQLite may touch it: not_found, corrupt (empty, not a database, another
// program's), newer. Nothing else may open and close the file by itself, not even to look: see first_bytes.
[[nodiscard]] Result<void> check_file(const std::filesystem::path& path);

// Throws SQLite::Exception. `vfs`: the name checksum_vfs gave.
[[nodiscard]] std::unique_ptr<SQLite::Database> open_writer(const std::string& path, const std::string& vfs);
[[nodiscard]] std::unique_ptr<SQLite::Database> open_reader(const std::string& path, const std::string& vfs);

// Of a file that nobody writes to: without its lock, its log or anything beside it.
[[nodiscard]] std::unique_ptr<SQLite::Database> open_at_rest(const std::filesystem::path& path,
                                                             const std::string& vfs);
[[nodiscard]] bool has_table(SQLite::Database& db, const std::string& name);

}  // namespace alona::store
