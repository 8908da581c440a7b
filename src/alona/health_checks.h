// The checks of `alona health`: what is wrong with this box, found by a process that shares nothing with the
// core but its socket. What the core knows itself comes from there; the rest is looked at here, so that a
// dead core hides nothing. Each check is bounded in time; all of them take less than 80 s, and a second or
// two where nothing is wrong.
#pragma once

#include <string>
#include <vector>

#include "base/time.h"
#include "ops/config.h"
#include "ops/machine.h"

namespace alona {

struct HealthCheck {
  enum class State { ok, failing, unknown };
  std::string id;  // the same as long as it is the same thing
  State state = State::ok;
  std::string what, next;  // failing: what is wrong, what to do; unknown: why nobody knows
  bool by_core = false;    // the core's own word, which a running core may have taken back since
};

// For those who look: a check's three outcomes.
namespace health {
[[nodiscard]] inline HealthCheck ok(std::string id) {
  return {std::move(id), HealthCheck::State::ok, {}, {}, false};
}
[[nodiscard]] inline HealthCheck failing(std::string id, std::string what, std::string next) {
  return {std::move(id), HealthCheck::State::failing, std::move(what), std::move(next), false};
}
[[nodiscard]] inline HealthCheck unknown(std::string id, std::string why) {
  return {std::move(id), HealthCheck::State::unknown, std::move(why), {}, false};
}
}  // namespace health

[[nodiscard]] std::vector<HealthCheck> health_checks(const ops::Config& config, const Clock& clock,
                                                     const ops::MachinePlaces& places = {});

}  // namespace alona
