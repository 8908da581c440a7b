// The disk and the backups as the overview and the system's page tell them.
#pragma once

#include "room/keeper.h"
#include "web/json.h"
#include "web/model.h"

namespace alona::web {

[[nodiscard]] json::object disk_json(const room::Picture& disk);
[[nodiscard]] json::object backup_json(const BackupNews& news);

}  // namespace alona::web
