// `alona doctor`: everything tried, each finding with why it matters and how to mend it.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>

#include "alona/cli.h"
#include "alona/doctor.h"

namespace alona {
namespace {

namespace json = boost::json;
using State = DoctorCheck::State;

const char* name(State state) {
  return state == State::ok        ? "ok"
         : state == State::note    ? "note"
         : state == State::failing ? "failing"
                                   : "unknown";
}

void print(const DoctorCheck& check) {
  const std::string word = fmt::format("{:<8}", name(check.state));
  const std::string what = check.what.empty() ? "" : ": " + printable(check.what);
  fmt::print("{} {}{}\n", check.state == State::failing ? red(word) : word, printable(check.id), what);
  if (check.state == State::failing || check.state == State::note) {
    fmt::print("         {}\n         {}\n         More: {}\n", why_it_matters(check.id),
               printable(check.next), runbook_place(printable(check.id)));
  }
  std::fflush(stdout);
}

json::object as_json(const DoctorCheck& check) {
  return {{"id", check.id},     {"state", name(check.state)},
          {"what", check.what}, {"why", why_it_matters(check.id)},
          {"next", check.next}, {"anchor", runbook_place(check.id)}};
}

Result<bool> look(const Context& context) {
  const auto config = context.config();
  if (!config) return std::unexpected(config.error());
  const SystemClock clock;
  const Patient patient{.config = *config, .clock = clock};
  // One line that comes and goes, where a person watches.
  const bool watched = ::isatty(STDERR_FILENO) == 1;
  const auto clear = [&] {
    if (watched) fmt::print(stderr, "\r\x1b[K");
  };
  const auto checks = examine(
      patient,
      [&](std::string_view what) {
        if (watched) fmt::print(stderr, "\r\x1b[Klooking at {} …", what);
      },
      [&](const DoctorCheck& check) {
        clear();
        if (!context.json) print(check);
      });
  clear();
  const bool well = std::ranges::none_of(checks, [](const auto& c) { return c.state == State::failing; });
  if (context.json) {
    json::array all;
    for (const DoctorCheck& check : checks) all.push_back(as_json(check));
    fmt::print("{}\n",
               json::serialize(json::object{{"at", count(clock.utc())}, {"well", well}, {"checks", all}}));
  } else {
    const auto unseen = std::ranges::count(checks, State::unknown, &DoctorCheck::state);
    fmt::print("{}{}\n", well ? "Nothing is wrong that could be looked at." : "Something is wrong.",
               unseen == 0        ? ""
               : ::geteuid() != 0 ? " As root (sudo) more can be looked at."
                                  : "");
  }
  return well;
}

}  // namespace

void add_doctor_command(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("doctor", "Everything tried, with how to mend what is found");
  command->footer(
      "Logs in at the broker as users of Alona's own, never as a node; changes nothing that stays.\n"
      "Ends with 0 when nothing is wrong, 1 when something is.\nExample:\n  sudo alona doctor");
  command->callback([&context] {
    const auto well = look(context);
    if (!well) return context.end(well.error());
    context.exit_code = *well ? 0 : 1;
  });
}

}  // namespace alona
