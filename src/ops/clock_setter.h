// Sets the machine's own clock, which needs root and is none of the core's business otherwise: the core keeps
// its time itself (ingest/core_time.h). Called on the writer's thread; may not block.
#pragma once

#include "base/error.h"
#include "base/time.h"

namespace alona::ops {

class ClockSetter {
 public:
  virtual ~ClockSetter() = default;
  [[nodiscard]] virtual Result<void> set(UtcMs now) = 0;
};

// Where nobody with the right to do it listens.
class NoClockSetter final : public ClockSetter {
 public:
  [[nodiscard]] Result<void> set(UtcMs) override {
    return fail(Errc::refused, "the machine's own clock stays as it is; Alona's time is right all the same",
                "To set it as well: sudo timedatectl set-time 'YYYY-MM-DD HH:MM:SS'");
  }
};

}  // namespace alona::ops
