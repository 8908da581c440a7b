// The second copies of the backups, as a finding when they have been amiss for long. Pure.
#pragma once

#include "web/finding.h"

namespace alona::web {

inline constexpr auto second_copy_alert = std::chrono::days{7};  // a stick changed on weekends is no alert

struct SecondPicture {
  std::string target;          // as configured; empty: none, and nothing is amiss
  std::optional<UtcMs> since;  // when copying last ceased to come through; none: all is well
  bool missing = false;        // it isn't there; else `why` it fails
  std::string why;
  std::optional<UtcMs> copied;  // the last that came through
  std::string name;
};

// After second_copy_alert.
[[nodiscard]] std::optional<Finding> second_finding(const SecondPicture& picture, UtcMs now);

}  // namespace alona::web
