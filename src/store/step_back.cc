#include "store/step_back.h"

#include <fmt/format.h>

#include <system_error>

#include "base/files.h"
#include "store/database.h"
#include "store/migrate.h"

namespace alona::store {
namespace {

namespace fs = std::filesystem;

// What its log says counts, so the file is opened; closed by the only one to have it, it has no log.
Result<int> version_of(const fs::path& file) {
  const auto vfs = checksum_vfs();
  if (!vfs) return std::unexpected(vfs.error());
  return guarded(file.string(), [&] {
    SQLite::Database db{file.string(), SQLite::OPEN_READWRITE, 5000, *vfs};
    const int version = db.execAndGet("PRAGMA user_version").getInt();
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    return version;
  });
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
  const auto version = version_of(database);
  if (!version) return std::unexpected(version.error());
  if (*version > schema_version) {
    if (!fs::exists(copy, ec))
      return fail(Errc::not_found,
                  fmt::format("{} was upgraded to version {}, and there is no copy of version {}, which this "
                              "program reads",
                              database.string(), *version, schema_version),
                  "Restore the newest backup that this program made.");
    if (fs::file_size(database.string() + "-wal", ec) > 0 && !ec)
      return fail(Errc::temporary, database.string() + " is in use", "Stop whoever reads it, and try again.");
    if (auto done = files::exchange(database, copy); !done) return std::unexpected(done.error());
  }
  // Behind an exchange that was cut short, too.
  if (!fs::exists(copy, ec)) return std::nullopt;
  const auto copy_version = version_of(copy);
  if (!copy_version) return std::unexpected(copy_version.error());
  if (*copy_version <= schema_version) return std::nullopt;
  auto kept = put_aside(copy, keep_in, *copy_version);
  if (!kept) return std::unexpected(kept.error());
  return *kept;
}

}  // namespace alona::store
