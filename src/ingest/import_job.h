// Readings of a file on their way into the history, and what became of them. Values; owned by Ingest, which
// takes them in slices between two commits (ingest_import.cc).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "store/reader.h"

namespace alona::ingest {

// Of one series.
struct ImportCount {
  std::string node, sensor, unit;
  bool node_made = false, series_made = false;
  std::uint64_t fresh = 0;      // stored
  std::uint64_t known = 0;      // there already, with this value
  std::uint64_t corrected = 0;  // there already with another value; stored, so that this one counts
};

struct ImportJob {
  std::vector<store::NamedReading> readings;  // as ImportText gives them
  bool dry = false;                           // only looks
  // Once, on the writer's thread, when all of them are on disk or nothing more will be stored.
  std::function<void(const Result<std::vector<ImportCount>>&)> done;

  std::size_t next = 0;
  std::vector<ImportCount> counts;
};

}  // namespace alona::ingest
