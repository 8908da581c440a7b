// `alona clock`: tells the box the time, where neither a network nor a visitor's browser does.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <memory>

#include "alona/cli.h"
#include "alona/core_client.h"
#include "base/time.h"

namespace alona {
namespace {

namespace json = boost::json;

Result<void> tell(const Context& context, const std::string& text) {
  const auto config = context.config();
  if (!config) return std::unexpected(config.error());
  const auto utc = parse_iso8601(text);
  if (!utc)
    return fail(Errc::usage, fmt::format("\"{}\" is no time", printable(text)),
                "In UTC, as in 2026-11-24T18:42:07Z; on a computer that knows it, `date -u +%FT%TZ`.");
  const ops::Paths paths{*config};
  const auto answer =
      ask_core(paths, "POST", "/api/v1/clock", json::serialize(json::object{{"time", iso8601(*utc)}}));
  if (!answer) return std::unexpected(answer.error());
  if (!*answer) return std::unexpected(core_is_stopped(paths));
  if (context.json)
    fmt::print("{}\n", json::serialize(json::object{{"time", iso8601(*utc)}}));
  else
    fmt::print("The time is {} now, and what came before since the start is timed by it.\n", iso8601(*utc));
  return {};
}

}  // namespace

void add_clock_command(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("clock", "Tell the box what time it is");
  const auto time = std::make_shared<std::string>();
  command->add_option("TIME", *time, "In UTC, as in 2026-11-24T18:42:07Z")->required();
  command->footer(
      "A computer whose clock is right can say it.\nExample:\n"
      "  ssh BOX sudo alona clock $(date -u +%FT%TZ)");
  command->callback([&context, time] {
    if (const auto told = tell(context, *time); !told) context.end(told.error());
  });
}

}  // namespace alona
