// What `alona health` has left for the page. No state; any thread that may wait for a disk.
#pragma once

#include <optional>

#include "ops/paths.h"
#include "web/backend.h"

namespace alona {

// `clock`: the core's. The record's times are the machine's, whose clock may be another on a box that a
// visitor told the time.
[[nodiscard]] std::optional<web::HealthKnown> health_known(const ops::Paths& paths, const Clock& clock);
// When the last round was, by its own clock.
[[nodiscard]] std::optional<UtcMs> health_round_at(const ops::Paths& paths);

}  // namespace alona
