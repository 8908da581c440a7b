#include "backup/second.h"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <system_error>

#include "backup/copy_file.h"
#include "backup/second_state.h"

namespace alona::backup {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t room_beside = std::uint64_t{1} << 20;  // for states and the file system's own

class Copying {
 public:
  Copying(const Box& box, const SecondTarget& target, std::optional<std::string> passphrase,
          const Clock& clock, const Doing& doing, Copied& copied)
      : box_(box),
        target_(target),
        passphrase_(std::move(passphrase)),
        clock_(clock),
        doing_(doing),
        copied_(copied) {}

  Result<std::string> run() {
    auto own = list_sets(sets_folder(box_));
    if (!own) return std::unexpected(own.error());
    if (auto usable = check_usable(); !usable) return std::unexpected(usable.error());
    clear_up();
    auto there = of_this_host();
    if (!there) return std::unexpected(there.error());
    if (auto looked = is_it_the_stick(*own, *there); !looked) return std::unexpected(looked.error());
    if (auto verified = verify_unknown(*there); !verified) return std::unexpected(verified.error());
    plan_ = plan_copies(*own, *there, retention(*there), passphrase_.has_value());
    note_safe(*there);
    Result<void> outcome;
    for (const BackupSet& set : plan_.copy) {
      auto done = copy(set);
      if (!done && outcome) outcome = done;
      if (!done && done.error().code != Errc::corrupt) break;  // the next one wouldn't fare better
    }
    if (!outcome) return std::unexpected(outcome.error());
    for (const BackupSet& set : plan_.drop) {
      if (auto gone = drop(set); !gone) return std::unexpected(gone.error());
    }
    return newest();
  }

 private:
  Result<void> check_usable() {
    if (target_.same_folder(sets_folder(box_)))
      return fail(Errc::config, "the second target is the folder of the box's own sets",
                  "Set [backup] second_target to a folder on another disk.");
    struct statvfs about{};
    if (::statvfs(target_.folder().c_str(), &about) == 0 && (about.f_flag & ST_RDONLY) != 0)
      return fail(
          Errc::io, fmt::format("the second target {} is mounted read-only", target_.shown().string()),
          "Its file system may be damaged (`dmesg` says so), or the stick's switch is on: unmount it, "
          "check it with fsck, and plug it in again.");
    return {};
  }

  [[nodiscard]] bool ours(std::string name) const {
    if (name.ends_with(crypt_suffix)) name.resize(name.size() - crypt_suffix.size());
    return is_set_name(name) && name.substr(0, name.rfind('-')) == own_name_.substr(0, own_name_.rfind('-'));
  }

  // `.NAME.part` and `.NAME.state.part` of one that was killed.
  void clear_up() {
    std::error_code ec;
    std::vector<fs::path> left;
    for (fs::directory_iterator it{target_.folder(), ec}, end; !ec && it != end; it.increment(ec)) {
      std::string name = it->path().filename().string();
      if (!name.starts_with('.') || !name.ends_with(".part")) continue;
      name = name.substr(1, name.size() - 6);
      if (name.ends_with(".state")) name.resize(name.size() - 6);
      if (ours(name)) left.push_back(it->path());
    }
    for (const fs::path& path : left) fs::remove(path, ec);
  }

  Result<std::vector<BackupSet>> of_this_host() {
    auto all = list_copies(target_);
    if (all) std::erase_if(*all, [&](const BackupSet& set) { return !ours(set.name()); });
    return all;
  }

  // The place where a stick was mounted is an empty folder of the box's own disk while the stick is away.
  Result<void> is_it_the_stick(const std::vector<BackupSet>& own, const std::vector<BackupSet>& there) {
    copied_.same_disk = target_.same_disk(sets_folder(box_));
    const SecondState before = second_state(sets_folder(box_));
    if (!copied_.same_disk || own.empty() || !there.empty() || !before.copied) return {};
    return fail(Errc::not_found,
                fmt::format("{} was copied to before and is now an empty folder on the box's own disk",
                            target_.shown().string()),
                fmt::format("Mount the stick there, then `sudo alona backup copy`. If the folder is right, "
                            "remove {}.",
                            (sets_folder(box_) / "SECOND.state").string()));
  }

  // Killed between a set's name and its state, or put there by hand.
  Result<void> verify_unknown(std::vector<BackupSet>& there) {
    for (BackupSet& set : there) {
      if (set.state.verified || !set.state.failed.empty()) continue;
      auto read = verify_copy(set, target_, passphrase_, clock_, doing_);
      if (!read && read.error().code == Errc::auth) continue;  // of another passphrase: it stays as it is
      if (!read && set.state.failed.empty()) return read;      // nothing is known of it
    }
    return {};
  }

