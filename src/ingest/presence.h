// Who is there (docs/protocol.md, "Presence"): online, stale, offline, never seen, judged by silence against
// the node's own rhythm. A value per node; time is handed in.
#pragma once

#include <array>
#include <optional>

#include "store/rows.h"

namespace alona::ingest {

class NodePresence {
 public:
  // `start`: the core's own; silence before it is nobody's fault.
  NodePresence(store::Presence state, UtcMs last_seen, std::optional<Ms> learned, Mono start);

  // A message arrived. `backlog`: it waited at the broker, so its arrival says nothing about the node's
  // rhythm.
  void message(UtcMs at, Mono now, bool backlog);
  void said_online(Mono now);
  void said_offline();
  // What this core has heard was heard so much later than was thought.
  void clock_moved(Ms by) {
    if (heard_here_) last_seen_ += by;
  }
  [[nodiscard]] bool heard_here() const { return heard_here_; }
  void announced_sleep(std::optional<Ms> sleep) { sleep_ = sleep; }

  // The state at `now`; true when it changed since the last look.
  [[nodiscard]] bool look(Mono now);
  [[nodiscard]] store::Presence state() const { return state_; }
  [[nodiscard]] UtcMs last_seen() const { return last_seen_; }
  // The median of the last intervals between messages; nothing until there were a few.
  [[nodiscard]] std::optional<Ms> learned() const { return learned_; }

 private:
  static constexpr std::size_t intervals_kept = 32;
  static constexpr std::size_t intervals_min = 4;  // a median of fewer is an accident
  [[nodiscard]] Ms patience() const;
  void learn(Ms interval);

  store::Presence state_;
  UtcMs last_seen_;
  Mono heard_;
  std::optional<Mono> previous_;  // the last live message, for the interval
  bool heard_here_ = false;       // since the core's start, by its clock: `last_seen_` is of then
  bool offline_said_ = false;
  std::optional<Ms> sleep_;
  std::optional<Ms> learned_;
  std::array<Ms, intervals_kept> intervals_{};
  std::size_t learned_count_ = 0;
};

}  // namespace alona::ingest
