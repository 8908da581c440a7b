// The checks of `alona health`: what is wrong with this box, found by a process that shares nothing with the
// core but its socket. What the core knows itself comes from there; the rest is looked at here, so that a
// dead core hides nothing. Each check is bounded in time; all of them take less than 40 s.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/time.h"
#include "ops/config.h"

namespace alona {

struct HealthCheck {
  enum class State { ok, failing, unknown };
  std::string id;  // the same as long as it is the same thing
  State state = State::ok;
  std::string what, next;  // failing: what is wrong, what to do; unknown: why nobody knows
};

// Where the kernel tells; tests have places of their own.
struct HealthPlaces {
  std::filesystem::path temperature = "/sys/class/thermal/thermal_zone0/temp";
  std::filesystem::path throttled = "/sys/devices/platform/soc/soc:firmware/get_throttled";
  std::filesystem::path memory = "/proc/meminfo";
};

[[nodiscard]] std::vector<HealthCheck> health_checks(const ops::Config& config, const Clock& clock,
                                                     const HealthPlaces& places = {});

}  // namespace alona
