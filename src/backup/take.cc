#include "backup/take.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <system_error>

#include "backup/archive.h"
#include "backup/changes.h"
#include "backup/exchange.h"
#include "backup/set_file.h"
#include "backup/small_files.h"
#include "ops/paths.h"
#include "store/snapshot.h"

namespace alona::backup {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t room_beside = std::uint64_t{16} << 20;  // for what isn't the database

// What a backup, or a restore before it touched anything, left behind when it was killed.
void clear_up(const Box& box) {
  const ops::Paths paths{box.config};
  if (const auto restore = lock_restore(paths)) (void)discard_staging(paths);
  std::error_code ec;
  for (fs::directory_iterator it{sets_folder(box), ec}, end; !ec && it != end; it.increment(ec)) {
    if (it->path().extension() == ".part") fs::remove(it->path(), ec);
  }
}

// The core keeps its reserve. `bytes`: of the database, or what has changed in it; packed, they are hardly
// more.
Result<void> check_room(const Box& box, std::uint64_t bytes) {
  std::error_code ec;
  const std::uint64_t need = bytes + room_beside + box.config.storage.reserve_bytes;
  const auto room = fs::space(sets_folder(box), ec);
  if (ec || room.available >= need) return {};
  return fail(
      Errc::disk_full,
      fmt::format("a backup needs {} MiB free on this disk, the core's reserve of {} MiB among them, and "
                  "there are {} MiB",
                  need >> 20, box.config.storage.reserve_bytes >> 20, room.available >> 20),
      "Make room, or set [backup] keep or max_share lower; nothing was written.");
}

std::uint64_t database_bytes(const Box& box) {
  const fs::path database = ops::Paths{box.config}.database();
  std::error_code ec;
  const auto bytes = fs::file_size(database, ec);
  const auto wal = fs::file_size(database.string() + "-wal", ec);
  return bytes + (ec ? 0 : wal);
}

class Backup {
 public:
  Backup(const Box& box, const Clock& clock, const Doing& doing) : box_(box), clock_(clock), doing_(doing) {}

  Result<Taken> run() {
    auto sets = list_sets(sets_folder(box_));
    if (!sets) return std::unexpected(sets.error());
    for (const BackupSet& set : *sets) {
      if (set.manifest) manifest_.number = std::max(manifest_.number, set.manifest->number);
    }
    ++manifest_.number;
    const std::uint64_t bytes = database_bytes(box_);
    if (bytes > box_.whole_up_to_bytes) base_ = base_for(*sets, manifest_.number, clock_.utc());
    if (auto room = check_room(box_, base_ ? 0 : bytes); !room) return std::unexpected(room.error());
    for (const auto step : {&Backup::snapshot, &Backup::compare, &Backup::gather, &Backup::archive,
                            &Backup::read_back, &Backup::keep}) {
      if (auto done = (this->*step)(); !done) return std::unexpected(done.error());
    }
    return std::move(taken_);
  }

 private:
  [[nodiscard]] SetProgress step(std::string_view what) const {
    return [this, what](std::uint64_t done, std::uint64_t all) { return doing_(what, done, all); };
  }

  [[nodiscard]] std::string folder_name() const { return set_folder_name(box_.host, manifest_.taken); }

  Result<void> snapshot() {
    auto begun = store::Snapshot::begin(ops::Paths{box_.config}.database());
    if (!begun) return std::unexpected(begun.error());
    moment_.emplace(std::move(*begun));
    if (auto whole = moment_->check(step("checking")); !whole) return whole;
    auto contents = moment_->contents();
    if (!contents) return std::unexpected(contents.error());
    manifest_.contents = std::move(*contents);
    return {};
  }

  // With a base: what has changed. Where that is too much, or the base is bad, the set becomes a whole one.
  Result<void> compare() {
    if (!base_) return {};
    const Member* theirs = base_->manifest->member(database_member);
    const std::string sha256 = theirs != nullptr ? theirs->sha256 : "";
    auto found = difference(*moment_, base_->file, sha256, step("comparing"));
    if (!found) {
      if (found.error().code == Errc::temporary) return std::unexpected(found.error());
      const auto base = verify_set(*base_, clock_, doing_);
      if (base || base.error().code == Errc::temporary) return std::unexpected(found.error());
      taken_.note = fmt::format("{} is bad ({}): a whole set was made.", base_->name(), base.error().what);
      found = std::nullopt;
    }
    difference_ = std::move(*found);
    if (!difference_) return check_room(box_, moment_->bytes());
    manifest_.base = Base{base_->name(), base_->manifest->number, sha256};
    manifest_.whole = difference_->whole;
    return check_room(box_, difference_->changed_bytes);
  }

  [[nodiscard]] Source database() {
    if (!difference_)
      return {.member = {.path = std::string{database_member}},
              .text = {},
              .read = [this](const Take& take) { return moment_->read(take); },
              .mode = 0640};
    return {.member = difference_->changes,
            .text = {},
            .read = [this](const Take& take) { return read_changes(*moment_, *difference_, take); },
            .mode = 0640};
  }

  Result<void> gather() {
    auto small = small_files(box_);
    if (!small) return std::unexpected(small.error());
    sources_ = std::move(*small);
    sources_.push_back(database());
    manifest_.taken = std::max(clock_.utc(), manifest_.contents.last_write.value_or(UtcMs{}));
    manifest_.host = box_.host, manifest_.program = box_.program;
    for (Source& source : sources_) {
      const bool known = !source.member.sha256.empty();
      auto done = known ? Result<void>{} : measure(source, [&] { return doing_("hashing", 0, 0); });
      if (!done) return done;
      manifest_.members.push_back(source.member);
    }
    return {};
  }

  // Names tell sets apart by the second.
  Result<void> archive() {
    const auto file_of = [&] { return sets_folder(box_) / (folder_name() + std::string{set_suffix}); };
    std::error_code ec;
    while (fs::exists(file_of(), ec)) manifest_.taken += std::chrono::seconds{1};
    taken_.set.file = file_of();
    part_ = taken_.set.file.string() + ".part";
    auto written = write_set(part_, folder_name(), manifest_, sources_, step("writing"));
    moment_.reset();  // the log of writes may begin anew
    return written;
  }

  Result<void> read_back() {
    auto read = read_set(part_, std::nullopt, step("reading back"));
    if (!read) return with_context("the set that was just written", read.error());
    if (read->contents != manifest_.contents || read->members != manifest_.members ||
        read->base != manifest_.base || read->whole != manifest_.whole)
      return fail(Errc::corrupt, part_.string() + " isn't what was written",
                  "Look for disk errors with `dmesg`.");
    taken_.set.manifest = std::move(*read);
    return {};
  }

  Result<void> keep() {
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
  std::optional<BackupSet> base_;
  std::optional<Difference> difference_;
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
