// When systemd makes the daily backup: [backup] at. The package's alona-backup.timer has the default; another
// time stands in a drop-in, which the package takes along when it goes. No state.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

#include "base/error.h"
#include "ops/services.h"

namespace alona::ops {

inline constexpr const char* backup_timer_drop_in = "/etc/systemd/system/alona-backup.timer.d/50-at.conf";

// "03:15", and as OnCalendar= has it, in the machine's time zone: "*-*-* 03:15".
[[nodiscard]] std::string time_text(std::chrono::minutes at);
[[nodiscard]] std::string calendar_of(std::chrono::minutes at);

// The drop-in for this time is there, or none for the default. True: that has changed something on the disk,
// and systemd must read it.
[[nodiscard]] Result<bool> keep_backup_time(const std::filesystem::path& drop_in, std::chrono::minutes at);

// What the timer in force says instead of this time; nothing when it says it. `timer` with TimersCalendar.
[[nodiscard]] std::optional<std::string> another_backup_time(const UnitFacts& timer, std::chrono::minutes at);

}  // namespace alona::ops
