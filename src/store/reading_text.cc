#include "store/reading_text.h"

#include <algorithm>
#include <array>

#include "store/rows.h"

namespace alona::store {
namespace {

constexpr auto qualities = std::to_array<std::string_view>({"node", "receipt", "provisional", "unknown"});

struct Mark {
  std::uint8_t bit;
  std::string_view name;
};
constexpr auto marks = std::to_array<Mark>({{flag::implausible, "implausible"},
                                            {flag::excluded, "excluded"},
                                            {flag::replayed, "replayed"},
                                            {flag::received_late, "late"},
                                            {flag::node_clock_wrong, "node-clock-wrong"},
                                            {flag::thinned, "thinned"}});

}  // namespace

std::string quality_text(std::uint8_t flags) {
  std::string text{qualities[flags & flag::quality_mask]};
  for (const Mark& mark : marks) {
    if ((flags & mark.bit) != 0) text.append(1, '+').append(mark.name);
  }
  return text;
}

std::optional<std::uint8_t> parse_quality(std::string_view text) {
  const std::size_t end = text.find('+');
  const auto whose = std::ranges::find(qualities, text.substr(0, end));
  if (whose == qualities.end()) return std::nullopt;
  auto flags = static_cast<std::uint8_t>(whose - qualities.begin());
  while (text.find('+') != std::string_view::npos) {
    text.remove_prefix(text.find('+') + 1);
    const auto mark = std::ranges::find(marks, text.substr(0, text.find('+')), &Mark::name);
    if (mark == marks.end()) return std::nullopt;
    flags = static_cast<std::uint8_t>(flags | mark->bit);
  }
  return flags;
}

}  // namespace alona::store
