#include "backup/take.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <system_error>

#include "backup/archive.h"
#include "backup/exchange.h"
#include "backup/readme.h"
#include "backup/set_file.h"
#include "ops/paths.h"
#include "store/snapshot.h"

namespace alona::backup {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t small_bytes_max = std::uint64_t{16} << 20;  // of a file that isn't the database
constexpr std::uint64_t room_beside = std::uint64_t{16} << 20;      // for all of those

// What a backup, or a restore before it touched anything, left behind when it was killed.
void clear_up(const Box& box) {
  const ops::Paths paths{box.config};
  if (const auto restore = lock_restore(paths)) (void)discard_staging(paths);
  std::error_code ec;
  for (fs::directory_iterator it{sets_folder(box), ec}, end; !ec && it != end; it.increment(ec)) {
    if (it->path().extension() == ".part") fs::remove(it->path(), ec);
  }
}

// Packed, it is hardly larger than it is now; and the core keeps its reserve.
Result<void> check_room(const Box& box, const fs::path& database) {
  std::error_code ec;
  const std::uint64_t bytes = fs::file_size(database, ec);
  const auto wal = fs::file_size(database.string() + "-wal", ec);
  const std::uint64_t need = bytes + (ec ? 0 : wal) + room_beside + box.config.storage.reserve_bytes;
  const auto room = fs::space(sets_folder(box), ec);
  if (ec || room.available >= need) return {};
  return fail(
      Errc::disk_full,
      fmt::format("a backup needs {} MiB free on this disk, the core's reserve of {} MiB among them, and "
                  "there are {} MiB",
                  need >> 20, box.config.storage.reserve_bytes >> 20, room.available >> 20),
      "Make room, or set [backup] keep or max_share lower; nothing was written.");
}

Result<void> add_file(std::vector<Source>& sources, const fs::path& file, const std::string& member) {
  std::error_code ec;
  const auto bytes = fs::file_size(file, ec);
  if (!ec && bytes > small_bytes_max)
    return fail(Errc::refused, fmt::format("{} is longer than {} MiB", file.string(), small_bytes_max >> 20),
                "Take it out of [backup] include.");
  auto text = files::read(file, small_bytes_max);
  if (!text) return std::unexpected(text.error());
  struct stat about{};
  const unsigned mode = ::stat(file.c_str(), &about) == 0 ? about.st_mode & 0777u : 0600u;
  sources.push_back({.member = {.path = member}, .text = std::move(*text), .read = {}, .mode = mode});
  return {};
}

// Every plain file of a folder, in the order of their names; what a link leads to isn't ours to copy.
Result<void> add_folder(std::vector<Source>& sources, const fs::path& folder, const std::string& member,
                        const std::function<bool(const fs::path&)>& wanted) {
  std::vector<fs::path> found;
  std::error_code ec;
  for (fs::recursive_directory_iterator it{folder, ec}, end; !ec && it != end; it.increment(ec)) {
    if (it->symlink_status(ec).type() == fs::file_type::regular && wanted(it->path()))
      found.push_back(it->path());
  }
  if (ec) return fail(Errc::io, fmt::format("cannot look into {}: {}", folder.string(), ec.message()));
  std::ranges::sort(found);
  for (const fs::path& file : found) {
    auto added = add_file(sources, file, member + "/" + file.lexically_relative(folder).string());
    if (!added) return added;
  }
  return {};
}

Result<void> add_includes(std::vector<Source>& sources, const ops::Config& config) {
  for (const fs::path path : config.backup.include) {
    const std::string member = "include" + path.lexically_normal().string();
    std::error_code ec;
    auto added = fs::is_directory(path, ec)
                     ? add_folder(sources, path, member, [](const fs::path&) { return true; })
                     : add_file(sources, path, member);
    if (!added) return with_context("[backup] include", added.error());
  }
  return {};
}

// All but the database, read once: what changes meanwhile is in the set as it was at this moment.
Result<std::vector<Source>> small_files(const Box& box) {
  const ops::Paths paths{box.config};
  std::vector<Source> sources;
  sources.push_back(
      {.member = {.path = "README"}, .text = std::string{set_readme}, .read = {}, .mode = 0644});
  const fs::path database_folder = paths.database().parent_path();
  auto added = add_folder(sources, paths.live(), "live", [&](const fs::path& file) {
    return file.extension() != ".lock" && file.lexically_relative(database_folder).string().starts_with("..");
  });
  std::error_code ec;
  if (added && fs::exists(box.config_file, ec)) added = add_file(sources, box.config_file, "etc/alona.toml");
  if (added && fs::exists(box.config.mqtt.password_file, ec))
    added = add_file(sources, box.config.mqtt.password_file, "etc/mqtt-password");
  if (added) added = add_includes(sources, box.config);
  if (!added) return std::unexpected(added.error());
  return sources;
}

class Backup {
 public:
  Backup(const Box& box, const Clock& clock, const Doing& doing) : box_(box), clock_(clock), doing_(doing) {}

  Result<Taken> run() {
    const ops::Paths paths{box_.config};
    auto sets = list_sets(sets_folder(box_));
    if (!sets) return std::unexpected(sets.error());
    if (auto room = check_room(box_, paths.database()); !room) return std::unexpected(room.error());
    for (const auto step :
         {&Backup::snapshot, &Backup::gather, &Backup::archive, &Backup::read_back, &Backup::keep}) {
      if (auto done = (this->*step)(*sets); !done) return std::unexpected(done.error());
    }
    return std::move(taken_);
  }

