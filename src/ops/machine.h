// What the kernel and a Raspberry Pi's firmware tell of the machine: heat, the power supply, memory. Reads
// small files of the kernel's; no state, any thread.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace alona::ops {

// Where it is told; tests have places of their own. What isn't there belongs to another machine.
struct MachinePlaces {
  std::filesystem::path thermal = "/sys/class/thermal";  // thermal_zone*/temp, in thousandths of a degree
  std::filesystem::path throttled = "/sys/devices/platform/soc/soc:firmware/get_throttled";
  std::filesystem::path memory = "/proc/meminfo";
};

struct MachineCheck {
  std::string id;  // its name in docs/runbook.md
  bool well = true;
  std::string what, next;  // when it isn't
};

// Only what can be looked at here, so possibly nothing: a file that isn't there, or isn't understood, is no
// check.
[[nodiscard]] std::vector<MachineCheck> look_at_machine(const MachinePlaces& places);

}  // namespace alona::ops
