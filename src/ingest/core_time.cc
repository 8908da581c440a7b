#include "ingest/core_time.h"

#include <algorithm>
#include <cstdlib>

#include "base/limits.h"

namespace alona::ingest {

using store::ClockSource;
using store::EpochRow;
using store::Truth;

namespace {
// As a clock chip's word, by a floor. Without any history there is nothing to hold it against.
bool believable(UtcMs floor, UtcMs utc) {
  if (utc < utc_ms(limits::node_ts_min_ms)) return false;
  return floor < utc_ms(limits::node_ts_min_ms) ||
         (utc >= floor && utc - floor <= limits::clock_chip_ahead_max);
}
}  // namespace

CoreTime::CoreTime(const Clock& clock, std::function<bool(store::EpochNo)> settled, HouseClock* house)
    : clock_(clock), settled_(std::move(settled)), house_(house) {
  load({}, {}, {});
}

void CoreTime::set_ahead(Ms ahead) {
  ahead_ = ahead;
  if (house_ != nullptr) house_->set(ahead, trusted());
}

void CoreTime::load(std::vector<EpochRow> epochs, UtcMs floor, std::optional<UtcMs> saved) {
  epochs_ = std::move(epochs);
  changed_.assign(epochs_.size(), false);
  floor_ = floor;
  moved_ = false;
  const Both machine = read();
  const bool synchronised = clock_.trusted();
  if (take_up(synchronised, machine)) return;
  const UtcMs base = std::max(floor, saved.value_or(floor));
  if (synchronised) {
    begin(ClockSource::ntp, machine);
    (void)move_behind();
  } else if (believable(base, machine.utc)) {
    begin(ClockSource::chip, machine);
  } else {
    begin(ClockSource::floor, {base, machine.mono});
  }
}

// Of one moment: a thread that is put aside between the two would see a jump that never was.
CoreTime::Both CoreTime::read() const {
  Both both;
  for (int tries = 0; tries < 5; ++tries) {
    both.mono = clock_.mono();
    both.utc = clock_.utc();
    if (clock_.mono() - both.mono <= limits::clock_read_max) break;
  }
  return both;
}

// The same boot, and nothing has happened to the clock since: the stretch goes on.
bool CoreTime::take_up(bool synchronised, const Both& machine) {
  if (epochs_.empty() || epochs_.back().boot != clock_.boot() || epochs_.back().mono > machine.mono)
    return false;
  const EpochRow& last = epochs_.back();
  const Ms ahead = last.begun.time_since_epoch() - last.mono.time_since_epoch();
  if (synchronised) {
    const Ms off = machine.utc.time_since_epoch() - machine.mono.time_since_epoch() - ahead;
    if (last.source != ClockSource::ntp || std::chrono::abs(off) > limits::clock_step) return false;
  }
  set_ahead(ahead);
  return true;
}

void CoreTime::begin(ClockSource source, const Both& now) {
  EpochRow row;
  if (!epochs_.empty()) {
    EpochRow& last = epochs_.back();
    last.ended = std::max(floor_, last.begun);
    changed_.back() = true;
    row.no = static_cast<store::EpochNo>(static_cast<int>(last.no) + 1);
  } else {
    row.no = store::EpochNo{1};
  }
  row.boot = clock_.boot();
  row.source = source;
  row.begun = now.utc;
  row.mono = now.mono;
  epochs_.push_back(std::move(row));
  changed_.push_back(true);
  set_ahead(now.utc.time_since_epoch() - now.mono.time_since_epoch());
}

// The last stretch has true time. What this does to the one before it, when it is of the same boot.
Ms CoreTime::move_behind() {
  const std::size_t now = epochs_.size() - 1;
  const ClockSource source = epochs_[now].source;
  Ms moved{0};
  UtcMs bound = epochs_[now].begun;  // where the next one begins, in true time
  for (std::size_t i = now; i-- > 0;) {
    EpochRow& e = epochs_[i];
    if (e.source > source || settled_(e.no) || e.settled) break;
    Ms shift = e.shift;
    if (e.boot == epochs_[now].boot) {
      shift = ahead_ - (e.begun.time_since_epoch() - e.mono.time_since_epoch());
      if (source != ClockSource::visitor && e.source == source && shift > e.shift) break;
      if (source >= ClockSource::visitor) e.truth = Truth::known;
    } else {
      if (source < ClockSource::visitor || e.source >= ClockSource::visitor || e.truth != Truth::none) break;
      shift = bound - e.ended.value_or(e.begun);
      if (e.source == ClockSource::chip) shift = std::min(shift, Ms{0});
      e.truth = Truth::bound;
    }
    if (i + 1 == now && e.boot == epochs_[now].boot) moved = shift - e.shift;
    moved_ = moved_ || shift != e.shift;
    e.shift = shift;
    changed_[i] = true;
    bound = e.begun + shift;
  }
  return moved;
}

CoreTime::Change CoreTime::change_to(ClockSource source, const Both& now) {
  Change change{.ended = epoch(), .jumped = now.utc - at(now.mono)};
  begin(source, now);
  change.moved = move_behind();
  // Whatever happened, the floor of a provisional time is not that of the true one.
  floor_ = std::min(floor_, now.utc);
  moved_ = true;
  return change;
}

std::optional<CoreTime::Change> CoreTime::look() {
  const Both machine = read();
  const Ms off = machine.utc - at(machine.mono);
  if (!clock_.trusted()) {
    // A chip that was read late, or a machine that has slept.
    if (trusted() || off <= limits::clock_step || !believable(at(machine.mono), machine.utc))
      return std::nullopt;
    return change_to(ClockSource::chip, machine);
  }
  if (source() == ClockSource::ntp && std::chrono::abs(off) <= limits::clock_step) {
    if (off != Ms{0}) set_ahead(ahead_ + off);
    return std::nullopt;
  }
  return change_to(ClockSource::ntp, machine);
}

Result<CoreTime::Change> CoreTime::visitor(UtcMs utc) {
  if (source() == ClockSource::ntp)
    return fail(Errc::refused, "the box has its time from the network", "Nobody needs to set it.");
  if (utc < utc_ms(limits::node_ts_min_ms) || utc > utc_ms(limits::visitor_time_max_ms))
    return fail(Errc::refused, "that is no time of today", "Look at the clock of your own device.");
  return change_to(ClockSource::visitor, {utc, clock_.mono()});
}

std::vector<EpochRow> CoreTime::unwritten() const {
  std::vector<EpochRow> rows;
  for (std::size_t i = 0; i < epochs_.size(); ++i) {
    if (changed_[i]) rows.push_back(epochs_[i]);
  }
  return rows;
}

void CoreTime::committed(UtcMs received) {
  floor_ = trusted() ? received : std::max(floor_, received);
  changed_.assign(epochs_.size(), false);
  moved_ = false;
}

}  // namespace alona::ingest
