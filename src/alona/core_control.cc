#include "alona/core_control.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <optional>
#include <thread>
#include <utility>

#include "alona/capture.h"
#include "alona/child.h"
#include "backup/gate.h"
#include "base/files.h"
#include "base/limits.h"
#include "http/unix_client.h"
#include "http/unix_socket.h"
#include "ops/paths.h"

namespace alona {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
constexpr auto stop_max = 45s;
constexpr auto look_each = 100ms;
constexpr auto watched_for = 10s;
constexpr const char* unit = "alona-core.service";

// Until `done`, or not.
bool wait_until(std::chrono::seconds max, const std::function<bool()>& done) {
  const auto deadline = std::chrono::steady_clock::now() + max;
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(look_each);
  }
  return true;
}

// The process at the other end of the core's socket.
std::optional<pid_t> peer_of(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  const int got = ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size);
  return got == 0 && peer.pid > 0 ? std::optional{peer.pid} : std::nullopt;
}

backup::CoreAnswer ask(const ops::Paths& paths) {
  const auto fd = http::connect_unix(paths.core_socket());
  if (!fd) return {};
  const auto peer = peer_of(*fd);
  const auto answer = http::get_on(*fd, "localhost", "/health", Ms{2000});
  ::close(*fd);
  if (!answer) return {};
  if (answer->status == 200) return {.well = true, .working = {}};
  const bool works = answer->body.contains(R"("working")");
  return {.well = false, .working = works ? peer : std::nullopt};
}

bool well(const ops::Paths& paths) { return ask(paths).well; }

bool passes_gate(const ops::Paths& paths, const std::function<bool()>& goes_on) {
  const SystemClock clock;
  backup::Gate gate{clock.mono()};
  while (true) {
    const auto state = gate.look(clock.mono(), ask(paths));
    if (state == backup::Gate::State::passed) return true;
    if (state == backup::Gate::State::missed || !goes_on()) return false;
    std::this_thread::sleep_for(look_each);
  }
}

std::unexpected<Error> not_well(std::string_view words, std::string_view where) {
  return fail(Errc::failed,
              fmt::format("the core didn't turn well within {} s{}{}", backup::Gate::turn_max / 1s,
                          words.empty() ? "" : ": ", words),
              std::string{where});
}

// What a child printed, in memory alone.
class Output {
 public:
  Output() : fd_(::memfd_create("output", MFD_CLOEXEC)) {}
  ~Output() {
    if (fd_ >= 0) ::close(fd_);
  }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  [[nodiscard]] int fd() const { return fd_; }
  // The end of it.
  [[nodiscard]] std::string text() const {
    constexpr off_t most = 2000;
    const off_t bytes = ::lseek(fd_, 0, SEEK_END);
    std::string text(static_cast<std::size_t>(std::clamp<off_t>(bytes, 0, most)), '\0');
    const ssize_t n = ::pread(fd_, text.data(), text.size(), std::max<off_t>(bytes - most, 0));
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    while (text.ends_with('\n')) text.pop_back();
    return text;
  }

 private:
  int fd_;
};

class SystemdControl : public backup::CoreControl {
 public:
  explicit SystemdControl(const ops::Config& config) : paths_(config) {}

  Result<bool> stop() override {
    const auto state = active();
    if (!state) return std::unexpected(state.error());
    const bool running = *state != "inactive" && *state != "failed";
    if (auto done = tell("stop"); !done) return std::unexpected(done.error());
    const auto after = active();
    if (after && (*after == "inactive" || *after == "failed")) return running;
    return fail(Errc::temporary, fmt::format("{} doesn't stop", unit), "Run the command with sudo.");
  }
  Result<void> start() override {
    // The broker's files are others now; where it isn't run by systemd, a login later proves it.
    (void)run_to_end({"systemctl", "try-reload-or-restart", "mosquitto.service"});
    return tell("start");
  }
  Result<void> wait_well() override {
    if (passes_gate(paths_, [] { return true; })) return {};
    return not_well({}, "`journalctl -u alona-core` says why.");
  }
  // systemd starts one that falls over again, and each is well for a moment.
  Result<void> stays_well() override {
    const auto first = property("MainPID");
    std::this_thread::sleep_for(watched_for);
    const auto now = property("MainPID");
    if (first && now && *first == *now && *now != "0" && well(paths_)) return {};
    return fail(Errc::failed, fmt::format("the core started, and fell over within {} s", watched_for.count()),
                "`journalctl -u alona-core` says why.");
  }
  std::string leave_running(bool) override { return {}; }

