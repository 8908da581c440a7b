#include "room/ladder.h"

#include <algorithm>

namespace alona::room {
namespace {

// The step for so much room; each threshold higher by `margin` eighths.
Step step_of(std::uint64_t room, std::uint64_t total, const Contract& c, std::uint64_t margin) {
  const auto below = [&](std::uint64_t threshold) { return room < threshold + threshold / 8 * margin; };
  const auto kept_free = static_cast<std::uint64_t>(100 - c.used_max_percent);
  if (below(c.ballast)) return Step::ballast_given;
  if (below(c.reserve / 2)) return Step::stopped;
  if (below(c.reserve)) return Step::dropping;
  if (below(std::max(total / 100 * kept_free, c.reserve + c.reserve / 4))) return Step::low;
  return Step::ample;
}

int height(Step step) { return static_cast<int>(step == Step::thinning ? Step::stopped : step); }

}  // namespace

std::string_view name(Step step) {
  switch (step) {
    case Step::ample:
      return "ample";
    case Step::low:
      return "low";
    case Step::dropping:
      return "dropping";
    case Step::thinning:
      return "thinning";
    case Step::stopped:
      return "stopped";
    case Step::ballast_given:
      return "ballast_given";
  }
  return "ample";
}

Contract fitted(Contract wanted, std::uint64_t total) {
  wanted.reserve = std::min(wanted.reserve, total / 4);
  wanted.ballast = std::min(wanted.ballast, wanted.reserve / 8 * 3);
  return wanted;
}

std::uint64_t room(const Space& space, const Contract& contract) {
  const std::uint64_t missing = contract.ballast - std::min(contract.ballast, space.ballast);
  return space.free - std::min(space.free, missing);
}

Step ladder(const Space& space, const Contract& contract, bool can_thin, Step before) {
  const std::uint64_t free = room(space, contract);
  const Step now = step_of(free, space.total, contract, 0);
  const Step eased = step_of(free, space.total, contract, 1);
  Step next = height(now) >= height(before) ? now : height(eased) <= height(before) ? eased : before;
  if (next != Step::stopped) return next;
  // Once stopped, it stays so until there is room: what thinning brings trickles.
  return can_thin && takes_messages(before) ? Step::thinning : Step::stopped;
}

}  // namespace alona::room
