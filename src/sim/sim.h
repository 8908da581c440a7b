// `alona sim`: nodes that aren't there, many in one process, over a real broker. One thread, one poll loop.
#pragma once

#include <atomic>
#include <iosfwd>

#include "sim/options.h"
#include "sim/sim_node.h"

namespace alona::sim {

// Runs until the sources end and everything is acknowledged, or `stop` is set: then it gives what it holds a
// few seconds. Prints troubles as they come and the sums at the end. The exit code: 0 only if all that the
// nodes still held was acknowledged; 1 if something is pending; 2 for wrong options.
[[nodiscard]] int run_sim(const SimOptions& options, const std::atomic<bool>& stop, std::ostream& out);

[[nodiscard]] std::string as_text(const Totals& totals, double seconds);
[[nodiscard]] std::string as_json(const Totals& totals, double seconds);  // one line

}  // namespace alona::sim
