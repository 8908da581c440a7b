// What the core says of itself to `alona health`, over its socket. Blocks for ten seconds at most each.
#pragma once

#include <vector>

#include "alona/health_checks.h"
#include "ops/paths.h"

namespace alona::health {

struct CoreSays {
  HealthCheck core;
  std::vector<HealthCheck> findings;  // its own, failing
  bool takes_readings = false;        // it lives, has its broker, and says nothing of readings that get lost
};

[[nodiscard]] CoreSays ask_core(const ops::Paths& paths);
// Of the days that are over, the last seven.
[[nodiscard]] HealthCheck written(const ops::Paths& paths);

}  // namespace alona::health
