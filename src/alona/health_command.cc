// `alona health`: a round of checks, by a timer or by hand.
#include <fmt/format.h>

#include "alona/cli.h"
#include "alona/health_record.h"
#include "base/log.h"

namespace alona {
namespace {

using State = HealthCheck::State;

std::string line_of(const HealthEntry& e) {
  return fmt::format("{}: {}. {}", printable(e.check.id), printable(e.check.what), printable(e.check.next));
}

void print(const HealthRound& round) {
  for (const HealthEntry& e : round.entries) {
    if (e.check.state == State::ok) fmt::print("ok       {}\n", printable(e.check.id));
    if (e.check.state == State::unknown)
      fmt::print("unknown  {}: {}\n", printable(e.check.id), printable(e.check.what));
  }
  for (const HealthEntry& e : round.entries) {
    if (e.check.state != State::failing) continue;
    fmt::print("{}  {}: {}\n         since {}\n         {}\n", red("failing"), printable(e.check.id),
               printable(e.check.what), iso8601(e.since), printable(e.check.next));
  }
  fmt::print("{}\n", round.well() ? "All is well." : "Something needs you.");
}

Result<bool> look(const Context& context) {
  const auto config = context.config();
  if (!config) return std::unexpected(config.error());
  const ops::Paths paths{*config};
  const SystemClock clock;
  const HealthRound round = round_of(health_checks(*config, clock), read_record(paths), clock.utc());
  const bool under_systemd =
      std::getenv("JOURNAL_STREAM") != nullptr;  // NOLINT(concurrency-mt-unsafe): one thread
  if (under_systemd) {
    log::init(true);
    for (const HealthEntry& e : round.entries) {
      if (e.check.state == State::failing) spdlog::warn("{}", line_of(e));
    }
    for (const std::string& id : round.cleared) spdlog::info("{}: well again", printable(id));
  } else if (context.json) {
    fmt::print("{}", record_text(round));
  } else {
    print(round);
  }
  // A disk that takes nothing is what the round has said already.
  if (auto kept = put_record(paths, round); !kept) fmt::print(stderr, "alona: {}\n", kept.error().what);
  return round.well();
}

}  // namespace

void add_health_command(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("health", "A round of checks, beside the core; keeps what it finds");
  command->footer("Ends with 0 when all is well, 1 when something fails.\nExample:\n  alona health");
  command->callback([&context] {
    const auto well = look(context);
    if (!well) return context.end(well.error());
    context.exit_code = *well ? 0 : 1;
  });
}

}  // namespace alona
