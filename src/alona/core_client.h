// The commands' way to a running core, over its Unix socket, and the way without one. No state.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "ops/paths.h"

namespace alona {

// The answer's body. Nothing: the core isn't running, so the caller may do it itself (the database's lock
// keeps two from doing so). The core's refusals come back as errors with its own words.
[[nodiscard]] Result<std::optional<std::string>> ask_core(const ops::Paths& paths, std::string_view method,
                                                          std::string_view target,
                                                          std::string_view body = {});

// What commands say that can't do anything without it.
[[nodiscard]] Error core_is_stopped(const ops::Paths& paths);

}  // namespace alona
