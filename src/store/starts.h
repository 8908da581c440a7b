// The box's starts, read out of what the diary has left (tables power_event and clock_epoch): how the run
// before each ended, from when to when nothing was recorded, and whether the times can be trusted. A pure
// function of rows.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/rows.h"

namespace alona::store {

// How the run before a start had ended.
enum class RunEnd {
  none,      // there was none
  stopped,   // in order, and started again within the same boot
  shutdown,  // in order, and the machine was started anew
  crash,     // the core ended by itself, within the same boot
  power,     // the machine ended without a word: a power cut, or a reset
};

struct Start {
  UtcMs at{};
  bool at_known = false;  // by a trusted clock, or put right since
  RunEnd before = RunEnd::none;
  std::optional<UtcMs> last;  // the last sign of the run before
  std::optional<Ms> dark;     // from there to the start; nothing: a clock wasn't trusted, and nobody knows
};

// A row of table power_event.
struct PowerRow {
  UtcMs at{};
  bool start = true;  // else a stop
  std::string boot;
  bool clean = false;
  std::string cause;
  UtcMs last{};
  bool dark_known = false;
};

// `rows`: the newest first, consecutive; `epochs`: all, ascending. The newest `max` starts, newest first. How
// a start before the oldest row ended isn't asked: it is left out.
[[nodiscard]] std::vector<Start> starts_of(const std::vector<PowerRow>& rows,
                                           const std::vector<EpochRow>& epochs, std::size_t max);

}  // namespace alona::store
