// `alona sim`: its options on the command line.
#pragma once

#include <CLI/CLI.hpp>

namespace alona {

// `exit_code` is set when the command ran.
void add_sim_command(CLI::App& app, int& exit_code);

}  // namespace alona
