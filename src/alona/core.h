// `alona core`: the service. Returns its exit code when it was asked to stop, or couldn't start.
#pragma once

#include "ops/config.h"

namespace alona {

struct CoreOptions {
  ops::Config config;
  bool create = false;  // make a database where none is; else that is refused (exit 3)
};

[[nodiscard]] int core_command(const CoreOptions& options);

}  // namespace alona