 private:
  using Sets = std::vector<BackupSet>;
  [[nodiscard]] SetProgress step(std::string_view what) const {
    return [this, what](std::uint64_t done, std::uint64_t all) { return doing_(what, done, all); };
  }

  [[nodiscard]] std::string folder_name() const { return set_folder_name(box_.host, manifest_.taken); }

  Result<void> snapshot(const Sets&) {
    auto begun = store::Snapshot::begin(ops::Paths{box_.config}.database());
    if (!begun) return std::unexpected(begun.error());
    moment_.emplace(std::move(*begun));
    if (auto whole = moment_->check(step("checking")); !whole) return whole;
    auto contents = moment_->contents();
    if (!contents) return std::unexpected(contents.error());
    manifest_.contents = std::move(*contents);
    return {};
  }

  Result<void> gather(const Sets& sets) {
    auto small = small_files(box_);
    if (!small) return std::unexpected(small.error());
    sources_ = std::move(*small);
    sources_.push_back({.member = {.path = "live/db/alona.sqlite3"},
                        .text = {},
                        .read = [this](const Take& take) { return moment_->read(take); },
                        .mode = 0640});
    manifest_.taken = std::max(clock_.utc(), manifest_.contents.last_write.value_or(UtcMs{}));
    manifest_.host = box_.host, manifest_.program = box_.program;
    for (const BackupSet& set : sets) {
      if (set.manifest) manifest_.number = std::max(manifest_.number, set.manifest->number);
    }
    ++manifest_.number;
    for (Source& source : sources_) {
      if (auto done = measure(source, [&] { return doing_("hashing", 0, 0); }); !done) return done;
      manifest_.members.push_back(source.member);
    }
    return {};
  }

  // Names tell sets apart by the second.
  Result<void> archive(const Sets&) {
    const auto file_of = [&] { return sets_folder(box_) / (folder_name() + std::string{set_suffix}); };
    std::error_code ec;
    while (fs::exists(file_of(), ec)) manifest_.taken += std::chrono::seconds{1};
    taken_.set.file = file_of();
    part_ = taken_.set.file.string() + ".part";
    auto written = write_set(part_, folder_name(), manifest_, sources_, step("writing"));
    moment_.reset();  // the log of writes may begin anew
    return written;
  }

  Result<void> read_back(const Sets&) {
    auto read = read_set(part_, std::nullopt, step("reading back"));
    if (!read) return with_context("the set that was just written", read.error());
    if (read->contents != manifest_.contents || read->members != manifest_.members)
      return fail(Errc::corrupt, part_.string() + " isn't what was written",
                  "Look for disk errors with `dmesg`.");
    taken_.set.manifest = std::move(*read);
    return {};
  }

  Result<void> keep(const Sets&) {
    std::error_code ec;
    give_to_owner_of_folder(part_);
    fs::rename(part_, taken_.set.file, ec);
    if (ec) return fail(Errc::io, fmt::format("cannot rename {}: {}", part_.string(), ec.message()));
    if (auto synced = files::sync_folder(sets_folder(box_)); !synced) return synced;
    taken_.set.bytes = fs::file_size(taken_.set.file, ec);
    taken_.set.state.verified = manifest_.taken;
    if (auto put = put_state(taken_.set); !put) return put;
    const auto disk = fs::space(sets_folder(box_), ec);
    const Retention retention{
        static_cast<std::size_t>(box_.config.backup.keep),
        ec ? UINT64_MAX
           : static_cast<std::uint64_t>(box_.config.backup.max_share * static_cast<double>(disk.capacity))};
    auto sets = list_sets(sets_folder(box_));
    if (!sets) return std::unexpected(sets.error());
    for (const BackupSet& set : to_drop(*sets, retention)) {
      if (auto gone = drop_set(set); !gone) return gone;
      taken_.dropped.push_back(set.name());
    }
    return {};
  }

  const Box& box_;
  const Clock& clock_;
  const Doing& doing_;
  fs::path part_;
  std::optional<store::Snapshot> moment_;
  Manifest manifest_;
  std::vector<Source> sources_;
  Taken taken_;
};

}  // namespace

fs::path sets_folder(const Box& box) { return ops::Paths{box.config}.backups(); }

Result<Taken> take_backup(const Box& box, const Clock& clock, const Doing& doing) {
  const auto lock = lock_sets(sets_folder(box));
  if (!lock) return std::unexpected(lock.error());
  clear_up(box);
  auto taken = Backup{box, clock, doing}.run();
  clear_up(box);
  return taken;
}

Result<void> verify_set(BackupSet& set, const Clock& clock, const Doing& doing) {
  const auto read = read_set(set.file, std::nullopt, [&](std::uint64_t done, std::uint64_t all) {
    return doing("verifying", done, all);
  });
  if (!read && read.error().code != Errc::corrupt && read.error().code != Errc::newer)
    return std::unexpected(read.error());  // it wasn't read
  if (read) {
    set.state.verified = clock.utc();
    set.state.failed.clear();
  } else {
    set.state.verified.reset(), set.state.proven.reset();
    set.state.failed = read.error().what;
  }
  if (auto put = put_state(set); !put) return put;
  return read ? Result<void>{} : std::unexpected(read.error());
}

}  // namespace alona::backup
