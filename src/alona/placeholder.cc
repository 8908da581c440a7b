// Until the core and the simulator are in this tree: weak, so that theirs take the place.
#include <fmt/format.h>

#include "alona/cli.h"
#include "alona/core.h"

namespace alona {

__attribute__((weak)) int core_command(const CoreOptions&) {
  fmt::print(stderr, "alona: this build holds no core\n");
  return 1;
}

__attribute__((weak)) void add_sim_command(CLI::App&, int&) {}

}  // namespace alona
