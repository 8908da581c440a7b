// `alona status`: one screen, is everything all right.
#include <fmt/format.h>

#include "alona/cli.h"
#include "alona/core_client.h"
#include "alona/status_health.h"
#include "backup/second_state.h"
#include "ops/lan.h"
#include "ops/status.h"

namespace alona {
namespace {

// "second    copy of 2026-11-25: alona-cabin-….tar.zst"; nothing without a second target.
std::string second_line(const ops::Config& config, const ops::Paths& paths) {
  if (config.backup.second_target.empty()) return {};
  const backup::SecondState state = backup::second_state(paths.backups());
  const std::string last = state.copied ? fmt::format("copy of {}: {}", iso8601(*state.copied).substr(0, 10),
                                                      printable(state.name))
                                        : "no copy yet";
  const auto trouble = state.trouble_since();
  const std::string now = !trouble ? ""
                                   : fmt::format("; {} since {}", state.missing ? "not there" : "failing",
                                                 iso8601(*trouble).substr(0, 10));
  return fmt::format("\nsecond    {}{}\n", last, now);
}

// The core's overview as it came, with what else there is.
std::string json_of(const std::optional<std::string>& overview, const std::string& health) {
  if (!overview) return fmt::format(R"({{"core_answers":false,"health":{}}})", health);
  return fmt::format(R"({},"core_answers":true,"health":{}}})", overview->substr(0, overview->rfind('}')),
                     health);
}

// A dead core, or one without a database, hides nothing of what the last round of checks has found.
Error show_without_core(const Context& context, const ops::Config& config, const Error& why) {
  const ops::Paths paths{config};
  const UtcMs now = SystemClock{}.utc();
  const auto round = parse_record(read_record(paths));
  if (!round) return why;
  if (context.json)
    fmt::print("{}\n", json_of({}, round_json(round, now)));
  else
    fmt::print(
        "{}{}\n",
        ops::status_without_core(printable(config.core.site), beside_core(round, {}, now), colour_wanted()),
        second_line(config, paths));
  return why;
}

// "reached   alona.local, 192.168.1.2"
std::string reached_line() {
  const std::string name = ops::lan_name();
  return fmt::format("\nreached   {}{}\n", name.empty() ? "" : name + ", ", printable(ops::lan_address()));
}

Result<bool> show_status(const Context& context) {
  const auto config = context.config();
  if (!config) return std::unexpected(config.error());
  const ops::Paths paths{*config};
  const auto overview = ask_core(paths, "GET", "/api/v1/overview");
  if (!overview) return std::unexpected(show_without_core(context, *config, overview.error()));
  if (!*overview) return std::unexpected(show_without_core(context, *config, core_is_stopped(paths)));
  const UtcMs now = SystemClock{}.utc();
  const auto round = parse_record(read_record(paths));
  const auto screen = ops::status_screen(**overview, beside_core(round, *overview, now), colour_wanted());
  if (!screen) return std::unexpected(screen.error());
  if (context.json)
    fmt::print("{}\n", json_of(*overview, round_json(round, now)));
  else
    fmt::print("{}{}\n", screen->text, second_line(*config, paths) + reached_line());
  return screen->all_well;
}

}  // namespace

void add_status_command(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("status", "Is everything all right? One screen");
  command->footer(
      "Ends with 0 when all is well, 1 when something needs you, 4 when the core is stopped; then it says "
      "what\n"
      "the last round of checks has found.\nExample:\n  alona status");
  command->callback([&context] {
    const auto well = show_status(context);
    if (!well) return context.end(well.error());
    context.exit_code = *well ? 0 : 1;
  });
}

}  // namespace alona
