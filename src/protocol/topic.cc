#include "protocol/topic.h"

#include <algorithm>

#include "base/limits.h"

namespace alona::protocol {
namespace {

constexpr bool starts_name(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
constexpr bool within_name(char c) { return starts_name(c) || c == '_' || c == '-'; }

// Cuts the next level off the front of `rest`; the last level leaves `rest` without data.
std::string_view next_level(std::string_view& rest) {
  const std::size_t slash = rest.find('/');
  const std::string_view level = rest.substr(0, slash);
  rest = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash + 1);
  return level;
}

std::optional<Topic> named(std::string_view node, TopicKind kind, std::string_view name) {
  if (!valid_name(name)) return std::nullopt;
  return Topic{node, kind, name};
}

}  // namespace

bool valid_name(std::string_view name) {
  return !name.empty() && name.size() <= limits::name_bytes_max && starts_name(name.front()) &&
         std::ranges::all_of(name, within_name);
}

bool valid_node_id(std::string_view id) {
  return valid_name(id) && id != "core" && id != "canary" && !id.starts_with("alona");
}

std::string_view node_of(std::string_view topic) {
  if (next_level(topic) != "alona") return {};
  const std::string_view node = next_level(topic);
  return valid_node_id(node) ? node : std::string_view{};
}

std::optional<Topic> parse_topic(std::string_view topic) {
  std::string_view rest = topic;
  if (next_level(rest) != "alona") return std::nullopt;
  const std::string_view node = next_level(rest);
  if (!valid_node_id(node)) return std::nullopt;
  const std::string_view kind = next_level(rest);
  const bool more = rest.data() != nullptr;  // "…/telemetry/" has a further level, an empty one
  if (kind == "telemetry") {
    return more ? named(node, TopicKind::telemetry, rest) : Topic{node, TopicKind::telemetry_batch, {}};
  }
  if (kind == "event" && more) return named(node, TopicKind::event, rest);
  if (more) return std::nullopt;
  if (kind == "heartbeat") return Topic{node, TopicKind::heartbeat, {}};
  if (kind == "status") return Topic{node, TopicKind::status, {}};
  if (kind == "error") return Topic{node, TopicKind::error, {}};
  return std::nullopt;
}

}  // namespace alona::protocol
