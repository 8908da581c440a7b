// The core's idea of now. The machine's clock where someone trusted has set it; before that it may stand
// anywhere, so the time begins at the floor, the latest receipt ever committed, and goes on by the monotonic
// clock. Owned by Ingest.
#pragma once

#include "base/time.h"

namespace alona::ingest {

class CoreTime {
 public:
  explicit CoreTime(const Clock& clock)
      : clock_(clock), base_mono_(clock.mono()), trusted_(clock.trusted()) {}

  // What was committed last; time that nobody has confirmed never lies before it.
  void set_floor(UtcMs floor) {
    if (floor <= floor_) return;
    floor_ = floor;
    base_mono_ = clock_.mono();
  }
  [[nodiscard]] UtcMs now() const {
    const UtcMs utc = clock_.utc();
    if (trusted_) return utc;
    return std::max(utc, floor_ + (clock_.mono() - base_mono_));
  }
  [[nodiscard]] bool trusted() const { return trusted_; }
  // Asks the machine again whether its clock is trusted: a system call, so once a second and not once a
  // message.
  void look() { trusted_ = clock_.trusted(); }
  [[nodiscard]] UtcMs floor() const { return floor_; }

 private:
  const Clock& clock_;
  UtcMs floor_{};
  Mono base_mono_;
  bool trusted_;
};

}  // namespace alona::ingest
