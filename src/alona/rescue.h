// The core's way to its database, and what it does while there is none to go on with: it takes no messages,
// so that the broker and the nodes hold them, serves the rescue page, and looks again until the cause is
// gone. Main thread.
#pragma once

#include <optional>

#include "alona/core.h"
#include "ops/paths.h"
#include "store/opening.h"
#include "web/server.h"

namespace alona {

// Nothing: a signal asked to end. An error is one that the rescue page doesn't help with: another process
// holds the database (temporary), the port is taken.
[[nodiscard]] Result<std::optional<store::Opened>> open_or_rescue(const CoreOptions& options,
                                                                  const ops::Paths& paths,
                                                                  const web::WebOptions& with_web,
                                                                  int signals, const Clock& clock);

}  // namespace alona
