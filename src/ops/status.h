// The one screen of `alona status`, made of the page's overview so that both always say the same.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace alona::ops {

// What the last round of `alona health` found, beside what the core says itself.
struct StatusBeside {
  struct Thing {
    std::string what, todo;
    UtcMs since{};
  };
  std::vector<Thing> things;  // each needs a person
  std::string line;           // when that round was
};

struct StatusScreen {
  std::string text;
  bool all_well = false;  // nothing needs a person
};

// `overview`: the JSON of GET /api/v1/overview. `colour`: words that need attention in red or yellow.
[[nodiscard]] Result<StatusScreen> status_screen(std::string_view overview, const StatusBeside& beside,
                                                 bool colour);
// While no core answers.
[[nodiscard]] std::string status_without_core(std::string_view site, const StatusBeside& beside, bool colour);

}  // namespace alona::ops
