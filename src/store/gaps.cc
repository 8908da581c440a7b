#include "store/gaps.h"

#include <algorithm>
#include <bit>

namespace alona::store {
namespace {

constexpr auto names = std::to_array<std::string_view>(
    {"damaged", "power", "core", "disk_full", "storage", "broker", "node_restart", "node_off", "node_silent",
     "network", "clock", "rejected", "excluded", "unknown"});
static_assert(names.size() == static_cast<std::size_t>(Cause::unknown) + 1);

// The box's own doing: afterwards the nodes need a while to come back.
bool of_the_box(Cause cause) { return cause >= Cause::power && cause <= Cause::broker; }

// Power of two and the three bits below it.
std::size_t size_class(std::int64_t ms) {
  const auto n = static_cast<std::uint64_t>(std::max<std::int64_t>(ms, 1));
  const int octave = static_cast<int>(std::bit_width(n)) - 1;
  const std::uint64_t eighth = octave >= 3 ? (n >> (octave - 3)) & 7 : (n << (3 - octave)) & 7;
  return std::min<std::size_t>(static_cast<std::size_t>(octave) * 8 + eighth, 8 * 44 - 1);
}

// The largest distance of a class. Those of a few milliseconds need no edge of their own.
Ms top_of(std::size_t size) {
  const auto octave = static_cast<int>(size / 8);
  const std::int64_t next = static_cast<std::int64_t>(size % 8) + 9;  // of eighths
  return Ms{octave >= 3 ? (next << (octave - 3)) - 1 : 8};
}

bool longer(const Stretch& a, const Stretch& b) { return a.length() > b.length(); }

}  // namespace

std::string_view name(Cause cause) { return names[static_cast<std::size_t>(cause)]; }

Cause cause_of(std::string_view text) {
  const auto at = std::ranges::find(names, text);
  return at == names.end() ? Cause::unknown : static_cast<Cause>(at - names.begin());
}

Ms Rhythm::patience() const { return std::max<Ms>(limits::gap_intervals * expected, limits::gap_min); }
Ms Rhythm::wonder() const { return std::max<Ms>(patience(), 2 * irregular); }

// ---- one pass ----

void GapFinder::count_distance(std::int64_t ms) {
  ++sizes_[size_class(ms)];
  ++distances_;
}

void GapFinder::keep(Stretch stretch) {
  if (kept_.size() == limits::gaps_max) {
    if (stretch.length() <= kept_.front().length()) return;
    std::ranges::pop_heap(kept_, longer);
    kept_.pop_back();
  }
  kept_.push_back(stretch);
  std::ranges::push_heap(kept_, longer);
  if (kept_.size() == limits::gaps_max) shortest_kept_ = kept_.front().length().count();
}

void GapFinder::jump(std::int64_t to_ts) {
  const UtcMs ts = utc_ms(to_ts);
  if (!first_) first_ = ts;
  if (last_ && ts - *last_ > Ms{shortest_kept_}) keep({*last_, ts});
  last_ = ts;
}

void GapFinder::add(UtcMs ts, std::uint8_t flags) {
  if ((flags & flag::excluded) != 0) {
    if (excluding_) {
      excluded_.back().to = ts;
    } else if (excluded_.size() < limits::gaps_max) {
      excluded_.push_back({ts, ts});
      excluding_ = true;
    }
    return;
  }
  excluding_ = false;
  if (last_ && ts > *last_) count_distance((ts - *last_).count());
  jump(count(ts));
}

void GapFinder::slice(std::span<const std::int64_t> ts, std::span<const std::uint8_t> flags) {
  if (ts.empty()) return;
  std::uint8_t any = 0;
  for (const std::uint8_t f : flags) any |= f;
  if ((any & flag::excluded) != 0 || ts.size() < 3) {
    for (std::size_t i = 0; i < ts.size(); ++i) add(utc_ms(ts[i]), flags[i]);
    return;
  }
  add(utc_ms(ts[0]), flags[0]);
  // A sample of the slice is enough for its rhythm; every distance is looked at for its length.
  constexpr std::size_t sampled = 64;
  for (std::size_t i = 1; i < std::min(sampled, ts.size()); ++i) count_distance(ts[i] - ts[i - 1]);
  for (std::size_t i = 1; i < ts.size(); ++i) {
    if (ts[i] - ts[i - 1] > shortest_kept_) keep({utc_ms(ts[i - 1]), utc_ms(ts[i])});
  }
  last_ = utc_ms(ts.back());
}

void GapFinder::whole(UtcMs first, UtcMs last, std::size_t n) {
  if (n == 0) return;
  excluding_ = false;
  if (n > 1) count_distance((last - first).count() / static_cast<std::int64_t>(n - 1));
  jump(count(first));
  last_ = last;
}

void GapFinder::damaged(UtcMs start, UtcMs end) {
  const Stretch inside{std::max(start, from_), std::min(end, to_)};
  if (inside.from <= inside.to && damaged_.size() < limits::gaps_max) damaged_.push_back(inside);
}

std::optional<Rhythm> GapFinder::rhythm() const {
  if (distances_ < limits::gap_distances_min) return std::nullopt;
  const auto at = [&](std::size_t rank) {
    std::size_t size = 0;
    for (std::size_t below = sizes_[0]; below <= rank; below += sizes_[size]) ++size;
    return top_of(size);
  };
  Rhythm found{at(distances_ / 2), Ms{0}};
  if (distances_ >= limits::gap_rhythm_min) found.irregular = at(distances_ * 9 / 10);
  return found;
}

std::vector<Stretch> GapFinder::silences(Ms patience) const {
  std::vector<Stretch> found;
  for (const Stretch& s : kept_) {
    if (s.length() > patience) found.push_back(s);
  }
  std::ranges::sort(found, {}, &Stretch::from);
  return found;
}

bool GapFinder::more(Ms patience) const { return shortest_kept_ > patience.count(); }

// ---- causes ----

namespace {

bool began_in(const Facts& facts, UtcMs after, UtcMs until) {
  return std::ranges::any_of(facts.starts, [&](UtcMs at) { return at > after && at <= until; });
}

Cause cause_of(const Away& away, const Facts& facts, Ms slack) {
  if (!away.to) return away.offline ? Cause::node_off : Cause::node_silent;
  if (began_in(facts, away.from, *away.to + slack)) return Cause::node_off;
  const bool ran_on = facts.numbered || std::ranges::any_of(facts.same_run, [&](const Stretch& run) {
                        return run.from <= away.from && run.to >= *away.to;
                      });
  return ran_on ? Cause::network : Cause::node_silent;
}

std::vector<Explained> evidence(Stretch silence, const Rhythm& rhythm, const Facts& facts) {
  const Ms slack = rhythm.patience();
  std::vector<Explained> found;
  const auto add = [&](UtcMs from, UtcMs to, Cause cause) {
    const Explained inside{std::max(from, silence.from), std::min(to, silence.to), cause};
    if (inside.from < inside.to) found.push_back(inside);
  };
  for (const Explained& e : facts.box) add(e.from, e.to, e.cause);
  for (const Away& a : facts.away) add(a.from, a.to.value_or(silence.to), cause_of(a, facts, slack));
  // Had it been away for longer, presence would have noticed. An absence that ended with it says "off".
  for (const UtcMs at : facts.starts) {
    const bool noticed = std::ranges::any_of(
        facts.away, [&](const Away& a) { return at > a.from && (!a.to || at <= *a.to + slack); });
    if (!noticed && at <= silence.to + slack)
      add(at - std::max<Ms>(slack, limits::gap_settle), at, Cause::node_restart);
  }
  for (const UtcMs at : facts.dark_unknown) {
    if (at >= silence.from - slack && at < silence.to) add(at, silence.to, Cause::clock);
  }
  for (const Explained& e : facts.of_readings) add(e.from - slack, e.to + slack, e.cause);
  // Of thousands of small ones within one silence the longest are enough to tell its parts.
  constexpr std::size_t pieces_max = 400;
  if (found.size() > pieces_max) {
    std::ranges::nth_element(found, found.begin() + pieces_max, std::ranges::greater{},
                             [](const Explained& e) { return e.to - e.from; });
    found.resize(pieces_max);
  }
  return found;
}

// For each moment the first cause that covers it.
std::vector<Explained> paint(Stretch silence, const std::vector<Explained>& known) {
  std::vector<UtcMs> cuts{silence.from, silence.to};
  for (const Explained& e : known) cuts.push_back(e.from), cuts.push_back(e.to);
  std::ranges::sort(cuts);
  const auto same = std::ranges::unique(cuts);
  cuts.erase(same.begin(), same.end());
  std::vector<Explained> pieces;
  for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
    Cause cause = Cause::unknown;
    for (const Explained& e : known) {
      if (e.from <= cuts[i] && e.to >= cuts[i + 1]) cause = std::min(cause, e.cause);
    }
    if (!pieces.empty() && pieces.back().cause == cause) {
      pieces.back().to = cuts[i + 1];
    } else {
      pieces.push_back({cuts[i], cuts[i + 1], cause});
    }
  }
  return pieces;
}

void join_equal(std::vector<Explained>& pieces) {
  std::vector<Explained> joined;
  for (const Explained& p : pieces) {
    if (!joined.empty() && joined.back().cause == p.cause) {
      joined.back().to = p.to;
    } else {
      joined.push_back(p);
    }
  }
  pieces = std::move(joined);
}

// After an outage of the box its nodes come back one by one: until then it is the outage that lasts. The
// nodes may have gone dark with the box, so what is known of them doesn't count for that while.
void settle(std::vector<Explained>& pieces) {
  for (std::size_t i = 1; i < pieces.size(); ++i) {
    const Ms length = pieces[i].to - pieces[i].from;
    if (of_the_box(pieces[i - 1].cause) && pieces[i].cause > Cause::broker && length <= limits::gap_settle)
      pieces[i].cause = pieces[i - 1].cause;
  }
  join_equal(pieces);
}

// What is too short to be a gap of its own goes to its neighbour, rather to the one before.
void drop_slivers(std::vector<Explained>& pieces, Ms sliver) {
  while (pieces.size() > 1) {
    const auto shortest =
        std::ranges::min_element(pieces, {}, [](const Explained& p) { return p.to - p.from; });
    if (shortest->to - shortest->from > sliver) return;
    const bool has_before = shortest != pieces.begin();
    const bool has_after = shortest + 1 != pieces.end();
    const bool before_says_more = has_before && (!has_after || (shortest - 1)->cause != Cause::unknown ||
                                                 (shortest + 1)->cause == Cause::unknown);
    shortest->cause = before_says_more ? (shortest - 1)->cause : (shortest + 1)->cause;
    join_equal(pieces);
  }
}

}  // namespace

std::vector<Explained> explain(Stretch silence, const Rhythm& rhythm, const Facts& facts) {
  const Ms length = silence.length();
  if (length <= rhythm.patience()) return {};
  if (length <= 2 * facts.sleep) return {};  // asleep, as it had said
  std::vector<Explained> pieces = paint(silence, evidence(silence, rhythm, facts));
  settle(pieces);
  drop_slivers(pieces, std::max<Ms>(rhythm.patience(), length / 50));
  if (pieces.size() == 1 && pieces.front().cause == Cause::unknown && length <= rhythm.wonder()) return {};
  return pieces;
}

std::vector<Stretch> without(Stretch silence, std::span<const Stretch> damaged) {
  std::vector<Stretch> left{silence};
  for (const Stretch& d : damaged) {
    std::vector<Stretch> next;
    for (const Stretch& s : left) {
      if (d.to <= s.from || d.from >= s.to) {
        next.push_back(s);
        continue;
      }
      if (d.from > s.from) next.push_back({s.from, d.from});
      if (d.to < s.to) next.push_back({d.to, s.to});
    }
    left = std::move(next);
  }
  return left;
}

}  // namespace alona::store