  Retention retention(const std::vector<BackupSet>& there) const {
    std::error_code ec;
    const auto disk = fs::space(target_.folder(), ec);
    std::uint64_t room = ec ? UINT64_MAX / 2 : disk.available - std::min(room_beside, disk.available);
    for (const BackupSet& set : there) room += set.bytes;
    const double share = ec ? 1e18 : box_.config.backup.max_share * static_cast<double>(disk.capacity);
    return {static_cast<std::size_t>(box_.config.backup.keep),
            std::min(room, static_cast<std::uint64_t>(share))};
  }

  // The newest three that are verified there at the start, and what they build on.
  void note_safe(const std::vector<BackupSet>& there) {
    std::size_t verified = 0;
    for (const BackupSet& set : there) {
      if (!set.counts() || !set.state.verified || verified >= 3) continue;
      ++verified;
      safe_.push_back(set.name());
      for (const BackupSet& base : there) {
        if (builds_on(set, base)) safe_.push_back(base.name());
      }
    }
  }

  Result<void> drop(const BackupSet& set) {
    auto gone = drop_set(set);
    if (gone) copied_.dropped.push_back(set.name());
    return gone;
  }

  // What is to go anyway goes first where there is no room beside it; but never one of the newest three that
  // are verified there now: what replaces it isn't there yet.
  Result<void> make_room(const BackupSet& set) {
    const std::uint64_t need = copy_bytes(set, passphrase_.has_value()) + room_beside;
    while (true) {
      std::error_code ec;
      const auto disk = fs::space(target_.folder(), ec);
      if (ec || disk.available >= need) return {};
      const auto at = std::ranges::find_if(plan_.drop, [&](const BackupSet& one) {
        return std::ranges::find(safe_, one.name()) == safe_.end();
      });
      if (at == plan_.drop.end())
        return fail(Errc::disk_full,
                    fmt::format("{} has no room for {}: it needs {} MiB, and {} MiB are free",
                                target_.shown().string(), set.name(), (need >> 20) + 1, disk.available >> 20),
                    "Make room there, or take a larger disk; the newest three sets on it never go.");
      const BackupSet gone = std::move(*at);
      plan_.drop.erase(at);
      if (auto dropped = drop(gone); !dropped) return dropped;
    }
  }

  Result<void> copy(const BackupSet& own) {
    if (auto room = make_room(own); !room) return room;
    BackupSet copy{.file = target_.folder() / copy_name(own, passphrase_.has_value())};
    if (auto made = make_copy(own, copy.file, passphrase_, doing_); !made) return made;
    copied_.copied.push_back(copy.name());
    copy.state.verified = clock_.utc();
    return put_copy_state(copy);
  }

  Result<std::string> newest() {
    const auto there = of_this_host();
    if (!there) return std::unexpected(there.error());
    const auto own = list_sets(sets_folder(box_));
    if (!own) return std::unexpected(own.error());
    for (const BackupSet& set : *own) {
      const auto at = std::ranges::find(*there, copy_name(set, passphrase_.has_value()), &BackupSet::name);
      if (at != there->end() && at->counts()) return at->name();
    }
    return there->empty() ? std::string{"none"} : there->front().name();
  }

  const Box& box_;
  const SecondTarget& target_;
  const std::optional<std::string> passphrase_;
  const Clock& clock_;
  const Doing& doing_;
  Copied& copied_;
  CopyPlan plan_;
  std::vector<std::string> safe_;  // see note_safe
  const std::string own_name_ = set_folder_name(box_.host, UtcMs{});
};

Result<std::string> copy_all(const Box& box, const Clock& clock, const Doing& doing, const Devices& devices,
                             Copied& copied) {
  const auto target =
      SecondTarget::open(box.config.backup.second_target, box.config.core.runtime_dir, devices);
  if (!target) return std::unexpected(target.error());
  copied.folder = target->shown();
  const auto passphrase = passphrase_of(box.config);
  if (!passphrase) return std::unexpected(passphrase.error());
  std::optional<std::string> text;
  if (*passphrase) text = (*passphrase)->text, copied.warning = (*passphrase)->warning;
  auto newest = Copying{box, *target, std::move(text), clock, doing, copied}.run();
  if (!newest) newest.error() = target->told(newest.error());
  return newest;
}

}  // namespace

Copied copy_to_second(const Box& box, const Clock& clock, const Doing& doing, const Devices& devices) {
  Copied copied;
  const fs::path folder = sets_folder(box);
  const auto lock = lock_sets(folder);
  if (!lock) return copied.newest = std::unexpected(lock.error()), copied;
  copied.newest = copy_all(box, clock, doing, devices, copied);
  if (box.config.backup.second_target.empty()) return copied;
  const auto put = put_second_state(folder, after_trying(second_state(folder), copied.newest, clock.utc()));
  if (!put && copied.newest) copied.newest = std::unexpected(put.error());
  return copied;
}

}  // namespace alona::backup
