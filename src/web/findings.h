// What needs a person: pure functions of the picture and the time.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "web/model.h"

namespace alona::web {

enum class Level { needs_you, being_lost };

struct Finding {
  std::string id;  // the same as long as it is the same thing
  Level level = Level::needs_you;
  std::string what, why, todo;
  std::optional<UtcMs> since;
  std::string node;  // empty: the box itself
};

// The most urgent first.
[[nodiscard]] std::vector<Finding> findings(const Model& model, UtcMs now, bool clock_trusted);

}  // namespace alona::web
