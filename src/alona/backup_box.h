// What `alona backup` and `alona restore` share.
#pragma once

#include "alona/cli.h"
#include "alona/progress.h"
#include "backup/take.h"

namespace alona {

// The box that the command works on.
[[nodiscard]] Result<backup::Box> backup_box(const Context& context);
// The same with a configuration that was read elsewhere.
[[nodiscard]] backup::Box backup_box(const Context& context, ops::Config config);

// The core, and whoever else works on the machine, goes first. Under systemd the unit says so, and its
// sandbox ends who tries.
void step_aside();

// A bar for people; ended by Ctrl-C, SIGTERM or a terminal that goes away, with nothing half done.
[[nodiscard]] backup::Doing shown(Progress& progress);
// The same, and others go first.
[[nodiscard]] backup::Doing shown_unhurried(Progress& progress);

}  // namespace alona
