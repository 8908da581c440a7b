// Sets the machine's own clock, which needs root and is none of the core's business otherwise: the core keeps
// its time itself (ingest/core_time.h). Called on the writer's thread; doesn't block.
#pragma once

#include "base/error.h"
#include "base/time.h"
#include "ops/requests.h"

namespace alona::ops {

// By a request to root.
class ClockSetter {
 public:
  ClockSetter(Paths paths, const Clock& clock) : paths_(std::move(paths)), clock_(clock) {}
  [[nodiscard]] Result<void> set(UtcMs now) const {
    const auto asked = put_request(paths_, Request::clock, clock_text(now, clock_.mono()));
    if (asked || asked.error().code != Errc::refused) return asked;
    return fail(Errc::refused, "the machine's own clock stays as it is; Alona's time is right all the same",
                "Alona's package brings what sets it.");
  }

 private:
  const Paths paths_;
  const Clock& clock_;
};

}  // namespace alona::ops
