// What the last rounds of `alona health` found, kept in data_dir/health: `state.json`, each check with its
// state and since when; `last_ok` and `last_fail`, when a round last ended so. One process at a time writes
// it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "alona/health_checks.h"
#include "base/error.h"
#include "ops/paths.h"

namespace alona {

struct HealthEntry {
  HealthCheck check;
  UtcMs since{};
};

struct HealthRound {
  UtcMs at{};
  std::vector<HealthEntry> entries;
  std::vector<std::string> cleared;  // failed in the round before, and don't now
  [[nodiscard]] bool well() const;   // nothing fails
};

// The checks beside what the round before said. A record that can't be read counts as none.
[[nodiscard]] HealthRound round_of(std::vector<HealthCheck> checks, const std::string& record_before,
                                   UtcMs now);
[[nodiscard]] std::string record_text(const HealthRound& round);  // JSON, one line

// Nothing: it isn't a record. A check in it that isn't understood is left out.
[[nodiscard]] std::optional<HealthRound> parse_record(const std::string& text);

[[nodiscard]] std::string read_record(const ops::Paths& paths);  // empty: none
// Old or new after a power cut. Fails where the disk is full or read-only, which is itself what the round
// says.
[[nodiscard]] Result<void> put_record(const ops::Paths& paths, const HealthRound& round);

}  // namespace alona
