// A place's time zone as a plain value: how far its clocks are ahead of UTC, and when its days begin. Made
// once, of the C library; asking it touches nothing global and may be done by any thread.
#pragma once

#include <string>
#include <vector>

#include "base/time.h"

namespace alona {

class Zone {
 public:
  Zone() = default;  // UTC
  // "Europe/Berlin". UTC where the machine doesn't know that zone. Only while the process has one thread: it
  // sets the environment's TZ meanwhile.
  [[nodiscard]] static Zone load(const std::string& name);

  [[nodiscard]] const std::string& name() const { return name_; }
  // Of its clocks to UTC. Right from 1970 to 2100; beyond that as at that end.
  [[nodiscard]] Ms ahead(UtcMs t) const;
  // Where its days begin: ascending, no two equal, the first not after `from`, the last not before `to`. A
  // day without a midnight begins when it begins, one with two at the first; a day that a zone left out
  // isn't there.
  [[nodiscard]] std::vector<UtcMs> days(UtcMs from, UtcMs to) const;

 private:
  struct Change {
    UtcMs at{};
    Ms ahead{};  // from then on
  };
  std::string name_ = "UTC";
  std::vector<Change> changes_;  // ascending; what was before the first is as it says
};

}  // namespace alona
