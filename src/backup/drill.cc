#include "backup/drill.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <system_error>

#include "backup/exchange.h"
#include "backup/set_file.h"
#include "ops/paths.h"
#include "store/reader.h"
#include "store/snapshot.h"
#include "store/writer.h"

namespace alona::backup {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t points = 1000;
constexpr UtcMs begin_of_time{}, end_of_time{std::chrono::sys_days{std::chrono::year{9999} / 1 / 1}};

std::unexpected<Error> differs(const BackupSet& set, std::string_view why) {
  return fail(Errc::corrupt, fmt::format("{} can't be restored: {}", set.name(), why),
              "Take a new one with `alona backup now`.");
}

// What differs from what the manifest says, in words.
std::string difference(const store::Contents& said, const store::Contents& found) {
  for (const auto& [table, rows] : said.rows) {
    const auto at = std::ranges::find(found.rows, table, &std::pair<std::string, std::uint64_t>::first);
    const std::uint64_t there = at == found.rows.end() ? 0 : at->second;
    if (there != rows) return fmt::format("{} of {} rows of {} are there", there, rows, table);
  }
  if (found.readings != said.readings)
    return fmt::format("{} of {} readings are there", found.readings, said.readings);
  return "its database isn't the one it was made of";
}

// Every series from end to end, as the page would ask.
Result<std::uint64_t> read_history(const fs::path& database, const BackupSet& set, const Doing& doing) {
  auto reader = store::Reader::open(database);
  if (!reader) return std::unexpected(reader.error());
  reader->set_time_limit(std::chrono::hours{1});
  const auto series = reader->series();
  if (!series) return std::unexpected(series.error());
  std::uint64_t readings = 0;
  for (std::size_t i = 0; i < series->size(); ++i) {
    if (!doing("reading history", i, series->size()))
      return fail(Errc::temporary, "the drill was stopped", "Start it again later.");
    const auto history = reader->history({(*series)[i].no, begin_of_time, end_of_time, points});
    if (!history) return std::unexpected(history.error());
    for (const store::Bucket& bucket : history->buckets) readings += bucket.n;
  }
  const std::uint64_t most = set.manifest->contents.readings;
  // A reading that was corrected lies twice until it is sealed, and what was taken out by hand isn't shown.
  if (readings > most || (readings == 0 && most > 0))
    return differs(set, fmt::format("the reader shows {} of {} readings", readings, most));
  return readings;
}

}  // namespace

Result<Drilled> unpack_and_read(const fs::path& into, const BackupSet& set, const Doing& doing) {
  const auto manifest = read_set(
      set.file, into, [&](std::uint64_t done, std::uint64_t all) { return doing("restoring", done, all); });
  if (!manifest) return std::unexpected(manifest.error());
  const fs::path database = into / "live/db/alona.sqlite3";
  const auto found = store::contents_of(database);
  if (!found) return std::unexpected(found.error());
  if (*found != manifest->contents) return differs(set, difference(manifest->contents, *found));
  {
    auto writer = store::Writer::open(database, store::Open::existing);  // upgrades
    if (!writer) return std::unexpected(writer.error());
    if (auto loaded = writer->load(); !loaded) return std::unexpected(loaded.error());
  }
  const auto readings = read_history(database, set, doing);
  if (!readings) return std::unexpected(readings.error());
  return Drilled{*readings, found->schema};
}

Result<Drilled> drill_set(const Box& box, BackupSet& set, const Clock& clock, const Doing& doing) {
  const fs::path scratch = box.config.core.data_dir / "scratch" / "drill";
  std::error_code ec;
  fs::remove_all(scratch, ec);  // of one that was killed
  if (auto made = files::make_folder(scratch.parent_path(), 0750); !made)
    return std::unexpected(made.error());
  auto drilled = unpack_and_read(scratch, set, doing);
  fs::remove_all(scratch, ec);
  const bool bad =
      !drilled && (drilled.error().code == Errc::corrupt || drilled.error().code == Errc::not_found);
  if (!drilled && !bad) return drilled;  // nothing is known of the set
  if (drilled) {
    set.state.verified = set.state.proven = clock.utc();
    set.state.failed.clear();
  } else {
    set.state.verified.reset(), set.state.proven.reset();
    set.state.failed = drilled.error().what;
  }
  if (auto put = put_state(set); !put) return std::unexpected(put.error());
  if (drilled) let_go_of_kept(ops::Paths{box.config}, set.manifest->number);
  return drilled;
}

std::string told(const Proven& proven) {
  return fmt::format("{}, proven restorable on {}", proven.file.filename().string(),
                     iso8601(proven.at).substr(0, 10));
}

std::string way_back(const Proven& proven) {
  return fmt::format("sudo alona restore {}", proven.file.filename().string());
}

std::vector<Proven> proven_sets(const fs::path& folder) {
  std::vector<Proven> proven;
  std::error_code ec;
  for (fs::directory_iterator it{folder, ec}, end; !ec && it != end; it.increment(ec)) {
    if (!is_set_name(it->path().filename().string())) continue;
    const SetState state = read_state(it->path());
    if (state.proven && state.failed.empty()) proven.push_back({it->path(), *state.proven});
  }
  std::erase_if(proven, [&](const Proven& one) {
    const auto manifest = look_into_set(one.file);
    if (!manifest || !manifest->base) return false;
    const fs::path base = folder / manifest->base->set;
    return !fs::exists(base, ec) || !read_state(base).failed.empty();
  });
  // By name: the same host's names are in the order of their times.
  std::ranges::sort(proven, std::greater{}, [](const Proven& p) { return p.file.filename(); });
  return proven;
}

std::optional<Proven> newest_proven(const fs::path& folder) {
  const auto all = proven_sets(folder);
  return all.empty() ? std::nullopt : std::optional{all.front()};
}

}  // namespace alona::backup
