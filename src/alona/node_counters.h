// A node's counters as the core tells of them (GET /nodes/{id}/counters), for the commands. Values, no state.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace alona {

struct Counter {
  std::string sensor, unit, kind, last_at;  // kind: "rises", "fell", or nothing says that it counts
  std::optional<double> last;
  double base = 0;      // what is added to each reading
  std::string changed;  // since when; empty: it never was
};

// failed: it isn't such an answer.
[[nodiscard]] Result<std::vector<Counter>> read_counters(const std::string& body);
// "energy (kWh)", safe for a terminal.
[[nodiscard]] std::string named(const Counter& counter);

}  // namespace alona
