// One program with subcommands, so that a box holds one version of everything. Each command is in its own
// file.
#include <fmt/format.h>
#include <sodium.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <system_error>

#include "alona/cli.h"
#include "alona/say.h"
#include "alona/version.h"
#include "base/log.h"

namespace {

constexpr int wrong_usage = 2;

constexpr const char* footer =
    "Exit codes: 0 done; 1 failed; 2 wrong usage; 3 refused, nothing changed; 4 temporary, try again;\n"
    "78 the configuration is wrong.\n"
    "Example:\n  alona status\n  alona node add --help";

// The command that was meant, as far as its words go: "alona node add".
const CLI::App* meant(const CLI::App& app, std::string& name) {
  const CLI::App* command = &app;
  name = app.get_name();
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().front();
    name += " " + command->get_name();
  }
  return command;
}

void say_wrong_usage(const CLI::App& app, const CLI::ParseError& error) {
  std::string name;
  const CLI::App* command = meant(app, name);
  std::string what = error.what();
  // CLI11 asks for a subcommand before it says which word it doesn't know, and lists such words backwards.
  const bool extra = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
  if (extra || (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr &&
                command->get_require_subcommand_min() > 0)) {
    const auto unknown = app.remaining(true);
    what = unknown.empty() ? fmt::format("`{}` needs a command after it", name)
                           : fmt::format("`{}` knows no {}", name, unknown.front());
  }
  fmt::print(stderr, "alona: {}\n`{} --help` says what there is.\n", alona::printable(what), name);
}

// A full disk or a closed pipe may take what a command printed, such as a password that is shown once.
int printed_all(int exit_code) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return exit_code;
  alona::say(stderr,
             fmt::format("alona: cannot write to standard output: {}\nWhat was printed is incomplete.\n",
                         std::generic_category().message(errno)));
  return exit_code == 0 ? EXIT_FAILURE : exit_code;
}

// CLI11 shows a command's own options alone, though these may stand behind each.
void name_common_options(CLI::App& app) {
  for (CLI::App* command : app.get_subcommands({})) {
    command->footer("As behind every command: --config FILE, --json.\n" + command->get_footer());
    name_common_options(*command);
  }
}

int run(int argc, char** argv) {
  CLI::App app{"Alona: the sensor box of one place"};
  alona::Context context;
  app.name("alona");
  app.require_subcommand(1);
  app.fallthrough();  // --config and --json may stand behind any command
  app.footer(footer);
  app.set_version_flag("--version", fmt::format("alona {}", alona::version), "Print the version");
  app.add_option("--config", context.config_path, "Configuration file (default /etc/alona/alona.toml)");
  app.add_flag("--json", context.json, "Output for machines");
  for (const auto add :
       {alona::add_setup_command,   alona::add_core_command,    alona::add_demo_command,
        alona::add_status_command,  alona::add_health_command,  alona::add_doctor_command,
        alona::add_node_command,    alona::add_user_command,    alona::add_export_command,
        alona::add_import_command,  alona::add_sql_command,     alona::add_rejects_command,
        alona::add_backup_command,  alona::add_restore_command, alona::add_check_command,
        alona::add_upgrade_command, alona::add_request_command, alona::add_bundle_command,
        alona::add_clock_command,   alona::add_tail_command,    alona::add_version_command}) {
    add(app, context);
  }
  alona::add_sim_command(app, context.exit_code);
  name_common_options(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& done) {  // --help
    return app.exit(done);
  } catch (const CLI::ParseError& error) {
    say_wrong_usage(app, error);
    return wrong_usage;
  }
  return printed_all(context.exit_code);
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
    alona::say(stderr, fmt::format("alona: {}\nThis is a fault of the program.\n", error.what()));
    return EXIT_FAILURE;
  }
}
