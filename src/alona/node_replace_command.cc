// `alona node replace | counter`: a new device or meter in an old one's place, with the history going on.
#include <fmt/format.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <iostream>
#include <memory>

#include "alona/cli.h"
#include "alona/core_client.h"
#include "alona/node_counters.h"
#include "alona/node_shared.h"
#include "protocol/topic.h"
#include "store/decimal.h"

namespace alona {
namespace {
namespace json = boost::json;

struct Options {
  std::string id, sensor, unit, host;
  std::vector<std::string> begins;  // SENSOR=NUMBER
  std::string goes_on_from, begins_at;
  bool undo = false, yes = false;
};

std::string target(const std::string& id, std::string_view what) {
  return fmt::format("/api/v1/nodes/{}/{}", id, what);
}

Result<std::string> ask(const ops::Config& config, std::string_view method, const std::string& id,
                        std::string_view what, const json::value& body) {
  const ops::Paths paths{config};
  const auto answer = ask_core(paths, method, target(id, what), body.is_null() ? "" : json::serialize(body));
  // A sensor that isn't there comes with those that are.
  const bool no_sensor = !answer && answer.error().next.starts_with("It has ");
  if (!answer) return std::unexpected(no_sensor ? answer.error() : for_shell(answer.error(), id));
  if (*answer) return **answer;
  Error stopped = core_is_stopped(paths);
  stopped.code = Errc::temporary;
  stopped.next =
      "Start the core and do it again: it alone knows what it has stored last, and what waits at the "
      "broker may still be of the old meter.";
  return std::unexpected(std::move(stopped));
}

Result<void> show(const Context& context, const std::string& body, const std::string& sensor) {
  if (context.json) return fmt::print("{}\n", body), Result<void>{};
  const auto counters = read_counters(body);
  if (!counters) return std::unexpected(counters.error());
  std::string text;
  for (const Counter& c : *counters) {
    if (!sensor.empty() && c.sensor != sensor) continue;
    const std::string last = c.last ? fmt::format("{}", *c.last) : "-";
    const std::string meter = c.last ? fmt::format("{}", store::decimal_sum(*c.last, -c.base)) : "-";
    text += fmt::format("{:<32} {:>16} {:>16} {:>16}  {}\n", named(c), last, c.base, meter,
                        !c.changed.empty()  ? "carried on since " + c.changed
                        : c.kind == "rises" ? "only rises"
                                            : "");
  }
  if (text.empty())
    return fmt::print("No readings yet{}.\n", sensor.empty() ? "" : " of that sensor"), Result<void>{};
  fmt::print("{}\n{}",
             bold(fmt::format("{:<32} {:>16} {:>16} {:>16}", "sensor", "stored last", "added to it",
                              "the meter said")),
             text);
  return {};
}

json::object change_of(const Options& o) {
  json::object change{{"sensor", o.sensor}};
  if (!o.unit.empty()) change["unit"] = o.unit;
  if (o.undo) return change["undo"] = true, change;
  if (!o.goes_on_from.empty()) change["goes_on_from"] = o.goes_on_from;
  change["begins_at"] = o.begins_at.empty() ? "0" : o.begins_at;
  return change;
}

std::string question(const Options& o) {
  if (o.undo) return fmt::format("The last change of {} of {} is taken back. Go on?", o.sensor, o.id);
  return fmt::format("{} of {} goes on from {} where the meter says {}. Go on?", printable(o.sensor), o.id,
                     o.goes_on_from.empty() ? "what is stored last" : printable(o.goes_on_from),
                     o.begins_at.empty() ? "0" : printable(o.begins_at));
}

Result<void> counter(Context& context, const ops::Config& config, const Options& o) {
  if (auto good = check_id(o.id); !good) return good;
  if (!o.undo && o.goes_on_from.empty() && o.begins_at.empty()) {
    const auto body = ask(config, "GET", o.id, "counters", nullptr);
    return body ? show(context, *body, o.sensor) : std::unexpected(body.error());
  }
  if (!protocol::valid_name(o.sensor))
    return fail(Errc::usage, "no sensor is named", fmt::format("`alona node counter {}` shows all.", o.id));
  if (!o.yes && !confirmed(question(o))) return not_confirmed();
  const auto body =
      ask(config, "POST", o.id, "counters", json::object{{"counters", json::array{change_of(o)}}});
  if (!body) return std::unexpected(body.error());
  if (context.json) return fmt::print("{}\n", *body), Result<void>{};
  boost::system::error_code bad;
  const auto answer = json::parse(*body, bad);
  const auto* list = bad || !answer.is_object() ? nullptr : answer.get_object().if_contains("counters");
  if (list == nullptr || !list->is_array() || list->get_array().empty())
    return fail(Errc::failed, "the core's answer can't be read", "Is the running core of another version?");
  const json::object& one = list->get_array()[0].as_object();
  fmt::print("{}{} is added to each reading of {} ({}) of {} from now on.\n",
             one.at("changed").as_bool() ? "" : "It was so already: ", one.at("base").to_number<double>(),
             o.sensor, printable(std::string_view{one.at("unit").as_string()}), o.id);
  return {};
}

// Asks for each series that counts; the person says, nothing is guessed.
std::vector<std::string> asked(const std::vector<Counter>& counters) {
  std::vector<std::string> begins;
  for (const Counter& c : counters) {
    if (c.kind.empty() || !c.last) continue;
    fmt::print(
        stderr,
        "{}: {} was stored last, {}.\nWhat does the new one say when it begins? [0; n: this doesn't count] ",
        named(c), *c.last, c.last_at);
    std::string line;
    if (!std::getline(std::cin, line) || line == "n" || line == "N" || line == "no") continue;
    begins.push_back(fmt::format("{}={}", c.sensor, line.empty() ? "0" : line));
  }
  return begins;
}

Result<json::array> changes_of(const std::vector<std::string>& begins) {
  json::array changes;
  for (const std::string& one : begins) {
    const std::size_t at = one.find('=');
    if (at == std::string::npos || !protocol::valid_name(one.substr(0, at)))
      return fail(Errc::usage, fmt::format("\"{}\" isn't SENSOR=NUMBER", printable(one)),
                  "Such as --begins-at energy=0.");
    changes.push_back(json::object{{"sensor", one.substr(0, at)}, {"begins_at", one.substr(at + 1)}});
  }
  return changes;
}

// Without the core only the login is new; its counters wait for it.
Result<Credentials> without_core(const ops::Config& config, const Options& o) {
  if (!o.begins.empty()) return std::unexpected(ask(config, "GET", o.id, "counters", nullptr).error());
  auto offline = Offline::open(config);
  if (!offline) return std::unexpected(offline.error());
  return offline->rotate_node(o.id);
}

Result<void> replace(Context& context, const ops::Config& config, const Options& o) {
  if (auto good = check_id(o.id); !good) return good;
  const ops::Paths paths{config};
  const auto body = ask_core(paths, "GET", target(o.id, "counters"));
  if (!body) return std::unexpected(for_shell(body.error(), o.id));
  std::vector<Counter> counters;
  if (*body) {
    auto read = read_counters(**body);
    if (!read) return std::unexpected(read.error());
    counters = std::move(*read);
  }
  if (!o.yes && !confirmed(fmt::format(
                    "The device that is {} now is out at once, and a new one takes its place. Go on?", o.id)))
    return not_confirmed();
  const auto begins = o.begins.empty() && !o.yes ? asked(counters) : o.begins;
  const auto changes = changes_of(begins);
  if (!changes) return std::unexpected(changes.error());
  Result<Credentials> given = std::unexpected(Error{});
  if (*body) {
    const auto made = ask(config, "POST", o.id, "replace", json::object{{"counters", *changes}});
    given = made ? credentials_of(*made) : std::unexpected(made.error());
  } else {
    given = without_core(config, o);
  }
  if (!given) return std::unexpected(given.error());
  show_credentials(context, config, o.host, *given);
  for (const Counter& c : counters) {
    const bool carried =
        std::ranges::any_of(begins, [&](const auto& b) { return b.starts_with(c.sensor + "="); });
    if (!carried && c.kind == "rises" && o.yes)
      fmt::print(
          stderr,
          "alona: {} has only risen so far and was left as it is. Should it go on: `alona node counter {} {} "
          "--begins-at 0`.\n",
          named(c), o.id, c.sensor);
  }
  return {};
}

}  // namespace

void add_replace_commands(CLI::App& node, Context& context) {
  const auto options = std::make_shared<Options>();
  auto* one = node.add_subcommand(
      "replace", "A new device in a node's place: a new password, the old device out, counters carried on");
  one->add_option("ID", options->id, "The node")->required();
  one->add_option(
         "--begins-at", options->begins,
         "SENSOR=NUMBER: this series counts, and the new device begins at that number; goes on from what is "
         "stored last")
      ->take_all();
  one->add_option("--host", options->host, "The broker's address as the node reaches it");
  one->add_flag("--yes", options->yes, "Don't ask; only what --begins-at names is carried on");
  one->footer("Example:\n  alona node replace meter --begins-at energy=0");
  one->callback(with_config(context, options, replace));

  auto* counting = node.add_subcommand(
      "counter", "Counters of a node: shows them, carries one on behind a new meter, takes that back");
  counting->add_option("ID", options->id, "The node")->required();
  counting->add_option("SENSOR", options->sensor, "The counter, such as energy; alone: shows it");
  counting->add_option("--begins-at", options->begins_at,
                       "What the new meter says when it begins (default: 0)");
  counting->add_option("--goes-on-from", options->goes_on_from,
                       "The number that the history goes on from there (default: what is stored last)");
  counting->add_option("--unit", options->unit, "Where the sensor has readings in more than one");
  counting->add_flag("--undo", options->undo, "Take the last change back, from now on");
  counting->add_flag("--yes", options->yes, "Don't ask");
  counting->footer("Example:\n  alona node counter meter energy --goes-on-from 1234.5 --begins-at 0");
  counting->callback(with_config(context, options, counter));
}

}  // namespace alona
