// What needs a person: one thing, in words. A value.
#pragma once

#include <optional>
#include <string>

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

}  // namespace alona::web
