// Makes long work in the background step aside while others want the processor: SCHED_IDLE alone still takes
// each gap between their turns, and with it the cache and the memory they go on with. One object, one thread,
// the one that works. Never fails: where the kernel doesn't count a thread's waiting (no
// CONFIG_SCHED_INFO), nothing is paced.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace alona::ops {

// After work that took `took`, of which the thread waited `waited` for a processor: how long to leave the
// machine to others. Zero while hardly anybody else wanted it; never more than 100 ms, so that the work goes
// on even beside others who never stop.
[[nodiscard]] std::chrono::nanoseconds pause_after(std::chrono::nanoseconds took,
                                                   std::chrono::nanoseconds waited);

class Pace {
 public:
  Pace();
  // Between two pieces of work of a few ms; may sleep.
  void step();

 private:
  std::chrono::steady_clock::time_point begun_;
  std::optional<std::chrono::nanoseconds> waited_;
};

}  // namespace alona::ops
