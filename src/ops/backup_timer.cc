#include "ops/backup_timer.h"

#include <fmt/format.h>

#include <system_error>

#include "base/files.h"
#include "base/limits.h"
#include "ops/config.h"

namespace alona::ops {
namespace fs = std::filesystem;

std::string time_text(std::chrono::minutes at) {
  return fmt::format("{:02}:{:02}", at.count() / 60, at.count() % 60);
}

std::string calendar_of(std::chrono::minutes at) { return "*-*-* " + time_text(at); }

Result<bool> keep_backup_time(const fs::path& drop_in, std::chrono::minutes at) {
  std::error_code failed;
  if (at == Config{}.backup.at) {
    const bool was_there = fs::remove(drop_in, failed);
    if (failed)
      return fail(Errc::io, fmt::format("cannot remove {}: {}", drop_in.string(), failed.message()));
    std::error_code others;  // somebody's own drop-ins: the folder stays
    if (was_there) fs::remove(drop_in.parent_path(), others);
    return was_there;
  }
  // Emptied first, for a timer may have several times.
  const std::string text = fmt::format(
      "# By `alona setup`, from [backup] at in Alona's settings: change it there.\n"
      "[Timer]\nOnCalendar=\nOnCalendar={}\n",
      calendar_of(at));
  const auto now = files::read(drop_in, limits::config_bytes_max);
  if (now && *now == text) return false;
  if (auto folder = files::make_folder(drop_in.parent_path(), 0755); !folder)
    return std::unexpected(folder.error());
  if (auto kept = files::replace(drop_in, text, 0644); !kept) return std::unexpected(kept.error());
  return true;
}

std::optional<std::string> another_backup_time(const UnitFacts& timer, std::chrono::minutes at) {
  const auto found = timer.find("TimersCalendar");
  // "{ OnCalendar=*-*-* 03:15:00 ; next_elapse=… }"
  if (found == timer.end() || found->second.contains(fmt::format("OnCalendar={}:00 ;", calendar_of(at))))
    return std::nullopt;
  const auto begin = found->second.find("OnCalendar=");
  if (begin == std::string::npos) return std::nullopt;
  const std::string_view said = std::string_view{found->second}.substr(begin + 11);
  return std::string{said.substr(0, said.find(" ;"))};
}

}  // namespace alona::ops
