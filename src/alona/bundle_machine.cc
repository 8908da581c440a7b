// A bundle's parts that the machine's own programs tell.
#include <fmt/format.h>
#include <sys/utsname.h>

#include <chrono>

#include "alona/bundle.h"
#include "alona/capture.h"
#include "alona/version.h"
#include "base/files.h"
#include "mqtt/client.h"
#include "store/facts.h"

namespace alona::bundle {
namespace {

using namespace std::chrono_literals;
constexpr Ms patience = 15s, journal_patience = 60s;

std::string text_of(const std::filesystem::path& file) {
  const auto text = alona::files::read(file, part_bytes_max);
  return fmt::format("== {}\n{}\n", file.string(), text ? *text : text.error().what);
}

std::string headline(const std::vector<std::string>& words) {
  return fmt::format("== {}\n", fmt::join(words, " "));
}

}  // namespace

Text said_by(const BundleWish& wish, const std::vector<std::vector<std::string>>& programs,
             std::size_t bytes_max_each) {
  std::string text, absent;
  for (const auto& words : programs) {
    const auto said = capture(words, wish.patience(patience), bytes_max_each);
    if (!said) {
      absent += (absent.empty() ? "" : "; ") + said.error().what;
      text += headline(words) + said.error().what + "\n\n";
      continue;
    }
    text += headline(words) + said->text + (said->cut ? "\n[cut here]" : "") + "\n\n";
  }
  if (absent.empty() || text.size() > absent.size() + 200 * programs.size()) return text;
  return fail(Errc::not_found, absent);
}

Text versions(const BundleWish& wish) {
  utsname machine{};
  ::uname(&machine);
  std::string text =
      fmt::format("alona {}\nkernel {} {} {}\nSQLite {}\nlibmosquitto {}\n\n", version, machine.sysname,
                  machine.release, machine.machine, store::sqlite_version(), mqtt::library_version());
  text += text_of("/etc/os-release");
  // One that isn't installed makes it end with 1, and the others are told.
  const auto packages =
      said_by(wish, {{"dpkg-query", "--show", "--showformat", "${Package} ${Version} ${db:Status-Status}\n",
                      "alona", "mosquitto", "systemd", "libmosquitto1", "libsqlite3-0", "linux-image-*"}});
  return text + (packages ? *packages : packages.error().what);
}

Text journal(const BundleWish& wish) {
  const std::string since = fmt::format(
      "--since=@{}", std::chrono::floor<std::chrono::seconds>(wish.since).time_since_epoch().count());
  // The newest first, so that a limit takes the oldest.
  const auto said =
      capture({"journalctl", "--no-pager", "--quiet", "--utc", "--reverse", "--output=short-iso-precise",
               since, "--unit=alona-*", "--unit=mosquitto.service"},
              wish.patience(journal_patience), journal_bytes_max);
  if (!said) return std::unexpected(said.error());
  if (said->exit_code != 0)
    return fail(Errc::failed,
                fmt::format("journalctl ended with {}: {}", said->exit_code, said->text.substr(0, 200)));
  if (said->text.empty())
    return fail(Errc::not_found, "the journal has nothing of these units that this user may read");
  return said->text + (said->cut ? "\n[cut here: older lines are left out]\n" : "");
}

Text units(const BundleWish& wish) {
  return said_by(
      wish, {{"systemctl", "--no-pager", "--full", "--lines=0", "status", "alona-*", "mosquitto.service"},
             {"systemctl", "--no-pager", "--all", "list-timers", "alona-*"},
             {"systemctl", "--no-pager", "--failed", "list-units"},
             {"systemctl", "--no-pager", "cat", "alona-core.service", "mosquitto.service"}});
}

Text disks(const BundleWish& wish) {
  auto text = said_by(wish, {{"df", "--human-readable", "--print-type"},
                             {"df", "--inodes"},
                             {"lsblk", "--output=NAME,SIZE,TYPE,FSTYPE,RO,MODEL,MOUNTPOINTS"}});
  return (text ? *text : text.error().what + "\n") + text_of("/proc/self/mountinfo");
}

Text memory(const BundleWish&) {
  return text_of("/proc/meminfo") + text_of("/proc/loadavg") + text_of("/proc/uptime") +
         text_of("/proc/pressure/io") + text_of("/proc/pressure/memory");
}

Text kernel(const BundleWish& wish) {
  const auto said = capture({"dmesg", "--decode", "--time-format=iso", "--level=emerg,alert,crit,err,warn"},
                            wish.patience(patience), part_bytes_max);
  if (!said) return std::unexpected(said.error());
  if (said->exit_code != 0) return fail(Errc::failed, "dmesg: " + said->text.substr(0, 200));
  return said->text;
}

}  // namespace alona::bundle
