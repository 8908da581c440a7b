// `alona request`: what the core asks of root, judged and done. Started by path units; not for people.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/rtc.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <ctime>
#include <memory>
#include <system_error>

#include "alona/capture.h"
#include "alona/cli.h"
#include "backup/gate.h"
#include "backup/second_target.h"
#include "ops/requests.h"
#include "ops/saved_time.h"

namespace alona {
namespace {

using ops::Request;

// Against one that hangs for ever. Whoever is ended here leaves an upgrade that nobody watches, so it is far
// more than the longest takes: a backup of a large database, dpkg there and back, and twice the health gate.
constexpr std::chrono::hours upgrade_max{8};
static_assert(upgrade_max > 3 * backup::Gate::work_max);

// The clock chip, where there is one: else the machine forgets what it was told.
void set_chip(UtcMs utc) {
  const int fd = ::open("/dev/rtc0", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  const std::time_t seconds = count(utc) / 1000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  rtc_time rtc{.tm_sec = parts.tm_sec,
               .tm_min = parts.tm_min,
               .tm_hour = parts.tm_hour,
               .tm_mday = parts.tm_mday,
               .tm_mon = parts.tm_mon,
               .tm_year = parts.tm_year,
               .tm_wday = 0,
               .tm_yday = 0,
               .tm_isdst = 0};
  if (::ioctl(fd, RTC_SET_TIME, &rtc) != 0)  // NOLINT(cppcoreguidelines-pro-type-vararg)
    fmt::print(stderr, "The clock chip stays as it is: {}\n", std::generic_category().message(errno));
  ::close(fd);
}

Result<void> set_clock(UtcMs utc) {
  const timespec time{.tv_sec = count(utc) / 1000, .tv_nsec = count(utc) % 1000 * 1'000'000};
  if (::clock_settime(CLOCK_REALTIME, &time) != 0)
    return fail(Errc::failed,
                fmt::format("the machine's clock can't be set: {}", std::generic_category().message(errno)));
  fmt::print("The machine's clock is set to {}\n", iso8601(utc));
  return {};
}

Result<void> systemctl(const char* what) {
  const auto ran = run_to_end({"systemctl", what});
  if (!ran) return std::unexpected(ran.error());
  if (ran->exit_code == 0) return {};
  return fail(Errc::failed, fmt::format("systemctl {}: {}", what, ran->text));
}

// The time saved last, when the machine's clock lies behind it: at boot, before anything writes a time. The
// chip is left alone: the saved time lacks the whole while without power, and what the chip says may be
// right.
Result<void> restore_time(const ops::Paths& paths) {
  const auto saved = ops::SavedTime{paths.saved_time()}.read();
  if (!saved || SystemClock{}.utc() >= *saved) return {};
  return set_clock(*saved);
}

// The same as a person at a shell would do: the file held nothing that counts, and what is on the stick is
// judged there. How it ended stands in the outcome that it writes.
Result<void> upgrade(const std::string& config_file, bool back) {
  std::vector<std::string> command{"/proc/self/exe", "upgrade", back ? "--rollback" : "USB", "--yes"};
  if (!config_file.empty()) command.insert(command.end(), {"--config", config_file});
  const auto ran = run_to_end(command, upgrade_max);
  if (!ran) return std::unexpected(ran.error());
  fmt::print("{}\n", ran->text);
  if (ran->exit_code == 0) return {};
  return fail(Errc::failed, "it came to nothing", "The page, System, says why.");
}

Result<void> answer(const ops::Config& config, const std::string& config_file, Request request) {
  const ops::Paths paths{config};
  const auto content = ops::take_request(paths, request, SystemClock{}.utc());
  if (!content) return std::unexpected(content.error());
  switch (request) {
    case Request::clock: {
      const auto utc = ops::time_in(*content, SystemClock{}.mono());
      if (!utc) return std::unexpected(utc.error());
      if (auto set = set_clock(*utc); !set) return set;
      set_chip(*utc);
      return {};
    }
    case Request::restart:
      return systemctl("reboot");
    case Request::power_off:
      return systemctl("poweroff");
    case Request::eject:
      return backup::let_go_of_stick(config.backup.second_target);
    case Request::upgrade:
      return upgrade(config_file, false);
    case Request::roll_back:
      return upgrade(config_file, true);
  }
  return {};
}

}  // namespace

void add_request_command(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("request", "Does what the core asks of root")->group("");
  const auto what = std::make_shared<std::string>();
  command
      ->add_option("WHAT", *what, "clock, restart, power_off, eject, upgrade, roll_back; saved_time: at boot")
      ->required();
  command->footer("Example:\n  alona request clock");
  command->callback([&context, what] {
    const auto request = ops::parse_request(*what);
    const auto config = context.config();
    if (!config) {
      // Left there it would be met again at once, and again, and in the end much later, when nobody wants it.
      if (request) (void)ops::take_request(ops::Paths{ops::Config{}}, *request, SystemClock{}.utc());
      return context.end(config.error());
    }
    const auto done = request ? answer(*config, context.config_path, *request)
                      : *what == "saved_time"
                          ? restore_time(ops::Paths{*config})
                          : fail(Errc::usage, fmt::format("nobody can ask for {}", printable(*what)));
    if (!done) context.end(done.error());
  });
}

}  // namespace alona
