// `alona core` and `alona version`.
#include <fmt/format.h>

#include <memory>

#include "alona/cli.h"
#include "alona/core.h"
#include "alona/version.h"

namespace alona {

void add_core_command(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("core", "The service: takes messages in, keeps them, shows them");
  const auto create = std::make_shared<bool>(false);
  command->add_flag("--create", *create, "Make a database where none is, instead of refusing to start");
  command->footer("Example:\n  alona core --config /etc/alona/alona.toml");
  command->callback([&context, create] {
    const auto config = context.config();
    if (!config) return context.end(config.error());
    context.exit_code =
        core_command({.config = *config, .config_file = context.config_path, .create = *create});
  });
}

void add_version_command(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("version", "Print the version of this program");
  command->footer("Example:\n  alona version --json");
  command->callback([&context] {
    fmt::print(fmt::runtime(context.json ? "{{\"version\":\"{}\"}}\n" : "alona {}\n"), version);
  });
}

}  // namespace alona
