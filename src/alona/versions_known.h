// What the page tells of other versions of Alona: a later one on a stick, the way back, how the last change
// ended. It only looks; root looks again by itself and decides. Any thread that may wait for a stick and for
// dpkg; what didn't change on a stick isn't read again.
#pragma once

#include <mutex>
#include <string>

#include "base/time.h"
#include "ops/paths.h"
#include "web/backend.h"

namespace alona {

class VersionsKnown {
 public:
  VersionsKnown(ops::Paths paths, const Clock& clock) : paths_(std::move(paths)), clock_(clock) {}
  // Nothing in it where nobody takes requests up: without Alona's package there is nothing to upgrade.
  [[nodiscard]] web::Versions look() const;

 private:
  const ops::Paths paths_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  mutable std::string seen_;     // the packages that were looked at: names, sizes, times
  mutable web::Versions found_;  // without `last`
};

}  // namespace alona
