// The one screen of `alona status`, made of the page's overview so that both always say the same.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"

namespace alona::ops {

struct StatusScreen {
  std::string text;
  bool all_well = false;  // nothing needs a person
};

// `overview`: the JSON of GET /api/v1/overview. `colour`: words that need attention in red or yellow.
[[nodiscard]] Result<StatusScreen> status_screen(std::string_view overview, bool colour);

}  // namespace alona::ops
