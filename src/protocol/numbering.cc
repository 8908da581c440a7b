#include "protocol/numbering.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "protocol/document.h"

namespace alona::protocol {
namespace {

constexpr std::string_view white = " \t\r\n";

void skip_white(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(white), text.size()));
}

std::optional<std::uint32_t> number_after(std::string_view payload, Key key) {
  const std::string quoted = '"' + std::string(name(key)) + '"';
  const std::size_t at = payload.find(quoted);
  if (at == std::string_view::npos || payload.find(quoted, at + 1) != std::string_view::npos)
    return std::nullopt;
  std::string_view rest = payload.substr(at + quoted.size());
  skip_white(rest);
  if (!rest.starts_with(':')) return std::nullopt;
  rest.remove_prefix(1);
  skip_white(rest);
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  const bool ended = end != rest.data() + rest.size() && (*end == ',' || *end == '}' || white.contains(*end));
  return error == std::errc{} && ended ? std::optional(number) : std::nullopt;
}

}  // namespace

std::optional<Stamp::Sequence> numbering_of_unreadable(std::string_view payload) {
  const auto boot = number_after(payload, Key::boot);
  const auto seq = number_after(payload, Key::seq);
  const auto low = number_after(payload, Key::low);
  if (!boot || !seq || !low || *low < 1 || *low > *seq) return std::nullopt;
  return Stamp::Sequence{.boot = *boot, .seq = *seq, .low = *low};
}

}  // namespace alona::protocol
