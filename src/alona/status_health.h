// What `alona status` tells of the last round of `alona health`. No state; reads one small file.
#pragma once

#include <optional>
#include <string>

#include "alona/health_record.h"
#include "ops/status.h"

namespace alona {

// `overview`: the running core's, whose own word is newer than what that round heard from it; nothing: no
// core answers, and all that the round found is told. `now`: by the machine's clock, as the round's time.
[[nodiscard]] ops::StatusBeside beside_core(const std::optional<HealthRound>& round,
                                            const std::optional<std::string>& overview, UtcMs now);

// The round as JSON, with `old`: the rounds have stopped. null: there was none.
[[nodiscard]] std::string round_json(const std::optional<HealthRound>& round, UtcMs now);

}  // namespace alona
