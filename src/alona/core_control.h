// How a command stops and starts the core of its box: through systemd where that runs it, else through the
// core's own socket and lock. Main thread; nothing of it outlives the command.
#pragma once

#include <memory>
#include <string>

#include "backup/restore.h"
#include "ops/config.h"

namespace alona {

// `config_file`: what a core that is started here is to read. The unit is taken for this box's when it is
// installed and the command works on the default configuration.
[[nodiscard]] std::unique_ptr<backup::CoreControl> core_control(const ops::Config& config,
                                                                const std::string& config_file);

}  // namespace alona
