#include "backup/restore.h"

#include <fmt/format.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <system_error>

#include "backup/exchange.h"
#include "backup/set_file.h"
#include "base/hash.h"
#include "ops/setup.h"
#include "store/schema.h"

namespace alona::backup {
namespace {

namespace fs = std::filesystem;
constexpr const char* untouched = "Nothing was touched. Is it run with sudo? `dmesg` tells of disk errors.";

// The owner, group and mode that a path below `live/` should have: as it is there now, else as its folder;
// on a fresh box as alona setup would make it.
struct Place {
  uid_t owner;
  gid_t group;
  mode_t folder_mode;
};
Place place_of(const ops::Paths& paths, const fs::path& below) {
  struct stat about{};
  if (::stat((paths.live() / below).c_str(), &about) == 0)
    return {about.st_uid, about.st_gid, about.st_mode & 07777};
  if (!below.empty()) {
    Place above = place_of(paths, below.parent_path());
    if (below == "broker") {
      above.folder_mode = 02750;
      const group* broker = ::geteuid() == 0 ? ::getgrnam("mosquitto") : nullptr;  // NOLINT: one thread
      if (broker != nullptr) above.group = broker->gr_gid;
    } else {
      above.folder_mode = below == "checks" ? 0700 : 0750;
    }
    return above;
  }
  if (::stat(paths.data().c_str(), &about) != 0) return {::geteuid(), ::getegid(), 0755};
  return {about.st_uid, about.st_gid, 0755};
}

Result<void> give(const fs::path& path, const Place& place, bool folder) {
  if (::geteuid() == 0 && ::lchown(path.c_str(), place.owner, place.group) != 0)
    return fail(Errc::io, fmt::format("cannot hand {} over to its user", path.string()), untouched);
  if (folder && ::chmod(path.c_str(), place.folder_mode) != 0)
    return fail(Errc::io, fmt::format("cannot set the mode of {}", path.string()), untouched);
  return {};
}

// All that is staged: the core must be able to finish what was cut short.
Result<void> hand_over(const ops::Paths& paths) {
  const fs::path staged = staging_folder(paths), live = staged / "live";
  struct stat data{};
  if (::stat(paths.data().c_str(), &data) != 0)
    return fail(Errc::io, "cannot look at " + paths.data().string(), untouched);
  const Place beside{data.st_uid, data.st_gid, 0700};
  if (auto done = give(staged, beside, true); !done) return done;
  std::error_code ec;
  for (fs::recursive_directory_iterator it{staged, ec}, end; !ec && it != end; it.increment(ec)) {
    const fs::path below = it->path().lexically_relative(live);
    const bool outside = below.begin() != below.end() && *below.begin() == "..";
    const Place place = outside ? beside : place_of(paths, below == "." ? fs::path{} : below);
    if (auto done = give(it->path(), place, it->is_directory()); !done) return done;
  }
  if (ec)
    return fail(Errc::io, fmt::format("cannot look through {}: {}", staged.string(), ec.message()),
                untouched);
  return {};
}

class Restore {
 public:
  Restore(const Box& box, CoreControl& core, bool start, const Clock& clock, const Doing& doing)
      : box_(box), paths_(box.config), core_(core), start_(start), clock_(clock), doing_(doing) {}

  Result<Restored> run(const fs::path& set_file) {
    restored_.set.file = set_file;
    for (const auto step : {&Restore::look, &Restore::stage, &Restore::plan, &Restore::stop}) {
      if (auto done = (this->*step)(); !done) return std::unexpected(done.error());
    }
    auto done = exchange();
    if (!done) return undone(done.error());
    auto kept = finish_exchange(paths_, journal_);
    if (!kept) return std::unexpected(kept.error());
    restored_.kept = *kept;
    if (auto left = start_ ? core_.leave_running(was_running_) : std::string{}; !left.empty())
      restored_.notes.push_back(std::move(left));
    return std::move(restored_);
  }

 private:
  Result<void> look() {
    auto manifest = look_into_set(restored_.set.file);
    if (!manifest) return std::unexpected(manifest.error());
    if (manifest->contents.schema > store::schema_version)
      return fail(
          Errc::newer,
          fmt::format("{} was made by a newer Alona ({})", restored_.set.file.string(), manifest->program),
          "Install that one, or take an older set. Nothing was touched.");
    restored_.set.manifest = std::move(*manifest);
    return {};
  }

  // All that can fail for the set's sake fails here, with the core still running.
  Result<void> stage() {
    if (auto made = files::make_folder(paths_.data(), 0750); !made) return made;
    if (auto clear = discard_staging(paths_); !clear) return clear;
    auto read = unpack_and_read(staging_folder(paths_), restored_.set, doing_);
    if (!read) return (void)discard_staging(paths_), std::unexpected(read.error());
    if (auto can = can_exchange(); !can) return (void)discard_staging(paths_), can;
    restored_.readings = read->readings;
    return {};
  }

  [[nodiscard]] Result<void> can_exchange() const {
    const fs::path a = staging_folder(paths_) / "a", b = staging_folder(paths_) / "b";
    for (const fs::path& folder : {a, b}) {
      if (auto made = files::make_folder(folder, 0700); !made) return made;
    }
    auto can = files::exchange(a, b);
    std::error_code ec;
    fs::remove(a, ec), fs::remove(b, ec);
    return can;
  }

