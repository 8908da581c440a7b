// The time, written beside the database every 10 minutes and at stop: a machine without a clock chip starts
// no earlier than when it was last seen running. One more candidate for the provisional time, never trusted.
// Any one thread at a time.
#pragma once

#include <filesystem>
#include <optional>

#include "base/error.h"
#include "base/time.h"

namespace alona::ops {

class SavedTime {
 public:
  explicit SavedTime(std::filesystem::path file) : file_(std::move(file)) {}
  // Nothing: never written, or not readable as a time.
  [[nodiscard]] std::optional<UtcMs> read() const;
  [[nodiscard]] Result<void> write(UtcMs now) const;

 private:
  std::filesystem::path file_;
};

}  // namespace alona::ops
