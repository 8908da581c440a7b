// What systemd and the kernel tell of Alona's services, judged. Text in, verdict out; no state.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace alona::ops {

// A block of `systemctl show`: KEY=VALUE a line, an empty line between two units.
using UnitFacts = std::map<std::string, std::string, std::less<>>;
[[nodiscard]] std::vector<UnitFacts> parse_show(std::string_view text);

// What is wrong with a service that must run, a timer or path unit that must wait, a job that a timer starts;
// nothing when all is well. A unit that was never started is no fault of a job.
[[nodiscard]] std::optional<std::string> wrong_with_service(const UnitFacts& unit);
[[nodiscard]] std::optional<std::string> wrong_with_timer(const UnitFacts& unit);
[[nodiscard]] std::optional<std::string> wrong_with_job(const UnitFacts& unit);

// What the sandbox lacks, by the texts of /proc/PID/status and /proc/PID/mountinfo.
[[nodiscard]] std::vector<std::string> missing_of_sandbox(std::string_view status,
                                                          std::string_view mountinfo);

}  // namespace alona::ops
