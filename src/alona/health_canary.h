// The road that every reading takes, tried: as the broker's user `canary` a reading goes to the real broker,
// and the core must have stored it (docs/protocol.md, "The canary"). Blocks for 45 s at most.
#pragma once

#include <vector>

#include "alona/health_checks.h"
#include "ops/paths.h"

namespace alona::health {

// `broker`: whether it lets the canary in. `canary`: whether a reading gets through. Without `send` nothing
// is published, for nobody would take it and it would only fill the broker's queue; then the latter isn't
// known.
[[nodiscard]] std::vector<HealthCheck> try_road(const ops::Config& config, const ops::Paths& paths,
                                                bool send);

}  // namespace alona::health
