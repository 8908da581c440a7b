#include "sim/sim.h"

#include <fmt/format.h>
#include <poll.h>

#include <cmath>
#include <map>
#include <ostream>

#include "base/limits.h"

namespace alona::sim {
namespace {

constexpr int turn_ms_max = 20;  // the runtime wants to be stepped about so often
constexpr std::int64_t farewell_ms = 5'000;
constexpr std::int64_t trouble_every_ms = 10'000;

class Sim {
 public:
  Sim(const SimOptions& options, std::ostream& out) : options_(options), out_(out) {}
  Result<void> prepare();
  int run(const std::atomic<bool>& stop);

 private:
  void turn();
  void wait();
  void tell_troubles();
  [[nodiscard]] bool over(bool stopping);
  [[nodiscard]] std::int64_t simulated_now() const;
  int report();

  const SimOptions& options_;
  std::ostream& out_;
  std::vector<char> payload_ = std::vector<char>(limits::payload_bytes_max);
  std::vector<std::unique_ptr<SimNode>> nodes_;
  std::vector<pollfd> polled_;
  std::int64_t began_ms_ = mono_now_ms(), last_turn_ms_ = began_ms_, told_ms_ = 0;
  std::int64_t first_ms_ = 0;             // simulated time at the beginning
  std::int64_t drain_until_ms_ = 0;       // 0: not draining yet, or without end
  bool ended_ = false, stopped_ = false;  // the sources ran dry; somebody stopped us
};

Result<void> Sim::prepare() {
  if (auto sound = check(options_); !sound) return sound;
  const auto who = credentials(options_);
  if (!who) return std::unexpected(who.error());
  std::shared_ptr<const Recording> recording;
  if (!options_.replay.empty()) {
    auto read = read_csv(options_.replay, options_.map);
    if (!read) return std::unexpected(read.error());
    recording = std::make_shared<Recording>(std::move(*read));
  }
  const UtcMs start = options_.start.value_or(SystemClock{}.utc());
  first_ms_ = recording && !options_.start ? recording->rows.front().ts_ms : count(start);
  for (std::size_t i = 0; i < options_.nodes; ++i) {
    auto source = recording ? make_replay(recording, options_) : make_model(options_, i, start);
    nodes_.push_back(std::make_unique<SimNode>(options_, (*who)[i], std::move(source), i, payload_));
  }
  return {};
}

std::int64_t Sim::simulated_now() const {
  if (options_.speed == 0) return INT64_MAX;
  const auto elapsed = static_cast<double>(mono_now_ms() - began_ms_);
  return first_ms_ + static_cast<std::int64_t>(elapsed * options_.speed);
}

void Sim::turn() {
  const std::int64_t now = mono_now_ms();
  const double hours = static_cast<double>(now - last_turn_ms_) / 3.6e6;
  last_turn_ms_ = now;
  const std::int64_t until = simulated_now();
  for (const auto& node : nodes_) {
    if (!stopped_) node->measure(until);
    node->step(hours);
    node->port().turn(false, false);
  }
}

void Sim::wait() {
  polled_.clear();
  bool busy = false;
  for (const auto& node : nodes_) {
    const MqttPort& port = node->port();
    polled_.push_back({port.fd(), static_cast<short>(port.wants_write() ? POLLIN | POLLOUT : POLLIN), 0});
    busy = busy || (!stopped_ && node->busy());
  }
  if (::poll(polled_.data(), polled_.size(), busy ? 0 : turn_ms_max) <= 0) return;
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    if (const short seen = polled_[i].revents; seen != 0)
      nodes_[i]->port().turn((seen & ~POLLOUT) != 0, (seen & POLLOUT) != 0);
}

// A broker that is away makes a line each ten seconds, not one for each node and attempt.
void Sim::tell_troubles() {
  std::map<std::string, std::pair<std::size_t, std::string>> seen;
  for (const auto& node : nodes_)
    if (const auto failure = node->port().take_failure()) {
      auto& [times, next] = seen[failure->what];
      ++times, next = failure->next;
    }
  if (seen.empty() || mono_now_ms() - told_ms_ < trouble_every_ms) return;
  told_ms_ = mono_now_ms();
  if (options_.json) return;
  for (const auto& [what, entry] : seen)
    out_ << what << (entry.first > 1 ? fmt::format(" ({} nodes)", entry.first) : "") << '\n'
         << (entry.second.empty() ? "" : entry.second + "\n");
  out_.flush();
}

bool Sim::over(bool stopping) {
  const std::int64_t now = mono_now_ms();
  if (stopping && !stopped_) {
    stopped_ = true;
    drain_until_ms_ = now + farewell_ms;
  }
  bool settled = true, done = true;
  for (const auto& node : nodes_) settled = settled && node->settled(), done = done && node->done();
  if (done || (stopped_ && settled)) return true;
  if (!ended_ && !stopped_ && options_.drain_s > 0) {
    bool dry = true;
    for (const auto& node : nodes_) dry = dry && node->dry();
    ended_ = dry;
    if (dry) drain_until_ms_ = now + std::llround(options_.drain_s * 1000);
  }
  return drain_until_ms_ > 0 && now >= drain_until_ms_;
}

int Sim::run(const std::atomic<bool>& stop) {
  while (!over(stop.load())) {
    turn();
    wait();
    tell_troubles();
  }
  return report();
}

int Sim::report() {
  Totals totals;
  bool settled = true;
  for (const auto& node : nodes_) totals.add(node->totals()), settled = settled && node->settled();
  const double seconds = static_cast<double>(mono_now_ms() - began_ms_) / 1000;
  out_ << (options_.json ? as_json(totals, seconds) : as_text(totals, seconds)) << '\n';
  for (const auto& node : nodes_) node->port().goodbye();
  out_.flush();
  return settled && totals.pending == 0 && totals.unconfirmed == 0 ? 0 : 1;
}

}  // namespace

std::string as_text(const Totals& t, double seconds) {
  return fmt::format(
      "{} readings measured, {} sent in {} messages, {} acknowledged, {} lost from memory, {} refused, {} "
      "pending\n"
      "{} messages sent again, {} reboots, {} messages without the broker's word; {:.1f} s, {:.0f} readings "
      "a second",
      t.taken, t.sent, t.messages, t.acked, t.lost, t.refused, t.pending, t.resent, t.reboots, t.unconfirmed,
      seconds, seconds > 0 ? static_cast<double>(t.acked) / seconds : 0.0);
}

std::string as_json(const Totals& t, double seconds) {
  return fmt::format(
      R"({{"taken":{},"sent":{},"acked":{},"lost":{},"refused":{},"pending":{},"messages":{},"resent":{},"reboots":{},)"
      R"("unconfirmed":{},"seconds":{:.3f}}})",
      t.taken, t.sent, t.acked, t.lost, t.refused, t.pending, t.messages, t.resent, t.reboots, t.unconfirmed,
      seconds);
}

int run_sim(const SimOptions& options, const std::atomic<bool>& stop, std::ostream& out) {
  Sim sim{options, out};
  if (const auto ready = sim.prepare(); !ready) {
    out << "alona sim: " << ready.error().text() << '\n';
    return exit_code(ready.error().code);
  }
  return sim.run(stop);
}

}  // namespace alona::sim
