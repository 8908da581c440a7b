// One program with subcommands, so that a box holds one version of everything. Each command is in its own
// file.
#include <fmt/format.h>
#include <sodium.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>

#include "alona/cli.h"
#include "base/log.h"

namespace {

constexpr int wrong_usage = 2;

constexpr const char* footer =
    "Exit codes: 0 done; 1 failed; 2 wrong usage; 3 refused, nothing changed; 4 temporary, try again;\n"
    "78 the configuration is wrong.\n"
    "Example:\n  alona status\n  alona node add --help";

int run(int argc, char** argv) {
  CLI::App app{"Alona: the sensor box of one place"};
  alona::Context context;
  app.name("alona");
  app.require_subcommand(1);
  app.fallthrough();  // --config and --json may stand behind any command
  app.footer(footer);
  app.add_option("--config", context.config_path, "Configuration file (default /etc/alona/alona.toml)");
  app.add_flag("--json", context.json, "Output for machines");
  for (const auto add :
       {alona::add_setup_command, alona::add_core_command, alona::add_demo_command, alona::add_status_command,
        alona::add_node_command, alona::add_user_command, alona::add_export_command,
        alona::add_rejects_command, alona::add_tail_command, alona::add_version_command}) {
    add(app, context);
  }
  alona::add_sim_command(app, context.exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& done) {  // --help
    return app.exit(done);
  } catch (const CLI::ParseError& error) {
    app.exit(error);
    return wrong_usage;
  }
  return context.exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  // Read before any thread exists.
  alona::log::init(std::getenv("JOURNAL_STREAM") != nullptr);  // NOLINT(concurrency-mt-unsafe)
  if (sodium_init() < 0) {
    fmt::print(stderr, "alona: no random numbers from the kernel\n");
    return EXIT_FAILURE;
  }
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "alona: {}\nThis is a fault of the program.\n", error.what());
    return EXIT_FAILURE;
  }
}
