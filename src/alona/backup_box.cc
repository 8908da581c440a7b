#include "alona/backup_box.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "alona/version.h"
#include "ops/pace.h"

namespace alona {
namespace {

volatile std::sig_atomic_t stop_asked = 0;

}  // namespace

Result<backup::Box> backup_box(const Context& context) {
  auto config = context.config();
  if (!config) return std::unexpected(config.error());
  return backup_box(context, std::move(*config));
}

backup::Box backup_box(const Context& context, ops::Config config) {
  std::string host(256, '\0');
  if (::gethostname(host.data(), host.size() - 1) != 0) host.clear();
  host.resize(host.find('\0') == std::string::npos ? host.size() : host.find('\0'));
  return backup::Box{std::move(config),
                     context.config_path.empty() ? ops::config_path_default : context.config_path,
                     std::move(host), std::string{version}};
}

void step_aside() {
  constexpr int this_process = 1, idle = 3 << 13;       // linux/ioprio.h
  if (std::getenv("INVOCATION_ID") != nullptr) return;  // NOLINT(concurrency-mt-unsafe): one thread
  ::setpriority(PRIO_PROCESS, 0, 19);
  // Whoever else wants to run then does at once, not when our slice is over.
  const sched_param none{};
  ::sched_setscheduler(0, SCHED_IDLE, &none);
  ::syscall(SYS_ioprio_set, this_process, 0, idle);
}

backup::Doing shown(Progress& progress) {
  const auto stop = [](int) { stop_asked = 1; };
  ::signal(SIGINT, stop);
  ::signal(SIGTERM, stop);
  // A terminal that goes away, or a `tee` with it: not in the middle, where a restore has stopped the core.
  if (::signal(SIGHUP, stop) == SIG_IGN) ::signal(SIGHUP, SIG_IGN);  // by nohup
  ::signal(SIGPIPE, [](int) {});
  return [&progress](std::string_view doing, std::uint64_t done, std::uint64_t all) {
    progress.at(doing, done, all);
    return stop_asked == 0;
  };
}

backup::Doing shown_unhurried(Progress& progress) {
  return [doing = shown(progress), pace = ops::Pace{}](std::string_view what, std::uint64_t done,
                                                       std::uint64_t all) mutable {
    pace.step();
    return doing(what, done, all);
  };
}

}  // namespace alona
