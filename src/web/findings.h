// What needs a person: pure functions of the picture and the time.
#pragma once

#include <vector>

#include "web/finding.h"
#include "web/model.h"

namespace alona::web {

// The most urgent first.
[[nodiscard]] std::vector<Finding> findings(const Model& model, UtcMs now, bool clock_trusted);

}  // namespace alona::web
