// `alona sql`: questions in SQL, beside a running core or without one. It only reads.
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <iostream>
#include <memory>

#include "alona/cli.h"
#include "alona/sql_output.h"
#include "ops/paths.h"
#include "store/sql.h"

namespace alona {
namespace {

std::atomic<bool> cancelled = false;  // by Ctrl-C, which knows no object
static_assert(std::atomic<bool>::is_always_lock_free);

struct Options {
  std::string query;
  std::string format = "table";
};

constexpr std::string_view help =
    "The table readings has time, node, sensor, value, unit and quality as `alona export` prints them;\n"
    "time is text in UTC, to which SQLite's date functions apply. `node = …`, `sensor = …` and bounds of\n"
    "time are quick, whatever the history's length. PRAGMA table_list names the other tables.\n"
    "Without QUERY it reads statements, each ended by a semicolon, from standard input.\n"
    "Examples:\n"
    "  alona sql \"select date(time) as day, round(avg(value), 1), max(value) from readings\n"
    "             where node = 'well' and sensor = 'level' and time >= '2026-01-01' group by day\"\n"
    "  alona sql \"select node, sensor, count(*), max(time) from readings group by node, sensor\"\n"
    "  alona sql --format csv \"select * from readings where time >= '2026-11-01'\" >november.csv";

void heed_ctrl_c() {
  struct sigaction action{};
  action.sa_handler = [](int) { cancelled = true; };
  ::sigaction(SIGINT, &action, nullptr);  // without SA_RESTART, so that it ends a wait for input too
}

Result<void> run_one(store::Sql& sql, std::string_view text, SqlOutput& output) {
  return sql.run(text, output.sink());
}

// From a file or pipe the first failure ends it; to a person it is said, and the next may come.
Result<void> run_input(Context& context, store::Sql& sql, SqlOutput& output) {
  const bool person = ::isatty(STDIN_FILENO) == 1;
  std::string text, line;
  if (person) fmt::print("Statements end with a semicolon; Ctrl-D leaves.\n");
  const auto prompt = [&] {
    if (!person) return;
    fmt::print("{}", text.empty() ? "alona> " : "  ...> ");
    std::fflush(stdout);
  };
  for (prompt(); !output.closed() && std::getline(std::cin, line); prompt()) {
    text += line + "\n";
    if (!store::Sql::complete(text)) continue;
    const auto done = run_one(sql, std::exchange(text, {}), output);
    if (!done && !person) return done;
    if (!done) context.end(done.error());
    cancelled = false;
  }
  if (person) fmt::print("\n");
  context.exit_code = 0;
  return person || cancelled ? Result<void>{} : run_one(sql, text, output);
}

Result<void> run_sql(Context& context, const Options& options) {
  const auto config = context.config();
  if (!config) return std::unexpected(config.error());
  heed_ctrl_c();
  auto sql = store::Sql::open(ops::Paths{*config}.database(), cancelled);
  if (!sql) return std::unexpected(sql.error());
  const bool json = context.json || options.format == "json";
  SqlOutput output{json                      ? SqlOutput::Form::json
                   : options.format == "csv" ? SqlOutput::Form::csv
                                             : SqlOutput::Form::table};
  auto done = options.query.empty() ? run_input(context, *sql, output) : run_one(*sql, options.query, output);
  // A reader that has seen enough, such as head(1), is no failure; a full disk is said by main.
  if (output.closed() && errno == EPIPE) std::clearerr(stdout);
  return done;
}

}  // namespace

void add_sql_command(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("sql", "Questions in SQL; only reads");
  const auto options = std::make_shared<Options>();
  command->add_option("QUERY", options->query, "One or more statements");
  command
      ->add_option("--format", options->format, "table (default), csv, or json: an object a row, as --json")
      ->check(CLI::IsMember({"table", "csv", "json"}));
  command->footer(std::string(help));
  command->callback([&context, options] {
    ::signal(SIGPIPE, SIG_IGN);  // the failing write says it
    if (const auto done = run_sql(context, *options); !done) context.end(done.error());
  });
}

}  // namespace alona
