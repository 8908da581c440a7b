// What the checks and the salvage have found, as findings. Pure functions of what is known.
// The page tells them at the top of each view (ui/src/app.tsx, by id). None says that readings are being
// lost: what comes is stored.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "store/reader.h"
#include "web/findings.h"

namespace alona::web {

struct ProofPicture {
  store::Proof proof;
  bool salvage_kept = false;       // the quarantined file is still there
  std::string damage;              // found while it runs; empty: none
  std::optional<UtcMs> looked;     // when all of it was last found whole, by a check or by a backup
  std::optional<UtcMs> box_since;  // nothing: not known
  UtcMs now{};                     // as surely() has it
  std::string restore;             // how the newest proven backup comes back; empty: none is known
  std::function<std::string(store::SeriesNo)> name;  // "roof temperature"
};

[[nodiscard]] std::vector<Finding> proof_findings(const ProofPicture& picture);

}  // namespace alona::web
