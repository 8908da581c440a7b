// A counter is a series that only ever rises: an energy meter's kWh, a water meter's m³. Behind a new meter,
// which begins at another number, it goes on without a step: from then on the core adds the difference, the
// base, to each of its readings before it stores them (store::BaseRow, docs/operations.md). These are the
// wishes and what is told of it; Ingest does it. Values, any thread.
#pragma once

#include <optional>
#include <string>

#include "store/rows.h"

namespace alona::ingest {

struct CounterWish {
  std::string sensor;
  std::string unit;                    // may be empty where the sensor has one alone
  std::optional<double> goes_on_from;  // nothing: the last that is stored when it is done
  double begins_at = 0;                // what the new meter shows when it begins
  bool undo = false;                   // take the last change back; the numbers don't count
};

struct CounterState {
  store::SeriesNo series{};
  std::string sensor, unit;
  double base = 0;
  bool changed = false;  // false: it was so already
};

}  // namespace alona::ingest