  // Which settings come from the set. Its configuration may name other places than this box has: then the
  // person decides; a set from a stranger's stick shall not say where root writes.
  Result<void> plan() {
    journal_ = {.set = restored_.set.name(), .at = clock_.utc(), .id = random_hex(16)};
    for (char& c : journal_.set) c = static_cast<unsigned char>(c) < ' ' ? '?' : c;
    if (auto sets = list_sets(paths_.backups())) {
      for (const BackupSet& set : *sets)
        if (set.manifest) journal_.number = std::max(journal_.number, set.manifest->number);
    }
    const fs::path staged = staging_folder(paths_);
    std::error_code ec;
    if (fs::exists(staged / "etc/alona.toml", ec)) {
      const auto theirs = ops::load_config(staged / "etc/alona.toml", true);
      if (theirs && theirs->core.data_dir == box_.config.core.data_dir &&
          theirs->core.runtime_dir == box_.config.core.runtime_dir &&
          theirs->mqtt.password_file == box_.config.mqtt.password_file)
        journal_.settings.push_back({.member = "etc/alona.toml", .file = box_.config_file});
      else
        restored_.notes.push_back(
            fmt::format("The set's alona.toml {}: {} stays as it is. To see the set's: "
                        "tar --zstd -xOf {} --wildcards '*/etc/alona.toml'",
                        theirs ? "names other folders than this box has" : "isn't understood by this program",
                        box_.config_file.string(), restored_.set.file.string()));
    }
    if (fs::exists(staged / "etc/mqtt-password", ec))
      journal_.settings.push_back({.member = "etc/mqtt-password", .file = box_.config.mqtt.password_file});
    if (fs::exists(staged / "include", ec))
      restored_.notes.push_back(
          "What [backup] include had named stays in the set; see it with "
          "`alona restore SET --to FOLDER`.");
    return hand_over(paths_);
  }

  Result<void> stop() {
    if (!doing_("stopping the core", 0, 0))
      return (void)discard_staging(paths_),
             fail(Errc::temporary, "the restore was stopped", "Nothing was touched.");
    auto stopped = core_.stop();
    if (!stopped) return (void)discard_staging(paths_), std::unexpected(stopped.error());
    was_running_ = *stopped;
    return {};
  }

  // From here on until the core starts nobody else may open the database.
  Result<void> exchange() {
    {
      const fs::path folder = paths_.database().parent_path();
      std::error_code ec;
      const bool fresh = !fs::exists(paths_.live(), ec);
      if (auto made = files::make_folder(folder, 0755); !made) return made;
      if (fresh) (void)give(paths_.live(), place_of(paths_, {}), true);
      const auto lock = files::Lock::take(paths_.database().string() + ".lock");
      if (!lock) return std::unexpected(lock.error());
      if (auto begun = begin_exchange(paths_, journal_); !begun) return begun;
      begun_ = true;
      if (auto done = go_forward(paths_, journal_); !done) return done;
    }
    auto config = ops::load_config(box_.config_file, false);
    if (!config) return std::unexpected(config.error());
    ops::SetupReport report;
    if (auto set_up = ops::set_up(*config, {.admin = {}, .password = {}}, report); !set_up) return set_up;
    if (!start_) return {};
    (void)doing_("starting the core", 0, 0);
    if (auto started = core_.start(); !started) return started;
    return core_.wait_well();
  }

  Result<Restored> undone(const Error& why) {
    Result<void> stopped;
    if (auto still = begun_ ? core_.stop() : Result<bool>{}; !still) stopped = std::unexpected(still.error());
    if (stopped) {
      const auto lock = files::Lock::take(paths_.database().string() + ".lock");
      stopped = !begun_ ? discard_staging(paths_)
                : lock  ? go_back(paths_, journal_)
                        : std::unexpected(lock.error());
    }
    if (was_running_ && stopped) stopped = core_.start();
    if (was_running_ && stopped) (void)core_.leave_running(true);
    if (stopped)
      return fail(begun_ ? Errc::failed : why.code,
                  fmt::format("the restore of {} was undone, and all is as it was: {}", restored_.set.name(),
                              why.what),
                  why.next);
    return fail(Errc::failed,
                fmt::format("the restore of {} failed: {}; undoing it, too: {}", restored_.set.name(),
                            why.what, stopped.error().what),
                "Run `alona restore --recover`.");
  }

  const Box& box_;
  const ops::Paths paths_;
  CoreControl& core_;
  const bool start_;
  const Clock& clock_;
  const Doing& doing_;
  Journal journal_;
  Restored restored_;
  bool was_running_ = false, begun_ = false;
};

}  // namespace

Result<Restored> restore_set(const Box& box, const fs::path& set_file, CoreControl& core, bool start,
                             const Clock& clock, const Doing& doing) {
  const ops::Paths paths{box.config};
  if (auto made = files::make_folder(paths.data(), 0750); !made) return std::unexpected(made.error());
  if (auto recovered = recover_restore(paths); !recovered) return std::unexpected(recovered.error());
  const auto lock = lock_restore(paths);
  if (!lock) return std::unexpected(lock.error());
  return Restore{box, core, start, clock, doing}.run(fs::absolute(set_file));
}

}  // namespace alona::backup
