// What a nearly full disk means to a person, for each step of the ladder. Pure.
#pragma once

#include "room/keeper.h"
#include "web/findings.h"

namespace alona::web {

// Nothing while there is room.
[[nodiscard]] std::optional<Finding> of_room(const room::Picture& disk, UtcMs now);

}  // namespace alona::web
