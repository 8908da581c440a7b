// What needs a person: one thing, in words. A value.
#pragma once

#include <optional>
#include <string>

#include "base/limits.h"
#include "base/time.h"

namespace alona::web {

enum class Level { needs_you, being_lost };

struct Finding {
  std::string id;  // the same as long as it is the same thing
  Level level = Level::needs_you;
  std::string what, why, todo;
  std::optional<UtcMs> since;
  std::string node;  // empty: the box itself
};

// Until when an age is sure. A clock that goes on from a floor lags, and a chip that is believed runs ahead
// by a day at most: an age that is still too high without that day is true. A box that nobody tells the time
// for months needs to hear of it.
[[nodiscard]] inline UtcMs surely(UtcMs now, bool clock_trusted) {
  return clock_trusted ? now : now - limits::clock_chip_ahead_max;
}

}  // namespace alona::web
