// Topics: alona/{node_id}/… (docs/protocol.md, "Topics").
#pragma once

#include <optional>
#include <string_view>

namespace alona::protocol {

enum class TopicKind { telemetry, telemetry_batch, event, heartbeat, status, error };

// A node's topic, its parts pointing into the text it was made of.
struct Topic {
  std::string_view node;
  TopicKind kind = TopicKind::telemetry;
  std::string_view name;  // the sensor or the event's type; else empty
};

// [a-z0-9] first, then [a-z0-9_-], at most 32 characters.
[[nodiscard]] bool valid_name(std::string_view name);
// A valid name that nothing of Alona's own uses: core, canary and everything that begins with alona are
// reserved.
[[nodiscard]] bool valid_node_id(std::string_view id);

// Nothing when a node may not publish there: another shape, a bad name, a reserved node, or one of the core's
// topics.
[[nodiscard]] std::optional<Topic> parse_topic(std::string_view topic);

// Whose topic it would be, whatever follows the id; empty when it is nobody's.
[[nodiscard]] std::string_view node_of(std::string_view topic);

}  // namespace alona::protocol
