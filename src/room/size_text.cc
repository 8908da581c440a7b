#include "room/size_text.h"

#include <fmt/format.h>

#include <array>

namespace alona::room {

std::string size_text(std::uint64_t bytes) {
  constexpr auto units = std::to_array<const char*>({"KiB", "MiB", "GiB", "TiB"});
  double size = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (size >= 1000 && unit + 1 < units.size()) size /= 1024, ++unit;
  return size < 10 ? fmt::format("{:.1f} {}", size, units[unit])
                   : fmt::format("{:.0f} {}", size, units[unit]);
}

}  // namespace alona::room
