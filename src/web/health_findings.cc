#include "web/health_findings.h"

#include <fmt/format.h>

namespace alona::web {

std::vector<Finding> HealthWatch::look(std::optional<UtcMs> record, bool due, Mono now, UtcMs utc) {
  if (!changed_ || record != record_ || (!record && !due)) {
    record_ = record, changed_ = now;
    return {};
  }
  const Ms age = now - *changed_;
  if (age <= health_record_age_max) return {};
  return {Finding{
      "health_old",
      Level::needs_you,
      fmt::format("Nobody has checked the box's health for {}", duration_text(age)),
      "A round of checks is made every five minutes, by a timer that needs no core. It has stopped.",
      "Run `sudo alona health` on the box: it says what fails. `systemctl status alona-health.timer` shows "
      "why nobody does.",
      utc - age,
      {}}};
}

}  // namespace alona::web
