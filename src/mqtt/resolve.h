// Host names to addresses as numbers, in the system's order: a broker that listens on 127.0.0.1 alone is
// found under "localhost" even where that means ::1 first. Blocks as long as the system's resolver does; no
// state.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace alona::mqtt {

[[nodiscard]] Result<std::vector<std::string>> resolve(const std::string& host);

}  // namespace alona::mqtt
