// Whether the rounds of `alona health` go on. By the monotonic clock: what the record says of the time comes
// from the machine's clock, which may be wrong, and may be set.
#pragma once

#include <optional>
#include <vector>

#include "base/time.h"
#include "web/finding.h"

namespace alona::web {

// Rounds are five minutes apart, and one takes at most two: three have been missed.
inline constexpr auto health_record_age_max = std::chrono::minutes{20};

class HealthWatch {
 public:
  // `record`: when its last round was, by itself; nothing: there is none. `due`: a timer makes rounds here;
  // else nobody is missed where none was ever made.
  [[nodiscard]] std::vector<Finding> look(std::optional<UtcMs> record, bool due, Mono now, UtcMs utc);

 private:
  std::optional<UtcMs> record_;
  std::optional<Mono> changed_;
};

}  // namespace alona::web
