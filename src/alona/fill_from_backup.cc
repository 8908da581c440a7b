#include "alona/fill_from_backup.h"

#include <fmt/format.h>

#include <system_error>

#include "backup/drill.h"
#include "backup/set_file.h"
#include "base/files.h"
#include "ops/paths.h"
#include "store/fill.h"
#include "store/writer.h"

namespace alona {
namespace {

namespace fs = std::filesystem;
using Doing = std::function<bool(const std::string&)>;
constexpr std::size_t sets_tried_max = 3;

fs::path scratch_of(const ops::Config& config) { return config.core.data_dir / "scratch" / "salvage"; }

// For the set beside what was salvaged, and for what is taken from it; the core keeps its reserve.
Result<void> check_room(const ops::Config& config, const fs::path& set) {
  const auto manifest = backup::look_into_set(set);
  if (!manifest) return std::unexpected(manifest.error());
  const std::uint64_t need = 2 * manifest->bytes() + config.storage.reserve_bytes;
  std::error_code ec;
  const auto room = fs::space(config.core.data_dir, ec);
  if (ec || room.available >= need) return {};
  return fail(Errc::disk_full,
              fmt::format("unpacking it needs {} MiB free on this disk, and there are {} MiB",
                          (need >> 20) + 1, room.available >> 20));
}

Result<store::FillReport> fill_from_set(const ops::Config& config, const fs::path& set, const fs::path& fresh,
                                        const store::SalvageReport& lost, const Doing& doing) {
  const std::string name = set.filename().string();
  if (auto room = check_room(config, set); !room) return std::unexpected(room.error());
  const fs::path into = scratch_of(config);
  if (auto made = files::make_folder(into.parent_path(), 0750); !made) return std::unexpected(made.error());
  const auto read = backup::read_set(set, into, [&](std::uint64_t done, std::uint64_t all) {
    return doing(fmt::format("unpacking the backup {}: {} %", name, all == 0 ? 0 : 100 * done / all));
  });
  if (!read) return std::unexpected(read.error());
  const fs::path database = into / "live/db/alona.sqlite3";
  {
    auto writer = store::Writer::open(database, store::Open::existing);  // upgrades
    if (!writer) return std::unexpected(writer.error());
    if (auto loaded = writer->load(); !loaded) return std::unexpected(loaded.error());
  }
  return store::fill_from(fresh, database, lost, [&] {
    return doing(fmt::format("taking what was lost from the backup {}", name));
  });
}

}  // namespace

void clear_filling(const ops::Config& config) {
  std::error_code ec;
  fs::remove_all(scratch_of(config), ec);
}

Result<std::string> fill_from_backup(const ops::Config& config, const fs::path& fresh,
                                     const store::SalvageReport& lost, const Doing& doing) {
  std::string told;
  std::size_t tried = 0;
  for (const backup::Proven& proven : backup::proven_sets(ops::Paths{config}.backups())) {
    if (++tried > sets_tried_max) break;
    clear_filling(config);
    const auto filled = fill_from_set(config, proven.file, fresh, lost, doing);
    clear_filling(config);
    if (filled) return fmt::format("{}From the backup {}: {}", told, backup::told(proven), filled->text());
    if (filled.error().code == Errc::temporary) return std::unexpected(filled.error());
    told += fmt::format("The backup {} was of no use: {}. ", backup::told(proven), filled.error().what);
  }
  return told + (tried == 0 ? "There is no proven backup to take the rest from."
                            : "Nothing was taken from a backup.");
}

}  // namespace alona
