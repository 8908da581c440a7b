#include "ops/services.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ranges>
#include <utility>

namespace alona::ops {
namespace {

// Calls `take` with each line.
template <class Take>
void each_line(std::string_view text, Take take) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    take(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::string_view fact(const UnitFacts& unit, std::string_view key) {
  const auto found = unit.find(key);
  return found == unit.end() ? std::string_view{} : found->second;
}

std::string_view name(const UnitFacts& unit) { return fact(unit, "Id"); }

std::optional<std::string> not_there(const UnitFacts& unit) {
  if (fact(unit, "LoadState") == "loaded") return std::nullopt;
  return fmt::format("{} isn't installed ({})", name(unit), fact(unit, "LoadState"));
}

// The value behind "Key:" of /proc/PID/status.
std::string_view status_value(std::string_view status, std::string_view key) {
  std::string_view value;
  each_line(status, [&](std::string_view line) {
    if (!line.starts_with(key)) return;
    line.remove_prefix(key.size());
    const auto begin = line.find_first_not_of(" \t");
    value = begin == std::string_view::npos ? std::string_view{} : line.substr(begin);
  });
  return value;
}

struct Mount {
  std::string_view at, options;
};

// man proc_pid_mountinfo: id parent major:minor root mount-point options …
std::vector<Mount> mounts_of(std::string_view mountinfo) {
  std::vector<Mount> mounts;
  each_line(mountinfo, [&](std::string_view line) {
    std::array<std::string_view, 6> field;
    std::size_t n = 0;
    for (; n < field.size() && !line.empty(); ++n) {
      const auto end = std::min(line.find(' '), line.size());
      field[n] = line.substr(0, end);
      line.remove_prefix(std::min(end + 1, line.size()));
    }
    if (n == field.size()) mounts.push_back({field[4], field[5]});
  });
  return mounts;
}

bool read_only(const Mount& mount) { return mount.options == "ro" || mount.options.starts_with("ro,"); }

}  // namespace

std::vector<UnitFacts> parse_show(std::string_view text) {
  std::vector<UnitFacts> units;
  UnitFacts unit;
  const auto end = [&] {
    if (!unit.empty()) units.push_back(std::exchange(unit, {}));
  };
  each_line(text, [&](std::string_view line) {
    const auto equals = line.find('=');
    if (line.empty()) end();
    if (equals != std::string_view::npos)
      unit.emplace(std::string(line.substr(0, equals)), std::string(line.substr(equals + 1)));
  });
  end();
  return units;
}

std::optional<std::string> wrong_with_service(const UnitFacts& unit) {
  if (auto gone = not_there(unit)) return gone;
  if (fact(unit, "ActiveState") != "active")
    return fmt::format("{} doesn't run ({}, {})", name(unit), fact(unit, "ActiveState"),
                       fact(unit, "Result"));
  if (fact(unit, "UnitFileState") != "enabled")
    return fmt::format("{} runs, but won't after a reboot ({})", name(unit), fact(unit, "UnitFileState"));
  return std::nullopt;
}

std::optional<std::string> wrong_with_timer(const UnitFacts& unit) {
  if (auto gone = not_there(unit)) return gone;
  if (fact(unit, "UnitFileState") != "enabled")
    return fmt::format("{} isn't enabled ({})", name(unit), fact(unit, "UnitFileState"));
  if (fact(unit, "ActiveState") != "active")
    return fmt::format("{} waits for nothing ({})", name(unit), fact(unit, "ActiveState"));
  return std::nullopt;
}

std::optional<std::string> wrong_with_job(const UnitFacts& unit) {
  if (auto gone = not_there(unit)) return gone;
  // exec-condition: there was nothing to do, as for a copy without a second target.
  const bool well = fact(unit, "Result") == "success" || fact(unit, "Result") == "exec-condition";
  if (fact(unit, "ActiveState") != "failed" && well) return std::nullopt;
  return fmt::format("the last run of {} failed ({}, exit code {})", name(unit), fact(unit, "Result"),
                     fact(unit, "ExecMainStatus"));
}

std::vector<std::string> missing_of_sandbox(std::string_view status, std::string_view mountinfo) {
  std::vector<std::string> missing;
  if (status_value(status, "NoNewPrivs:") != "1") missing.emplace_back("it may gain privileges");
  if (status_value(status, "Seccomp:") != "2") missing.emplace_back("its system calls aren't filtered");
  if (status_value(status, "CapEff:").find_first_not_of('0') != std::string_view::npos)
    missing.emplace_back("it has capabilities");
  const auto mounts = mounts_of(mountinfo);
  // The last one mounted at a place is the one that is seen there.
  const auto root = std::ranges::find(mounts | std::views::reverse, "/", &Mount::at);
  if (root == mounts.rend() || !read_only(*root)) missing.emplace_back("it may write outside of its folders");
  for (const Mount& mount : mounts) {
    const bool systems =
        std::ranges::any_of(std::to_array<std::string_view>({"/etc", "/usr", "/boot", "/home", "/root"}),
                            [&](std::string_view top) {
                              return mount.at == top || mount.at.starts_with(fmt::format("{}/", top));
                            });
    if (systems && !read_only(mount)) missing.push_back(fmt::format("it may write to {}", mount.at));
  }
  return missing;
}

}  // namespace alona::ops
