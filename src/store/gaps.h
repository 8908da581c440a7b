// Why readings of a series are missing: the rules of docs/gaps.md, on values alone. GapFinder notices long
// distances in the pass that reads a series; explain() gives each its cause by what else is known of that
// time. No table, no clock; memory: limits::gaps_max stretches.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "store/rows.h"

namespace alona::store {

// By priority: where two explain the same moment, the first counts.
enum class Cause : std::uint8_t {
  damaged,       // a chunk that doesn't unpack
  power,         // the box was without power
  core,          // the core didn't run
  disk_full,     // nothing could be stored
  storage,       // the same, for another reason
  broker,        // the core had no connection to the broker
  node_restart,  // the node began a new run, and nobody had noticed that it was away
  node_off,      // it was away and came back with a new run, or not at all
  node_silent,   // it was away; whether off or out of reach nobody knows
  network,       // it was away and kept running
  clock,         // the box was away and nobody knows how long
  rejected,      // what came was refused
  excluded,      // taken out by hand
  unknown,
};
[[nodiscard]] std::string_view name(Cause cause);
[[nodiscard]] Cause cause_of(std::string_view name);  // unknown: no such name

struct Stretch {
  UtcMs from{}, to{};
  [[nodiscard]] Ms length() const { return to - from; }
  bool operator==(const Stretch&) const = default;
};

struct Explained {
  UtcMs from{}, to{};
  Cause cause = Cause::unknown;
  bool operator==(const Explained&) const = default;
};

// A stretch in which the node was stale or offline.
struct Away {
  UtcMs from{};             // when it was heard last
  std::optional<UtcMs> to;  // when it was heard again; none: not yet
  bool offline = false;     // its last will or a status said so
};

// What is known beside the readings; all of it may be incomplete.
struct Facts {
  std::vector<Explained> box;          // power, core, outages
  std::vector<UtcMs> dark_unknown;     // the last moment before a darkness of unknown length
  std::vector<Away> away;              // of the node
  std::vector<UtcMs> starts;           // a new run of the node began, or was first heard of
  bool numbered = false;               // the node numbers its messages: a new run would be among `starts`
  std::vector<Stretch> same_run;       // one run of the node, by the uptime in its heartbeats
  std::vector<Explained> of_readings;  // rejected, excluded
  Ms sleep{};                          // announced
};

// How long a series is usually silent.
struct Rhythm {
  Ms expected{};                      // the median distance
  Ms irregular{};                     // the distance that nine in ten don't exceed; 0: too few to say
  [[nodiscard]] Ms patience() const;  // a longer silence is a gap when something explains it
  [[nodiscard]] Ms wonder() const;    // and when nothing does
};

// Finds the long silences and the rhythm of one series in [from, to), in one pass over its readings.
class GapFinder {
 public:
  GapFinder(UtcMs from, UtcMs to) : from_(from), to_(to) {}

  // All of these with ascending times within [from, to), going on where the last call ended.
  void add(UtcMs ts, std::uint8_t flags);
  void slice(std::span<const std::int64_t> ts, std::span<const std::uint8_t> flags);
  // Readings of which only the first, last and number are known.
  void whole(UtcMs first, UtcMs last, std::size_t n);
  // In any order with the others.
  void damaged(UtcMs start, UtcMs end);

  [[nodiscard]] std::optional<UtcMs> first() const { return first_; }
  [[nodiscard]] std::optional<UtcMs> last() const { return last_; }
  [[nodiscard]] std::size_t distances() const { return distances_; }
  // Nothing: fewer than limits::gap_distances_min distances.
  [[nodiscard]] std::optional<Rhythm> rhythm() const;
  // Longer than `patience`, ascending; between readings only, not at the ends. Those kept, at most gaps_max.
  [[nodiscard]] std::vector<Stretch> silences(Ms patience) const;
  // There may have been more of them than are kept.
  [[nodiscard]] bool more(Ms patience) const;
  [[nodiscard]] const std::vector<Stretch>& damaged() const { return damaged_; }
  [[nodiscard]] const std::vector<Stretch>& excluded() const {
    return excluded_;
  }  // runs, single ones of no length

  // Distances seen before, for a span that holds few.
  void learn(Ms distance) { count_distance(distance.count()); }

 private:
  void jump(std::int64_t to_ts);
  void keep(Stretch stretch);
  void count_distance(std::int64_t ms);

  UtcMs from_, to_;
  std::optional<UtcMs> first_, last_;
  std::size_t distances_ = 0;
  std::int64_t shortest_kept_ = 0;  // once as many are kept as may be
  std::vector<Stretch> kept_;       // a heap, the shortest on top
  std::vector<Stretch> damaged_, excluded_;
  bool excluding_ = false;  // the reading before was excluded
  // Distances by size: eight steps an octave, so that the median is exact to an eighth.
  std::array<std::uint32_t, 8 * 44> sizes_{};
};

// The pieces of one silence with their causes, ascending and touching; empty: it isn't a gap after all.
[[nodiscard]] std::vector<Explained> explain(Stretch silence, const Rhythm& rhythm, const Facts& facts);

// `silence` without the damaged stretches, which are gaps of their own.
[[nodiscard]] std::vector<Stretch> without(Stretch silence, std::span<const Stretch> damaged);

}  // namespace alona::store
