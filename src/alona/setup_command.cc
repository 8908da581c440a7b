// `alona setup`: the first start.
#include <fmt/format.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "alona/capture.h"
#include "alona/cli.h"
#include "alona/core_client.h"
#include "ops/backup_timer.h"
#include "ops/broker_files.h"
#include "ops/lan.h"
#include "ops/paths.h"
#include "ops/setup.h"

namespace alona {
namespace {

struct Options {
  std::string admin = "admin";
  std::string password_file;
};

// By name: empty where it has none, or listens on one address alone.
std::string page_address(const ops::Config& config, bool by_name) {
  const auto listen = ops::parse_listen(config.web.listen);
  if (!listen) return {};
  const bool everywhere = listen->host == "0.0.0.0" || listen->host == "::";
  if (by_name && !everywhere) return {};
  const std::string host = by_name ? ops::lan_name() : everywhere ? ops::lan_address() : listen->host;
  if (host.empty()) return {};
  return fmt::format("http://{}:{}/", host.find(':') == std::string::npos ? host : "[" + host + "]",
                     listen->port);
}

// Of the box that the package has installed, which root alone may change; a trial beside it has no timer.
std::filesystem::path backup_timer(const ops::Config& config) {
  std::error_code unseen;
  const bool installed = ops::Paths{config}.data() == "/var/lib/alona" &&
                         std::filesystem::exists("/lib/systemd/system/alona-backup.timer", unseen);
  return installed && ::geteuid() == 0 ? ops::backup_timer_drop_in : "";
}

// Where systemd doesn't go by the settings yet: also after a run that was cut short. A timer that isn't
// started stays so.
void reload_timer(std::chrono::minutes at) {
  std::error_code unseen;
  if (!std::filesystem::exists("/run/systemd/system", unseen)) return;
  const auto said = run_to_end({"systemctl", "show", "--property=Id,TimersCalendar", "alona-backup.timer"});
  const auto units = ops::parse_show(said ? said->text : "");
  if (units.empty() || !ops::another_backup_time(units.front(), at)) return;
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"systemctl", "daemon-reload"},
        {"systemctl", "--no-block", "try-restart", "alona-backup.timer"}}) {
    const auto ran = run_to_end(words);
    if (ran && ran->exit_code == 0) continue;
    fmt::print(stderr,
               "systemd doesn't take the time of the backup: {}\nTry `sudo systemctl daemon-reload`, then "
               "`sudo systemctl restart alona-backup.timer`.\n",
               ran ? ran->text : ran.error().what);
    return;
  }
}

void print_json(const ops::SetupReport& report, const ops::Config& config, const Options& options) {
  boost::json::array steps;
  for (const auto& step : report.steps) steps.push_back({{"what", step.what}, {"changed", step.changed}});
  boost::json::object out{{"changed", report.changed()},
                          {"steps", steps},
                          {"url", page_address(config, false)},
                          {"url_by_name", page_address(config, true)},
                          {"user", options.admin},
                          {"broker_must_reload", report.broker_must_reload}};
  if (report.new_password) out["password"] = *report.new_password;
  fmt::print("{}\n", boost::json::serialize(out));
}

void print_text(const ops::SetupReport& report, const ops::Config& config, const Options& options) {
  for (const auto& step : report.steps)
    fmt::print("{:<8} {}\n", step.changed ? "made" : "is there", step.what);
  if (!report.changed()) fmt::print("\nNothing was missing; nothing was changed.\n");
  const ops::Paths paths{config};
  constexpr const char* installed = "/etc/mosquitto/conf.d/alona.conf";
  if (report.broker_must_reload && !std::filesystem::exists(installed)) {
    fmt::print("\nThe broker: copy {} to {} and run `systemctl restart mosquitto`.\n",
               (paths.broker() / "alona.conf").string(), installed);
  } else if (report.broker_must_reload) {
    fmt::print("\nThe broker must read its files again: `systemctl reload mosquitto`.\n");
  }
  if (report.new_password) {
    fmt::print("\nPassword of {}, shown once: {}\n", options.admin, bold(*report.new_password));
  }
  const std::string by_name = page_address(config, true);
  fmt::print("\nThe page, once the core runs: {}{}{}\n", by_name, by_name.empty() ? "" : " or ",
             page_address(config, false));
}

Result<void> run_setup(const Context& context, const Options& options) {
  const auto config = context.config();
  if (!config) return std::unexpected(config.error());
  ops::SetupOptions wanted{
      .admin = options.admin, .password = {}, .ask_core = {}, .backup_timer = backup_timer(*config)};
  if (!options.password_file.empty()) {
    auto password = read_password(options.password_file, {}, false);
    if (!password) return std::unexpected(password.error());
    wanted.password = std::move(*password);
  }
  wanted.ask_core = [&config](const std::string& name, const std::string& password) -> Result<bool> {
    const boost::json::object body{{"name", name}, {"password", password}};
    const auto answer = ask_core(ops::Paths{*config}, "POST", "/api/v1/users", boost::json::serialize(body));
    if (!answer) return std::unexpected(answer.error());
    return answer->has_value();
  };
  ops::SetupReport report;
  const auto done = ops::set_up(*config, wanted, report);
  if (!done) {
    for (const auto& step : report.steps) {
      if (step.changed) fmt::print(stderr, "made     {}\n", step.what);
    }
    return with_context("setting up", done.error());
  }
  if (!wanted.backup_timer.empty()) reload_timer(config->backup.at);
  context.json ? print_json(report, *config, options) : print_text(report, *config, options);
  return {};
}

}  // namespace

void add_setup_command(CLI::App& app, Context& context) {
  auto* command =
      app.add_subcommand("setup", "First start: folders, broker files, database, first user of the page");
  const auto options = std::make_shared<Options>();
  command->add_option("--admin", options->admin, "Name of the page's first user (default admin)");
  command->add_option("--password-file", options->password_file,
                      "Its password, - for standard input (default: one is made up and shown once)");
  command->footer(
      "Makes what is missing and leaves what is there; run it as often as you like. Gives the timer of the "
      "daily\nbackup the time that the settings say.\n"
      "Example:\n  alona setup --admin anna");
  command->callback([&context, options] {
    if (const auto done = run_setup(context, *options); !done) context.end(done.error());
  });
}

}  // namespace alona
