#include "ingest/service.h"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <thread>

#include "protocol/encode.h"

namespace alona::ingest {
namespace {

// What nodes may publish. Not alona/#: our own acks would come back to us.
constexpr auto filters =
    std::to_array<std::string_view>({"alona/+/telemetry/+", "alona/+/telemetry", "alona/+/event/+",
                                     "alona/+/heartbeat", "alona/+/status", "alona/+/error"});

}  // namespace

Service::Service(store::Writer writer, const Clock& clock, ServiceOptions options, Listener listener)
    : clock_(clock),
      options_(std::move(options)),
      listener_(std::move(listener)),
      writer_(std::move(writer)),
      ingest_(writer_, clock_, options_.ingest),
      diary_(writer_, ingest_, clock_, options_.boot),
      room_(options_.room, clock_),
      commands_(limits::commands_max),
      wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Service::~Service() {
  if (wake_fd_ >= 0) ::close(wake_fd_);
}

Result<void> Service::prepare() {
  if (auto loaded = ingest_.load(); !loaded) return loaded;
  if (auto loaded = room_.load(ingest_); !loaded) return loaded;
  std::array<char, 256> payload{};
  const std::size_t n = protocol::encode_core_status(payload, false, options_.program_version);
  mqtt::Options mqtt = options_.mqtt;
  mqtt.will = {.topic = "alona/core/status", .payload = std::string(payload.data(), n), .retain = true};
  auto connection = mqtt::make_connection(std::move(mqtt), *this);
  if (!connection) return std::unexpected(connection.error());
  connection_ = std::move(*connection);
  next_fold_ = clock_.mono() + limits::fold_interval;
  return {};
}

void Service::run() {
  diary_.start();  // not before: a start that fails leaves the database as it was
  listener_.started(ingest_);
  while (!stopping_.load(std::memory_order_relaxed)) round();
  shut_down();
}

// ---- one round ----

void Service::round() {
  rounds_.fetch_add(1, std::memory_order_relaxed);
  const Mono now = clock_.mono();
  look_at_room();
  if (!healthy_) return recover();
  if (!paused_) connect_if_due(now);
  if (now >= next_second_) every_second(now);
  // Nothing waits for a commit: whatever is queued may go out.
  if (connected_ && ingest_.due().waiting() == 0 && connection_->wants_write()) (void)connection_->flush();
  const std::uint64_t before = taken_;
  bool readable = false;
  wait_for_work(now, readable);
  run_commands();
  if (readable) read_until_due();
  if (!healthy_) return;
  const bool no_message_waits = ingest_.due().waiting() == 0;
  if (ingest_.due().due(clock_.mono()) || !uncommitted_.empty() || (no_message_waits && ingest_.dirty()))
    settle();
  fold_if_due();
  import_some();
  seal_if_due(taken_ != before);
  make_room(taken_ != before);
}

// Before the disk is full: what was taken is still committed, then the broker keeps what comes. With room
// again all is read anew from the disk, as after a failure, so that nobody's silence counts meanwhile.
void Service::look_at_room() {
  if (room_.look(ingest_)) listener_.room(room_.picture());
  if (room_.takes_messages() == !paused_) return;
  if (std::exchange(paused_, !paused_)) {
    if (healthy_) next_recovery_ = clock_.mono();
    ingest_.end_imports({Errc::disk_full, "the disk is nearly full, and nothing more is stored",
                         "Make room on it; the page says how much is missing."});
    healthy_ = false;
    return;
  }
  if (healthy_ && ingest_.dirty()) settle();
  diary_.storing_failed(Errc::disk_full);
  if (connected_) listener_.broker(false);
  connected_ = false;
  connection_->drop();
}

void Service::make_room(bool busy) {
  if (!healthy_ || sealing_ || ingest_.dirty()) return;
  if (auto made = room_.work(ingest_, busy); !made) storing_failed(made.error());
}

// Also right behind a commit: messages that come all the time leave hardly another moment.
void Service::fold_if_due() {
  const Mono now = clock_.mono();
  if (!healthy_ || now < next_fold_ || ingest_.dirty()) return;
  next_fold_ = now + limits::fold_interval;
  room_.before_fold(ingest_);
  if (auto folded = ingest_.fold(); !folded) storing_failed(folded.error());
}

// Between two commits, in slices: all of the writer's time when the line is quiet, a fifteenth when messages
// come.
void Service::seal_if_due(bool busy) {
  const Mono begun = clock_.mono();
  if (!healthy_ || begun < next_seal_ || ingest_.dirty()) return;
  const auto more = ingest_.seal_some();
  if (!more && more.error().code == Errc::failed) {
    // Nothing is lost, and taking messages goes on; only the log grows.
    spdlog::error("sealing history failed and is not tried again until the next start: {}",
                  more.error().text());
    sealing_ = false;
    next_seal_ = Mono::max();
    return;
  }
  if (!more) return storing_failed(more.error());
  const Mono now = clock_.mono();
  sealing_ = *more;
  next_seal_ = !sealing_ ? now + std::chrono::seconds{1}
               : busy    ? now + (limits::seal_share - 1) * std::max(now - begun, Ms{1})
                         : now;
}

void Service::connect_if_due(Mono now) {
  if (connection_->fd() >= 0 || now < next_connect_) return;
  // The next try waits twice as long, until the broker says yes.
  backoff_ = std::clamp<Ms>(2 * backoff_, limits::reconnect_min, limits::reconnect_max);
  next_connect_ = now + backoff_;
  if (auto started = connection_->connect(); !started) on_disconnected(started.error());
}

Ms Service::sleep_for(Mono now) const {
  Ms sleep = next_second_ - now;
  if (connection_->fd() < 0 && !paused_) sleep = std::min(sleep, next_connect_ - now);
  if (const auto due = ingest_.due().wait(now)) sleep = std::min(sleep, *due);
  if (sealing_ && !ingest_.dirty()) sleep = std::min(sleep, next_seal_ - now);
  if (room_.wants_work() && !sealing_ && !ingest_.dirty()) sleep = std::min(sleep, room_.next_work() - now);
  if (may_import()) sleep = Ms{0};
  return std::max(sleep, Ms{0});
}

void Service::wait_for_work(Mono now, bool& readable) {
  std::array<pollfd, 2> fds{pollfd{wake_fd_, POLLIN, 0}, pollfd{connection_->fd(), POLLIN, 0}};
  // While the greeting is on its way, or nothing waits for a commit, writing is allowed.
  const bool may_write = ingest_.due().waiting() == 0 && connection_->fd() >= 0 && connection_->wants_write();
  if (may_write) fds[1].events |= POLLOUT;
  const int n = ::poll(fds.data(), fds.size(), static_cast<int>(sleep_for(now).count()));
  if (n <= 0) return;
  readable = (fds[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0;
  if ((fds[1].revents & POLLOUT) != 0 && may_write) (void)connection_->flush();
  if ((fds[0].revents & POLLIN) != 0) {
    std::uint64_t rings = 0;
    [[maybe_unused]] const auto read = ::read(wake_fd_, &rings, sizeof rings);
  }
}

void Service::read_until_due() {
  while (ingest_.due().waiting() < limits::commit_messages_max) {
    const std::uint64_t before = taken_;
    if (auto read = connection_->read_some(); !read) return;  // the handler was told
    if (taken_ == before) break;
    if (ingest_.due().due(clock_.mono())) return;
  }
  const bool window_full = ingest_.due().waiting() >= limits::commit_full_window;
  if (ingest_.backlog() && !window_full && clock_.mono() - connected_at_ > limits::backlog_min)
    ingest_.backlog_drained();
}

// Commit → acknowledge to the broker → acknowledge to nodes that ask → tell the web thread → end commands.
void Service::settle() {
  auto committed = ingest_.commit();
  if (!committed) {
    storing_failed(committed.error());
    end_commands(std::unexpected(committed.error()));
    return;
  }
  if (!committed->changes->empty()) recovery_pause_ = Ms{0};
  if (connected_) acknowledge(*committed);
  if (!committed->changes->empty()) listener_.changed(committed->changes);
  end_commands({});  // behind the web thread's news: whoever asked finds there what was done
  if (committed->moved) start_again();
}

// What lies behind has other times now.
void Service::start_again() {
  auto done = ingest_.fold();
  if (done) done = ingest_.load();
  if (!done) return storing_failed(done.error());
  next_time_ = {};  // those who have no clock hear it at once
  listener_.started(ingest_);
}

void Service::acknowledge(const Committed& committed) {
  const TimeQuality quality = ingest_.clock_trusted() ? TimeQuality::receipt : TimeQuality::provisional;
  for (const Ack& ack : committed.acks) {
    std::array<char, 256> payload{};
    const std::size_t n = protocol::encode_ack(payload, ack.boot, ack.seq, ingest_.now(), quality);
    // QoS 0: the next ack covers a lost one. The PUBACKs stand before it in the same queue.
    (void)connection_->publish("alona/" + ack.node + "/ack", {payload.data(), n}, 0, false);
  }
  (void)connection_->flush();
}

void Service::storing_failed(const Error& why) {
  if (std::exchange(last_complaint_, why.what) != why.what) {
    spdlog::error("storing failed; nothing is acknowledged, what comes waits at the broker: {}", why.text());
  }
  listener_.storing(&why);
  diary_.storing_failed(why.code);
  ingest_.end_imports(why);
  connection_->drop();
  if (connected_) listener_.broker(false);
  connected_ = healthy_ = false;
  recovery_pause_ = std::clamp<Ms>(2 * recovery_pause_, limits::recover_pause_min, limits::recover_pause_max);
  next_recovery_ = clock_.mono() + recovery_pause_;
}

// After a commit that failed, or whose outcome nobody knows: look at what the disk says, and go on from
// there. A fold proves that it can be written to.
void Service::recover() {
  run_commands();
  const Mono now = clock_.mono();
  if (now < next_recovery_) {
    pollfd wake{wake_fd_, POLLIN, 0};
    const Ms pause = std::min<Ms>(next_recovery_ - now + Ms{1}, limits::recover_pause_min);
    if (::poll(&wake, 1, static_cast<int>(pause.count())) > 0) {
      std::uint64_t rings = 0;
      [[maybe_unused]] const auto read = ::read(wake_fd_, &rings, sizeof rings);
    }
    return;
  }
  auto done = writer_.reopen();
  if (done) done = ingest_.load();
  if (done) done = ingest_.fold();
  if (!done) return storing_failed(done.error());
  healthy_ = true;
  last_complaint_.clear();
  if (!paused_) diary_.stores_again();
  listener_.started(ingest_);
  listener_.storing(nullptr);
  spdlog::info("the database takes changes again; taking messages");
}

void Service::run_commands() {
  for (Command& command : commands_.take_all()) {
    auto changed = healthy_ ? command.change(ingest_)
                            : fail(Errc::temporary, "the database does not answer",
                                   "Look at the journal; try again later.");
    if (!changed) {
      command.done(changed);
    } else {
      uncommitted_.push_back(std::move(command.done));
    }
  }
  if (!ingest_.dirty()) end_commands({});  // nothing waits for a commit
}

void Service::end_commands(const Result<void>& outcome) {
  for (auto& done : std::exchange(uncommitted_, {})) done(outcome);
}

void Service::every_second(Mono now) {
  next_second_ = now + std::chrono::seconds{1};
  if (!paused_) ingest_.tick();
  if (connection_->fd() >= 0) (void)connection_->keep_alive();
  if (connected_ && now >= next_time_) publish_time();
  if (ingest_.backlog() && ingest_.due().waiting() == 0 && now - connected_at_ > limits::backlog_min) {
    ingest_.backlog_drained();
  }
  fold_if_due();
  if (healthy_) diary_.every_second();
}

void Service::publish_time() {
  next_time_ = clock_.mono() + limits::time_interval;
  std::array<char, 256> payload{};
  const TimeQuality quality = ingest_.clock_trusted() ? TimeQuality::receipt : TimeQuality::provisional;
  const std::size_t n = protocol::encode_core_time(payload, ingest_.now(), quality);
  (void)connection_->publish("alona/core/time", {payload.data(), n}, 0, false);
}

void Service::say_status(bool online) {
  std::array<char, 256> payload{};
  const std::size_t n = protocol::encode_core_status(payload, online, options_.program_version);
  (void)connection_->publish("alona/core/status", {payload.data(), n}, 1, true);
}

void Service::shut_down() {
  run_commands();
  ingest_.end_imports({Errc::temporary, "the core is stopping", "Run the same import again later."});
  if (healthy_ && ingest_.dirty()) settle();
  if (healthy_) {
    room_.before_fold(ingest_);
    if (auto folded = ingest_.fold(); !folded)
      spdlog::error("folding the log failed: {}", folded.error().text());
    diary_.stop();
  }
  if (!connected_) return;
  if (!healthy_) return connection_->drop();
  say_status(false);
  connection_->disconnect();
}

// ---- what the broker says ----

void Service::on_connected(bool session_present) {
  connected_ = true;
  diary_.broker(true);
  connected_at_ = clock_.mono();
  backoff_ = Ms{0};
  last_complaint_.clear();
  spdlog::info("connected to the broker at {}:{}", options_.mqtt.host, options_.mqtt.port);
  ingest_.connected(session_present);
  for (const std::string_view filter : filters) (void)connection_->subscribe(filter, 1);
  say_status(true);
  publish_time();
  listener_.broker(true);
}

void Service::on_disconnected(const Error& why) {
  if (connected_) listener_.broker(false);
  connected_ = false;
  if (healthy_) diary_.broker(false);
  next_connect_ = clock_.mono() + std::max<Ms>(backoff_, limits::reconnect_min);
  if (std::exchange(last_complaint_, why.what) != why.what) {
    spdlog::warn("no broker, trying on: {}", why.text());
  }
}

void Service::on_message(const mqtt::Message& message) {
  ++taken_;
  // alona/+/status is ours as well, and comes back to us. What Alona's own checks say (alona-doctor,
  // alona-witness) is for each other; no node can be called so.
  if (message.topic.starts_with("alona/core/") || message.topic.starts_with("alona/alona-")) return;
  ingest_.take(message);
}

// ---- any thread ----

bool Service::post(Command& command) {
  if (!commands_.try_post(command)) return false;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_fd_, &one, sizeof one);
  return true;
}

void Service::stop() {
  stopping_.store(true, std::memory_order_relaxed);
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_fd_, &one, sizeof one);
}

}  // namespace alona::ingest
