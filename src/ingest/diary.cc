#include "ingest/diary.h"

#include <spdlog/spdlog.h>

#include "base/files.h"

namespace alona::ingest {
namespace {

template <class T>
bool written(const Result<T>& done) {
  if (!done) spdlog::warn("the box's diary misses an entry: {}", done.error().text());
  return done.has_value();
}

}  // namespace

std::string boot_id() {
  constexpr std::size_t bytes_max = 64;
  auto text = files::read("/proc/sys/kernel/random/boot_id", bytes_max);
  if (!text) return {};
  while (!text->empty() && text->back() == '\n') text->pop_back();
  return std::move(*text);
}

Diary::Diary(store::Writer& writer, const Ingest& ingest, const Clock& clock, std::string boot)
    : writer_(writer), ingest_(ingest), clock_(clock), boot_(std::move(boot)), started_(clock.mono()) {}

// By the core's clock of now, so that a clock that was set meanwhile counts for both ends.
UtcMs Diary::moment(Mono at) const { return ingest_.now() - (clock_.mono() - at); }

void Diary::start() {
  settled_ = ingest_.clock_trusted();
  const auto started = writer_.note_start(
      {.boot = boot_, .at = moment(started_), .trusted = settled_, .floor = ingest_.floor()});
  if (written(started)) event_ = *started;
  no_broker_ = {"broker", started_, {}};
  next_alive_ = clock_.mono() + limits::alive_interval;
}

void Diary::stop() {
  end(no_broker_);
  end(no_storing_);
  (void)written(writer_.note_stop(boot_, ingest_.now(), ingest_.clock_trusted()));
}

void Diary::broker(bool connected) {
  if (connected) return end(no_broker_);
  if (!no_broker_) no_broker_ = {"broker", clock_.mono(), {}};
}

void Diary::storing_failed(Errc why) {
  if (!no_storing_) no_storing_ = {why == Errc::disk_full ? "disk_full" : "storage", clock_.mono(), {}};
}

void Diary::stores_again() { end(no_storing_); }

void Diary::end(std::optional<Outage>& outage) {
  if (!outage) return;
  if (outage->row) {
    (void)written(writer_.end_outage(*outage->row, ingest_.now()));
  } else if (clock_.mono() - outage->since >= limits::outage_min) {
    (void)written(writer_.put_outage(outage->cause, moment(outage->since), ingest_.now()));
  }
  outage.reset();
}

// The clock was set after the start: only now is it known when that was, and how long the box was dark.
void Diary::settle_start() {
  if (settled_ || !event_ || !ingest_.clock_trusted()) return;
  settled_ = true;
  (void)written(writer_.settle_start(*event_, moment(started_)));
}

void Diary::every_second() {
  const Mono now = clock_.mono();
  settle_start();
  if (no_broker_ && !no_broker_->row && now - no_broker_->since >= limits::outage_open) {
    const auto row = writer_.put_outage(no_broker_->cause, moment(no_broker_->since), std::nullopt);
    if (written(row)) no_broker_->row = *row;
  }
  if (now >= next_alive_) {
    next_alive_ = now + limits::alive_interval;
    (void)written(writer_.note_alive(ingest_.now(), ingest_.clock_trusted()));
  }
  if (now >= next_thinning_) {
    const auto more = writer_.thin_heartbeats(ingest_.now(), limits::seal_slice);
    const bool go_on = written(more) && *more;
    next_thinning_ = go_on ? now : now + limits::thin_interval;
  }
  (void)written(writer_.seal_pages(limits::seal_slice));
}

}  // namespace alona::ingest
