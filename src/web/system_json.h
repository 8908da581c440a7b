// The disk as the overview and the system's page tell it.
#pragma once

#include "room/keeper.h"
#include "web/json.h"

namespace alona::web {

[[nodiscard]] json::object disk_json(const room::Picture& disk);

}  // namespace alona::web
