#include "ingest/presence.h"

#include <algorithm>

namespace alona::ingest {
namespace {
using namespace std::chrono_literals;
constexpr Ms interval_min = 10s;
constexpr Ms interval_max = 26h;
// Before a rhythm is known: ten of the runtime's heartbeats.
constexpr Ms interval_unknown = 10min;
}  // namespace

NodePresence::NodePresence(store::Presence state, UtcMs last_seen, std::optional<Ms> learned, Mono start)
    : state_(state),
      last_seen_(last_seen),
      heard_(start),
      offline_said_(state == store::Presence::offline),
      learned_(learned) {}

void NodePresence::message(UtcMs at, Mono now, bool backlog) {
  if (backlog) {
    // When it was sent nobody knows; but that it was says that the node exists.
    if (last_seen_ == UtcMs{}) last_seen_ = at, heard_here_ = true;
    return;
  }
  if (previous_ && now > *previous_) learn(now - *previous_);
  previous_ = now;
  if (at > last_seen_) last_seen_ = at, heard_here_ = true;
  heard_ = now;
  offline_said_ = false;
}

void NodePresence::said_online(Mono now) {
  heard_ = now;
  offline_said_ = false;
}

void NodePresence::said_offline() { offline_said_ = true; }

void NodePresence::learn(Ms interval) {
  intervals_[learned_count_++ % intervals_kept] = interval;
  const std::size_t n = std::min(learned_count_, intervals_kept);
  if (n < intervals_min) return;
  std::array<Ms, intervals_kept> sorted = intervals_;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(n / 2);
  std::nth_element(sorted.begin(), middle, sorted.begin() + static_cast<std::ptrdiff_t>(n));
  learned_ = *middle;
}

Ms NodePresence::patience() const {
  const Ms rhythm = 3 * std::clamp(learned_.value_or(interval_unknown), interval_min, interval_max);
  return std::max(rhythm, sleep_ ? 2 * *sleep_ : Ms{0});
}

bool NodePresence::look(Mono now) {
  store::Presence next = now - heard_ <= patience() ? store::Presence::online : store::Presence::stale;
  if (offline_said_) next = store::Presence::offline;
  // Never seen stays so until the first message; and after a start the last known state stands until it is
  // heard or silent for too long.
  if (state_ == store::Presence::never_seen && last_seen_ == UtcMs{}) next = state_;
  if (state_ == store::Presence::stale && next == store::Presence::online && !previous_) next = state_;
  const bool changed = next != state_;
  state_ = next;
  return changed;
}

}  // namespace alona::ingest
