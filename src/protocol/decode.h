// Bytes to messages. The one place where a stranger's bytes become values: everything it returns keeps the
// rules of docs/protocol.md, and what breaks them comes back with its reason. Never throws, never reads past
// the payload. Thread-safe; no state. Cost: one pass, no copy of the payload, one allocation for a reading; a
// second pass only for an event's data and for the texts of refused readings.
#pragma once

#include <expected>
#include <string_view>

#include "protocol/message.h"
#include "protocol/topic.h"

namespace alona::protocol {

// The payload of `topic`. Not judged here: time, window, known nodes, limits per day, retained (src/ingest).
[[nodiscard]] std::expected<Message, Refusal> decode(const Topic& topic, std::string_view payload);

[[nodiscard]] bool valid_utf8(std::string_view text);

}  // namespace alona::protocol
