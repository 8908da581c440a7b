// The doctor's chapter on files: who may read the secrets, and whether the core owns what is its own, as
// docs/operations.md ("Files") says it.
#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <system_error>

#include "alona/doctor.h"
#include "ops/broker_files.h"

namespace alona::doctor {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t files_looked_at_max = 10'000;

struct Wanted {
  fs::path path;
  mode_t mode;  // no bit beyond these
};

std::vector<Wanted> wanted(const Patient& patient) {
  const ops::Paths& paths = patient.paths;
  const fs::path data = paths.data();
  std::vector<Wanted> all{{patient.config.mqtt.password_file, 0640},
                          {paths.database().parent_path(), 0750},
                          {paths.broker(), 02750},
                          {paths.broker_passwords(), 0640},
                          {paths.broker_acl(), 0640},
                          {paths.check_password(ops::probe_user).parent_path(), 0700},
                          {data / "backups", 0750},
                          {data / "health", 0750},
                          {data / "quarantine", 0750},
                          {data / "bundles", 0750}};
  for (const std::string_view user : {ops::canary_user, ops::probe_user, ops::doctor_user, ops::witness_user})
    all.push_back({paths.check_password(user), 0600});
  if (!patient.config.backup.passphrase_file.empty())
    all.push_back({patient.config.backup.passphrase_file, 0640});
  return all;
}

DoctorCheck modes(const Patient& patient) {
  std::vector<std::string> wrong, orders;
  for (const Wanted& one : wanted(patient)) {
    struct stat about{};
    if (::stat(one.path.c_str(), &about) != 0) {
      if (errno == ENOENT) continue;  // told by whoever needs it
      return unknown("modes",
                     fmt::format("{}: {}", one.path.string(), std::generic_category().message(errno)));
    }
    const mode_t has = about.st_mode & 07777;
    if ((has & ~one.mode) == 0) continue;
    wrong.push_back(fmt::format("{} has mode {:04o} instead of {:04o}", one.path.string(), has, one.mode));
    orders.push_back(fmt::format("`sudo chmod {:04o} {}`", one.mode, one.path.string()));
  }
  if (wrong.empty()) return ok("modes");
  return failing("modes", fmt::format("{}", fmt::join(wrong, "; ")),
                 fmt::format("{}", fmt::join(orders, ", ")));
}

// In the package's own place everything belongs to the user alona; elsewhere to whom data_dir belongs.
std::optional<uid_t> owner_wanted(const Patient& patient) {
  if (patient.paths.data() == "/var/lib/alona") {
    std::array<char, 4096> space{};
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwnam_r("alona", &entry, space.data(), space.size(), &found) == 0 && found != nullptr)
      return found->pw_uid;
  }
  struct stat data{};
  if (::stat(patient.paths.data().c_str(), &data) != 0) return std::nullopt;
  return data.st_uid;
}

// All of live/: what the core, or a restore, must be able to replace.
DoctorCheck owners(const Patient& patient) {
  const auto owner = owner_wanted(patient);
  if (!owner) return unknown("owners", fmt::format("{} can't be looked at", patient.paths.data().string()));
  std::error_code ec;
  std::size_t n = 0;
  std::vector<std::string> strange;
  for (fs::recursive_directory_iterator it{patient.paths.live(), ec}, end;
       !ec && it != end && n < files_looked_at_max; it.increment(ec), ++n) {
    struct stat about{};
    if (::lstat(it->path().c_str(), &about) == 0 && about.st_uid != *owner && strange.size() < 5)
      strange.push_back(it->path().string());
  }
  if (ec) return unknown("owners", fmt::format("{}: {}", patient.paths.live().string(), ec.message()));
  if (strange.empty()) return ok("owners");
  return failing(
      "owners", fmt::format("not the core's own: {}", fmt::join(strange, ", ")),
      fmt::format(
          "`sudo chown --recursive --no-dereference {} {}`, then `sudo systemctl restart alona-core`.",
          *owner, patient.paths.live().string()));
}

}  // namespace

Checks files(const Patient& patient) { return {modes(patient), owners(patient)}; }

}  // namespace alona::doctor
