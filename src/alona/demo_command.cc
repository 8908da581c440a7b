#include "alona/cli.h"
namespace alona { __attribute__((weak)) void add_demo_command(CLI::App&, Context&) {} }
