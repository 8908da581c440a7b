// `alona core`: the service. Returns its exit code when it was asked to stop, or couldn't start.
#pragma once

#include <filesystem>

#include "ops/config.h"

namespace alona {

struct CoreOptions {
  ops::Config config;
  std::filesystem::path config_file;  // it was read from; empty: the default
  bool create = false;                // make a database where none is; else that is refused (exit 3)
};

[[nodiscard]] int core_command(const CoreOptions& options);

}  // namespace alona
