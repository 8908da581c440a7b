#include "store/step_back.h"

#include <fmt/format.h>

#include <system_error>

#include "base/files.h"
#include "store/database.h"
#include "store/migrate.h"
#include "store/wal_check.h"

namespace alona::store {
namespace {

namespace fs = std::filesystem;

bool has_log(const fs::path& file) {
  std::error_code ec;
  return fs::file_size(file.string() + "-wal", ec) > 0 && !ec;
}

Result<int> version_in(const fs::path& file, int flags) {
  const auto vfs = checksum_vfs();
  if (!vfs) return std::unexpected(vfs.error());
  return guarded(file.string(), [&] {
    SQLite::Database db{file.string(), flags, 5000, *vfs};
    return db.execAndGet("PRAGMA user_version").getInt();
  });
}

// Whether a newer program has written it. Only looks, and not at all into what is damaged: that is for the
// core's own rules (store/opening.h), which look at the log before SQLite cuts it.
Result<bool> is_newer(const fs::path& file) {
  const auto found = check_file(file);
  if (!found) return found.error().code == Errc::newer;
  if (!has_log(file)) return false;
  const auto log = check_wal(file);
  if (!log) return std::unexpected(log.error());
  if (log->damaged) return false;
  const auto version = version_in(file, SQLite::OPEN_READONLY);
  if (!version) return std::unexpected(version.error());
  return *version > schema_version;
}

// Without a log, as what changes places must be: the last one to close the file removes it.
Result<int> settle(const fs::path& file) {
  const auto version = version_in(file, SQLite::OPEN_READWRITE);
  if (version && has_log(file))
    return fail(Errc::temporary, file.string() + " is in use", "Stop whoever reads it, and try again.");
  return version;
}

Result<fs::path> put_aside(const fs::path& newer, const fs::path& folder, int version) {
  if (auto made = files::make_folder(folder, 0750); !made) return std::unexpected(made.error());
  std::error_code ec;
  fs::path to;
  for (int n = 1; to.empty() || fs::exists(to, ec); ++n)
    to = folder / fmt::format("alona.sqlite3.newer-{}-{}", version, n);
  fs::rename(newer, to, ec);
  if (ec)
    return fail(Errc::io,
                fmt::format("cannot rename {} to {}: {}", newer.string(), to.string(), ec.message()));
  if (auto synced = files::sync_folder(folder); !synced) return std::unexpected(synced.error());
  if (auto synced = files::sync_folder(newer.parent_path()); !synced) return std::unexpected(synced.error());
  return to;
}

}  // namespace

Result<std::optional<fs::path>> step_back(const fs::path& database, const fs::path& keep_in) {
  std::error_code ec;
  if (!fs::exists(database, ec)) return std::nullopt;
  const auto lock = files::Lock::take(database.string() + ".lock");
  if (!lock) return std::unexpected(lock.error());
  const fs::path copy = snapshot_path(database, schema_version);
  const auto newer = is_newer(database);
  if (!newer) return std::unexpected(newer.error());
  if (*newer) {
    if (!fs::exists(copy, ec))
      return fail(Errc::not_found,
                  fmt::format("{} was upgraded by a newer Alona, and there is no copy of version {}, which "
                              "this program reads",
                              database.string(), schema_version),
                  "Restore the newest backup that this program made.");
    // Closing it would drop what lies behind the damage, without a word.
    if (auto sound = refuse_damaged_wal(database); !sound) return std::unexpected(sound.error());
    if (const auto settled = settle(database); !settled) return std::unexpected(settled.error());
    if (auto done = files::exchange(database, copy); !done) return std::unexpected(done.error());
  }
  // Behind an exchange that was cut short, too.
  const auto left_there = fs::exists(copy, ec) ? is_newer(copy) : Result<bool>{false};
  if (!left_there) return std::unexpected(left_there.error());
  if (!*left_there) return std::nullopt;
  const auto copy_version = settle(copy);
  if (!copy_version) return std::unexpected(copy_version.error());
  auto kept = put_aside(copy, keep_in, *copy_version);
  if (!kept) return std::unexpected(kept.error());
  return *kept;
}

}  // namespace alona::store
