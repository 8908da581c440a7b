// The numbering of a payload that can't be read as a message: too long, not UTF-8 or not JSON. Its node keeps
// it and sends it for ever unless it is settled. Thread-safe; no state.
#pragma once

#include <optional>
#include <string_view>

#include "protocol/message.h"

namespace alona::protocol {

// What "boot", "seq" and "low" say where each stands in the bytes just once, followed by a whole number that
// the payload's end can't have cut. nullopt wherever there is any doubt: settling another message would lose
// it.
[[nodiscard]] std::optional<Stamp::Sequence> numbering_of_unreadable(std::string_view payload);

}  // namespace alona::protocol
