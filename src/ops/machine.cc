#include "ops/machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/files.h"

namespace alona::ops {
namespace {

namespace fs = std::filesystem;
constexpr double memory_free_min = 0.08;
constexpr std::int64_t too_hot_millidegrees = 80'000;    // a Pi slows down from here on
constexpr std::int64_t believed_millidegrees = 200'000;  // above: a sensor that isn't connected

// get_throttled, hexadecimal: what is so now, and in the upper half what was at any time since the boot.
namespace bit {
constexpr std::uint64_t under_voltage = 0x1, capped = 0x2, slowed = 0x4;
constexpr std::uint64_t since_boot = 16;
}  // namespace bit

template <class Number>
std::optional<Number> number_in(const fs::path& file, int base) {
  const auto text = files::read(file, 64);
  if (!text) return std::nullopt;
  const std::size_t skip = base == 16 && text->starts_with("0x") ? 2 : 0;
  const char* end = text->data() + text->size();
  Number n = 0;
  const auto [stopped, wrong] = std::from_chars(text->data() + skip, end, n, base);
  const bool whole = wrong == std::errc{} && (stopped == end || *stopped == '\n');
  return whole ? std::optional{n} : std::nullopt;
}

// The hottest of all zones: which of them is the processor's differs from board to board.
std::optional<std::int64_t> hottest(const fs::path& folder) {
  std::optional<std::int64_t> most;
  std::error_code ec;
  for (fs::directory_iterator zone{folder, ec}, end; !ec && zone != end; zone.increment(ec)) {
    if (!zone->path().filename().string().starts_with("thermal_zone")) continue;
    const auto heat = number_in<std::int64_t>(zone->path() / "temp", 10);
    if (heat && *heat < believed_millidegrees) most = std::max(most.value_or(*heat), *heat);
  }
  return most;
}

std::optional<MachineCheck> heat(std::optional<std::int64_t> hottest,
                                 std::optional<std::uint64_t> throttled) {
  constexpr const char* next = "Give the box air or shade; from 80 °C on it slows down.";
  if (hottest && *hottest >= too_hot_millidegrees)
    return MachineCheck{"temperature", false, fmt::format("the processor has {} °C", *hottest / 1000), next};
  // A weak supply slows it down as well, and is told by its own name.
  const bool slow =
      throttled && (*throttled & (bit::capped | bit::slowed)) != 0 && (*throttled & bit::under_voltage) == 0;
  if (slow) return MachineCheck{"temperature", false, "the processor is slowed down by heat", next};
  if (!hottest && !throttled) return std::nullopt;
  return MachineCheck{"temperature", true, {}, {}};
}

MachineCheck supply(std::uint64_t throttled) {
  constexpr const char* next = "A better supply or a shorter cable: power that sags ruins cards.";
  if ((throttled & bit::under_voltage) != 0)
    return {"power_supply", false, "the power supply is too weak at this moment", next};
  if ((throttled >> bit::since_boot & bit::under_voltage) != 0)
    return {"power_supply", false, "the power supply was too weak at least once since the box was started",
            fmt::format("{} The box forgets this when it is started again.", next)};
  return {"power_supply", true, {}, {}};
}

std::optional<double> memory_left(const fs::path& file) {
  const auto text = files::read(file, 16'384);
  if (!text) return std::nullopt;
  const auto kib = [&](std::string_view key) -> double {
    const auto at = text->find(key);
    if (at == std::string::npos) return -1;
    const auto begin = std::min(text->find_first_not_of(' ', at + key.size()), text->size());
    std::uint64_t n = 0;
    const auto [end, wrong] = std::from_chars(text->data() + begin, text->data() + text->size(), n);
    return wrong == std::errc{} ? static_cast<double>(n) : -1;
  };
  const double all = kib("MemTotal:"), left = kib("MemAvailable:");
  return all > 0 && left >= 0 ? std::optional{left / all} : std::nullopt;
}

}  // namespace

std::vector<MachineCheck> look_at_machine(const MachinePlaces& places) {
  std::vector<MachineCheck> all;
  const auto throttled = number_in<std::uint64_t>(places.throttled, 16);
  if (auto check = heat(hottest(places.thermal), throttled)) all.push_back(std::move(*check));
  if (throttled) all.push_back(supply(*throttled));
  if (const auto left = memory_left(places.memory))
    all.push_back(*left >= memory_free_min
                      ? MachineCheck{"memory", true, {}, {}}
                      : MachineCheck{"memory", false,
                                     fmt::format("{:.0f} % of the memory are left", 100 * *left),
                                     "`top` shows who has it (M sorts by memory)."});
  return all;
}

}  // namespace alona::ops
