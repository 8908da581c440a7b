// Inside the store only: a file of an older version becomes one of this program's.
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>

#include "store/database.h"
#include "store/schema.h"

namespace alona::store {

// Where the file as it was before the upgrade is kept: alona.sqlite3.version-2. It goes once the new one has
// run for a week (drop_old_snapshots).
[[nodiscard]] std::filesystem::path snapshot_path(const std::filesystem::path& database, int version);

// A fresh file gets all steps. An older one is first copied to snapshot_path, synced and checked; then each
// step is a transaction that ends with its rows counted: what was there is there. Fails, or throws
// SQLite::Exception, with the file as it was before the step that failed. disk_full: no room for the copy.
// `tell` hears what is being done, for people, and again with each few MiB that were read: of ten years it
// takes minutes on a card. Between two calls lies at most the syncing of the copy.
[[nodiscard]] Result<void> upgrade(SQLite::Database& db, const std::string& path, const std::string& vfs,
                                   const std::function<void(const std::string&)>& tell = {},
                                   std::span<const Migration> steps = migrations);

// Removes snapshots once the database has been of this version for a week, by the wall clock; 0: never was
// upgraded. Any thread, beside a running core.
void drop_old_snapshots(const std::filesystem::path& database, std::int64_t upgraded_at_ms,
                        std::int64_t now_ms);

}  // namespace alona::store
