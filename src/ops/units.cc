#include "ops/units.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

namespace alona::ops {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr auto durations = std::to_array<Unit>({{"ms", 1},
                                                {"s", 1'000},
                                                {"min", 60'000},
                                                {"h", 3'600'000},
                                                {"d", 86'400'000},
                                                {"y", 365 * std::uint64_t{86'400'000}}});
constexpr auto sizes = std::to_array<Unit>({{"B", 1},
                                            {"KiB", std::uint64_t{1} << 10},
                                            {"MiB", std::uint64_t{1} << 20},
                                            {"GiB", std::uint64_t{1} << 30},
                                            {"TiB", std::uint64_t{1} << 40}});

// A whole number, spaces allowed, one of the units; nothing else before or behind.
std::optional<std::uint64_t> number_with_unit(std::string_view text, std::span<const Unit> units) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return {};
  std::string_view name = text.substr(static_cast<std::size_t>(end - text.data()));
  while (name.starts_with(' ')) name.remove_prefix(1);
  const auto unit = std::ranges::find(units, name, &Unit::name);
  if (unit == units.end() || number > std::numeric_limits<std::int64_t>::max() / unit->factor) return {};
  return number * unit->factor;
}

}  // namespace

std::optional<Ms> parse_duration(std::string_view text) {
  const auto ms = number_with_unit(text, durations);
  if (!ms) return {};
  return Ms{static_cast<std::int64_t>(*ms)};
}

std::optional<std::uint64_t> parse_size(std::string_view text) { return number_with_unit(text, sizes); }

std::optional<std::chrono::minutes> parse_time_of_day(std::string_view text) {
  const auto digit = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '9'; };
  if (text.size() != 5 || text[2] != ':' || !digit(0) || !digit(1) || !digit(3) || !digit(4)) return {};
  const int hours = (text[0] - '0') * 10 + (text[1] - '0');
  const int minutes = (text[3] - '0') * 10 + (text[4] - '0');
  if (hours > 23 || minutes > 59) return {};
  return std::chrono::minutes{hours * 60 + minutes};
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replace, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

}  // namespace alona::ops
