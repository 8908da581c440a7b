// The doctor's chapter on systemd: does everything run that must, will it after a reboot, did the jobs end
// well, and does the core's sandbox hold.
#include <fmt/format.h>

#include <array>
#include <optional>

#include "alona/capture.h"
#include "alona/doctor.h"
#include "base/files.h"
#include "ops/backup_timer.h"
#include "ops/services.h"

namespace alona::doctor {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
constexpr Ms patience = 10s;
constexpr std::size_t bytes_max = 65'536, proc_bytes_max = 1 << 20;
using Judge = std::optional<std::string> (*)(const ops::UnitFacts&);

Result<std::vector<ops::UnitFacts>> show(const std::vector<std::string>& units) {
  std::vector<std::string> words{
      "systemctl", "show",
      "--property=Id,LoadState,ActiveState,UnitFileState,Result,ExecMainStatus,MainPID,TimersCalendar"};
  words.insert(words.end(), units.begin(), units.end());
  const auto said = capture(words, patience, bytes_max);
  if (!said) return std::unexpected(said.error());
  auto facts = ops::parse_show(said->text);
  if (said->cut || said->exit_code != 0 || facts.size() != units.size())
    return fail(Errc::failed, "systemctl tells nothing: " + said->text.substr(0, 200));
  return facts;
}

void judge(const std::vector<std::string>& units, Judge wrong_with, std::vector<std::string>& wrong) {
  const auto facts = show(units);
  if (!facts) return wrong.push_back(facts.error().what);
  for (const auto& unit : *facts) {
    if (auto what = wrong_with(unit)) wrong.push_back(std::move(*what));
  }
}

DoctorCheck running() {
  std::vector<std::string> wrong;
  judge({"alona-core.service", "mosquitto.service"}, ops::wrong_with_service, wrong);
  judge({"alona-broker-reload.path", "alona-clock.path", "alona-power.path", "eject-alona-stick.path",
         "install-alona.path"},
        ops::wrong_with_timer, wrong);
  judge({"alona-recover.service", "alona-broker-reload.service"}, ops::wrong_with_job, wrong);
  if (wrong.empty()) return ok("services");
  return failing("services", fmt::format("{}", fmt::join(wrong, "; ")),
                 "`systemctl status UNIT` says why it ended, `sudo systemctl enable --now UNIT` starts it, "
                 "now and at each boot.");
}

DoctorCheck timers(const Patient& patient) {
  std::vector<std::string> wrong;
  judge({"alona-backup.timer", "alona-drill.timer", "alona-health.timer"}, ops::wrong_with_timer, wrong);
  judge({"alona-backup.service", "alona-copy.service", "alona-drill.service", "alona-health.service"},
        ops::wrong_with_job, wrong);
  if (wrong.empty()) {
    const auto facts = show({"alona-backup.timer"});
    const auto another =
        facts ? ops::another_backup_time(facts->front(), patient.config.backup.at) : std::nullopt;
    if (!another) return ok("timers");
    return note("timers",
                fmt::format("the timer of the daily backup says {}, and [backup] at says {}", *another,
                            ops::time_text(patient.config.backup.at)),
                "`sudo alona setup` gives the timer the time of the settings.");
  }
  return failing("timers", fmt::format("{}", fmt::join(wrong, "; ")),
                 "A timer: `sudo systemctl enable --now TIMER`. A run: `journalctl -u UNIT -n 30` says why "
                 "it failed, `sudo "
                 "systemctl start UNIT` tries again.");
}

DoctorCheck sandbox() {
  const auto facts = show({"alona-core.service"});
  if (!facts) return unknown("sandbox", facts.error().what);
  const auto pid = facts->front().find("MainPID");
  if (pid == facts->front().end() || pid->second == "0") return unknown("sandbox", "the core doesn't run");
  const auto status = alona::files::read(fs::path("/proc") / pid->second / "status", proc_bytes_max);
  const auto mounts = alona::files::read(fs::path("/proc") / pid->second / "mountinfo", proc_bytes_max);
  if (!status || !mounts) return unknown("sandbox", "only root may look into another's process");
  const auto missing = ops::missing_of_sandbox(*status, *mounts);
  if (missing.empty()) return ok("sandbox");
  return failing("sandbox", fmt::format("the core's sandbox isn't in force: {}", fmt::join(missing, "; ")),
                 "`systemctl cat alona-core` shows which settings hold: remove what undoes "
                 "alona-.service.d/10-sandbox.conf, `sudo systemctl daemon-reload`, `sudo systemctl restart "
                 "alona-core`.");
}

}  // namespace

Checks services(const Patient& patient) {
  std::error_code ec;
  if (!fs::exists(patient.systemd, ec)) return {unknown("services", "systemd doesn't run this machine")};
  // A trial beside, or instead of, the installed box: its services are others'.
  if (patient.paths.data() != "/var/lib/alona")
    return {unknown("services", "this configuration isn't that of the installed box")};
  return {running(), timers(patient), sandbox()};
}

}  // namespace alona::doctor