 private:
  [[nodiscard]] static Result<std::string> property(const std::string& name) {
    auto said = run_to_end({"systemctl", "show", "--property=" + name, "--value", unit});
    if (!said) return std::unexpected(said.error());
    return std::move(said->text);
  }
  [[nodiscard]] static Result<std::string> active() { return property("ActiveState"); }
  [[nodiscard]] Result<void> tell(const std::string& what) const {
    const auto said = run_to_end({"systemctl", what, unit});
    if (!said) return std::unexpected(said.error());
    if (said->text.empty()) return {};
    return fail(Errc::temporary, fmt::format("systemctl {} {}: {}", what, unit, said->text),
                "Run the command with sudo.");
  }
  const ops::Paths paths_;
};

class OwnControl : public backup::CoreControl {
 public:
  OwnControl(const ops::Config& config, std::string config_file)
      : paths_(config), config_file_(std::move(config_file)) {}

  Result<bool> stop() override {
    if (child_) return child_->stop(Ms{30'000}), child_.reset(), true;
    const auto core = listener();
    if (core && ::kill(*core, SIGTERM) != 0)
      return fail(Errc::auth, fmt::format("cannot stop the core, process {}", *core), "Run it as root.");
    const fs::path lock = paths_.database().string() + ".lock";
    std::error_code ec;
    std::optional<Error> held;
    const bool is_free = wait_until(stop_max, [&] {
      if (listener()) return false;
      if (!fs::exists(lock, ec)) return true;
      const auto taken = files::Lock::take(lock);
      held = taken ? std::nullopt : std::optional{taken.error()};
      return !held;
    });
    if (is_free) return core.has_value();
    return held ? std::unexpected(*held)
                : fail(Errc::temporary, "the core doesn't stop", "Stop it, then do it again.");
  }

  Result<void> start() override {
    output_.emplace();
    auto child = Child::start("core", {"/proc/self/exe", "--config", config_file_, "core"}, output_->fd());
    if (!child) return std::unexpected(child.error());
    child_ = std::move(*child);
    return {};
  }
  Result<void> wait_well() override {
    if (passes_gate(paths_, [&] { return child_->running(); }) && child_->running()) return {};
    return not_well(output_->text(), {});
  }
  Result<void> stays_well() override {
    std::this_thread::sleep_for(1s);
    return child_->running() && well(paths_) ? Result<void>{} : not_well(output_->text(), {});
  }
  // Whoever has started a core by hand starts it again: it would be out of their sight here.
  std::string leave_running(bool was_running) override {
    if (child_) child_->stop(Ms{30'000});
    child_.reset();
    return fmt::format("Let the broker read its files again, and start the core{}: alona --config {} core",
                       was_running ? " again" : "", config_file_);
  }

 private:
  // The process that answers at the core's socket.
  [[nodiscard]] std::optional<pid_t> listener() const {
    const auto fd = http::connect_unix(paths_.core_socket());
    if (!fd) return std::nullopt;
    const auto peer = peer_of(*fd);
    ::close(*fd);
    return peer;
  }
  const ops::Paths paths_;
  const std::string config_file_;
  std::optional<Output> output_;
  std::optional<Child> child_;
};

bool unit_runs_it(const std::string& config_file) {
  std::error_code ec;
  if (config_file != ops::config_path_default || !fs::exists("/run/systemd/system", ec)) return false;
  const auto state = run_to_end({"systemctl", "show", "--property=LoadState", "--value", unit});
  return state && state->text == "loaded";
}

}  // namespace

std::unique_ptr<backup::CoreControl> core_control(const ops::Config& config, const std::string& config_file) {
  if (unit_runs_it(config_file)) return std::make_unique<SystemdControl>(config);
  return std::make_unique<OwnControl>(config, config_file);
}

}  // namespace alona
