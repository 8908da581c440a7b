#include "alona/health_checks.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "alona/backups_known.h"
#include "alona/health_canary.h"
#include "alona/health_core.h"
#include "backup/sets.h"
#include "backup/upgrade.h"
#include "base/files.h"
#include "ops/paths.h"

namespace alona {
namespace {

namespace fs = std::filesystem;
using State = HealthCheck::State;
using health::failing, health::ok, health::unknown;
constexpr double inodes_free_min = 0.05;

// ---- the disk ----

// Whether a file can be written where all of them are. Somebody else than their owner learns nothing of the
// disk.
HealthCheck writable(const ops::Paths& paths) {
  const fs::path folder = paths.data() / "health";
  struct stat about{};
  const bool ours =
      ::geteuid() == 0 || ::stat(paths.data().c_str(), &about) != 0 || about.st_uid == ::geteuid();
  if (!ours && ::access(folder.c_str(), W_OK | X_OK) != 0 && errno == EACCES)
    return unknown("writable", "only root and the user alona may write there: sudo alona health");
  // Each its own: the timer's round and one by hand may look at the same moment.
  const fs::path probe = folder / fmt::format("probe-{}", ::getpid());
  const auto wrote = files::replace(probe, "a health check wrote this\n", 0640);
  std::error_code gone;
  fs::remove(probe, gone);
  if (wrote) return ok("writable");
  return failing(
      "writable", "nothing can be written to the disk: " + wrote.error().what,
      "`dmesg` says whether the kernel has made it read-only after errors: then it wants a new card; "
      "`sudo alona backup copy` saves what there is.");
}

std::vector<HealthCheck> disk(const ops::Config& config, const ops::Paths& paths) {
  std::vector<HealthCheck> all;
  struct statvfs about{};
  if (::statvfs(paths.data().c_str(), &about) != 0)
    return {failing(
        "room",
        fmt::format("{} can't be looked at: {}", paths.data().string(), std::strerror(errno)),  // NOLINT
        "Is the disk there? `dmesg` tells of its errors.")};
  const double used = 100.0 * (1.0 - static_cast<double>(about.f_bavail) /
                                         static_cast<double>(std::max<fsblkcnt_t>(about.f_blocks, 1)));
  all.push_back(used <= config.health.disk_used_max_percent
                    ? ok("room")
                    : failing("room", fmt::format("the disk is {:.0f} % full", used),
                              "`alona status` says how long it lasts; docs/operations.md, \"Room on the "
                              "disk\", what goes first."));
  const bool few = about.f_files > 0 &&
                   static_cast<double>(about.f_favail) < inodes_free_min * static_cast<double>(about.f_files);
  all.push_back(!few ? ok("inodes")
                     : failing("inodes",
                               fmt::format("the disk has room for {} more files only", about.f_favail),
                               "Something makes small files without end: `sudo du --inodes -x / | sort -n | "
                               "tail` shows where."));
  all.push_back(writable(paths));
  return all;
}

// ---- backups ----

// As the core would tell of them; whether its clock is right, a dead one can't say.
std::vector<HealthCheck> backups(const ops::Config& config, const ops::Paths& paths, UtcMs now) {
  const auto sets = backup::list_sets(paths.backups());
  if (!sets) return {unknown("backup", sets.error().what)};
  std::vector<HealthCheck> all;
  if (!sets->empty() && !sets->front().counts())
    all.push_back(failing("backup_broken",
                          fmt::format("the newest backup is bad: {}", sets->front().state.failed),
                          "`sudo alona backup now` makes another and says what is wrong."));
  const auto known = backups_known(*sets, config.mqtt.password_file, config.health.backup_age_max);
  for (const web::Finding& finding : web::backup_findings(known, now, true))
    all.push_back(failing(finding.id, finding.what, finding.todo));
  if (all.empty()) all.push_back(ok("backup"));
  return all;
}

// Nobody sees otherwise that the version that runs was never watched, and goes with the next restart. The
// journal is root's, for all to read; the lock lies in the core's own folder.
HealthCheck upgrade_open(const ops::Paths& paths) {
  const auto cut_short = backup::upgrade_cut_short(paths);
  if (!cut_short) return unknown("upgrade_open", cut_short.error().what);
  if (!*cut_short) return ok("upgrade_open");
  return failing("upgrade_open", "an upgrade was cut short, and is neither finished nor undone",
                 "`sudo alona upgrade --recover` brings the version before it back.");
}

std::vector<HealthCheck> machine(const ops::MachinePlaces& places) {
  std::vector<HealthCheck> all;
  for (ops::MachineCheck& c : ops::look_at_machine(places))
    all.push_back(c.well ? ok(std::move(c.id))
                         : failing(std::move(c.id), std::move(c.what), std::move(c.next)));
  return all;
}

struct Road {
  health::CoreSays core;
  std::vector<HealthCheck> broker_and_canary;
};

// Where a reading doesn't get through, the core is asked again: has it found the cause meanwhile, its words
// are the better ones.
Road road(const ops::Config& config, const ops::Paths& paths) {
  Road road{health::ask_core(paths), {}};
  road.broker_and_canary = health::try_road(config, paths, road.core.takes_readings);
  HealthCheck& canary = road.broker_and_canary.back();
  if (canary.state == State::ok || !road.core.takes_readings) return road;
  road.core = health::ask_core(paths);
  if (!road.core.takes_readings) canary = unknown("canary", "nothing gets through, and the core says why");
  return road;
}

}  // namespace

std::vector<HealthCheck> health_checks(const ops::Config& config, const Clock& clock,
                                       const ops::MachinePlaces& places) {
  const ops::Paths paths{config};
  Road tried = road(config, paths);
  const bool alive = tried.core.core.state == State::ok;
  std::vector<HealthCheck> all{std::move(tried.core.core)};
  const auto add = [&](HealthCheck check) {
    // What the core has told already, in its own words.
    if (std::ranges::find(all, check.id, &HealthCheck::id) == all.end()) all.push_back(std::move(check));
  };
  for (HealthCheck& finding : tried.core.findings) add(std::move(finding));
  for (HealthCheck& check : tried.broker_and_canary) add(std::move(check));
  for (HealthCheck& check : disk(config, paths)) add(std::move(check));
  // A core that runs knows better whether a backup is overdue: how old the box is, and whether its clock is
  // right.
  for (HealthCheck& check : backups(config, paths, clock.utc())) {
    if (!alive || check.state != State::failing || check.id == "backup_broken") add(std::move(check));
  }
  add(upgrade_open(paths));
  if (alive) add(health::written(paths));
  for (HealthCheck& check : machine(places)) add(std::move(check));
  return all;
}

}  // namespace alona
