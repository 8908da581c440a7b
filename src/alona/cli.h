// What the commands share: where the configuration is, how they print, how they end. A command registers
// itself with CLI11 in its own file (add_…_command) and leaves its exit code in the context.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>

#include "base/error.h"
#include "ops/config.h"

namespace alona {

struct Context {
  std::string config_path;  // empty: the default, which may be absent
  bool json = false;
  int exit_code = 0;

  [[nodiscard]] Result<ops::Config> config() const;
  // Prints the error to stderr and sets its exit code.
  void end(const Error& error);
};

// stdout is a terminal and NO_COLOR isn't set.
[[nodiscard]] bool colour_wanted();
// In a colour, when colours are wanted.
[[nodiscard]] std::string red(std::string_view text);
[[nodiscard]] std::string bold(std::string_view text);
// A stranger's bytes for a terminal or JSON: control characters (with them escape sequences) and what isn't
// UTF-8 become \xNN.
[[nodiscard]] std::string printable(std::string_view text);
// Who has given the command; behind sudo, who has called it.
[[nodiscard]] std::string shell_user();

// A password from a file ("-": stdin), else asked for on the terminal without echo, twice if `confirm`. Never
// from the command line, where every user of the machine could read it. usage: neither a file nor a terminal.
[[nodiscard]] Result<std::string> read_password(const std::string& file, std::string_view prompt,
                                                bool confirm);
// Yes or no on the terminal; no when there is none.
[[nodiscard]] bool confirmed(std::string_view question);

void add_setup_command(CLI::App& app, Context& context);
void add_core_command(CLI::App& app, Context& context);
void add_demo_command(CLI::App& app, Context& context);
void add_status_command(CLI::App& app, Context& context);
void add_health_command(CLI::App& app, Context& context);
void add_doctor_command(CLI::App& app, Context& context);
void add_node_command(CLI::App& app, Context& context);
void add_upgrade_command(CLI::App& app, Context& context);
void add_request_command(CLI::App& app, Context& context);
void add_user_command(CLI::App& app, Context& context);
void add_export_command(CLI::App& app, Context& context);
void add_backup_command(CLI::App& app, Context& context);
void add_bundle_command(CLI::App& app, Context& context);
void add_clock_command(CLI::App& app, Context& context);
void add_check_command(CLI::App& app, Context& context);
void add_import_command(CLI::App& app, Context& context);
void add_restore_command(CLI::App& app, Context& context);
void add_rejects_command(CLI::App& app, Context& context);
void add_sql_command(CLI::App& app, Context& context);
void add_tail_command(CLI::App& app, Context& context);
void add_version_command(CLI::App& app, Context& context);
void add_sim_command(CLI::App& app, int& exit_code);

}  // namespace alona
