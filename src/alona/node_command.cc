// `alona node add | list | rotate | remove`; replace and counter are in node_replace_command.cc.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <memory>

#include "alona/cli.h"
#include "alona/core_client.h"
#include "alona/node_shared.h"
#include "alona/offline.h"
#include "ops/provisioning.h"
#include "store/reader.h"

namespace alona {
namespace {
namespace json = boost::json;

struct Options {
  std::string id, name, place;
  std::string host;  // as nodes reach the broker
  bool yes = false;
  bool all = false;
};

UtcMs now() { return SystemClock{}.utc(); }

Result<Credentials> add(const ops::Config& config, const Options& options) {
  const store::NodeRow wanted{.id = options.id, .name = options.name, .place = options.place};
  if (auto good = ops::check_wish(wanted); !good) return std::unexpected(good.error());
  const json::object body{{"id", options.id}, {"name", options.name}, {"place", options.place}};
  const auto answer = ask_core(ops::Paths{config}, "POST", "/api/v1/nodes", json::serialize(body));
  if (!answer) return std::unexpected(for_shell(answer.error(), options.id));
  if (*answer) return credentials_of(**answer);
  auto offline = Offline::open(config);
  if (!offline) return std::unexpected(offline.error());
  return offline->add_node(wanted, now());
}

Result<Credentials> rotate(const ops::Config& config, const std::string& id) {
  if (auto good = check_id(id); !good) return std::unexpected(good.error());
  const auto answer = ask_core(ops::Paths{config}, "POST", fmt::format("/api/v1/nodes/{}/rotate", id));
  if (!answer) return std::unexpected(for_shell(answer.error(), id));
  if (*answer) return credentials_of(**answer);
  auto offline = Offline::open(config);
  if (!offline) return std::unexpected(offline.error());
  return offline->rotate_node(id);
}

Result<void> remove(const ops::Config& config, const std::string& id) {
  if (auto good = check_id(id); !good) return good;
  const auto answer = ask_core(ops::Paths{config}, "DELETE", fmt::format("/api/v1/nodes/{}", id));
  if (!answer) return std::unexpected(for_shell(answer.error(), id));
  if (*answer) return {};
  auto offline = Offline::open(config);
  if (!offline) return std::unexpected(offline.error());
  return offline->remove_node(id, now());
}

Result<void> list(const Context& context, const ops::Config& config, bool all) {
  auto reader = store::Reader::open(ops::Paths{config}.database());
  if (!reader) return std::unexpected(reader.error());
  const auto nodes = reader->nodes();
  if (!nodes) return std::unexpected(nodes.error());
  json::array rows;
  std::string text;
  for (const auto& node : *nodes) {
    if (node.removed && !all) continue;
    rows.push_back({{"id", node.id},
                    {"name", node.name},
                    {"place", node.place},
                    {"created", iso8601(node.created)},
                    {"removed", node.removed},
                    {"may_lose", node.may_lose}});
    text += fmt::format("{:<33} {:<24} {:<20} {}{}\n", node.id, printable(node.name), printable(node.place),
                        iso8601(node.created).substr(0, 10), node.removed ? "  removed" : "");
  }
  if (context.json) {
    fmt::print("{}\n", json::serialize(rows));
  } else if (text.empty()) {
    fmt::print("No nodes yet: `alona node add ID` makes one known.\n");
  } else {
    fmt::print("{}",
               bold(fmt::format("{:<33} {:<24} {:<20} {}", "id", "name", "place", "added")) + "\n" + text);
  }
  return {};
}

Result<void> add_and_show(Context& context, const ops::Config& config, const Options& options) {
  const auto given = add(config, options);
  if (!given) return std::unexpected(given.error());
  show_credentials(context, config, options.host, *given);
  return {};
}

Result<void> rotate_and_show(Context& context, const ops::Config& config, const Options& options) {
  if (!options.yes &&
      !confirmed(fmt::format("{} is disconnected and stays away until it has the new password. Go on?",
                             printable(options.id)))) {
    return not_confirmed();
  }
  const auto given = rotate(config, options.id);
  if (!given) return std::unexpected(given.error());
  show_credentials(context, config, options.host, *given);
  return {};
}

Result<void> remove_and_say(Context&, const ops::Config& config, const Options& options) {
  if (!options.yes &&
      !confirmed(fmt::format("{} can no longer log in; its history stays. Go on?", printable(options.id)))) {
    return not_confirmed();
  }
  if (auto removed = remove(config, options.id); !removed) return removed;
  fmt::print("{} is removed; its history stays.\n", options.id);
  return {};
}

}  // namespace

void add_node_command(CLI::App& app, Context& context) {
  auto* node =
      app.add_subcommand("node", "Add, list, rotate, replace and remove nodes; counters behind a new meter");
  node->require_subcommand(1);
  node->footer("Example:\n  alona node add well --name \"Well\" --place garden");
  const auto options = std::make_shared<Options>();

  auto* add =
      node->add_subcommand("add", "Make a node known: a password, shown once, proven by a real login");
  add->add_option("ID", options->id, "Lower-case letters, digits, _ and -; never changes")->required();
  add->add_option("--name", options->name, "What people read");
  add->add_option("--place", options->place, "Where it is");
  add->add_option("--host", options->host,
                  "The broker's address as the node reaches it (default: this machine's)");
  add->footer("Example:\n  alona node add well --name \"Well\" --place garden");
  add->callback(with_config(context, options, add_and_show));

  auto* list_nodes = node->add_subcommand("list", "The nodes that are known");
  list_nodes->add_flag("--all", options->all, "Removed ones too");
  list_nodes->footer("Example:\n  alona node list --json");
  list_nodes->callback(with_config(
      context, options,
      [](Context& c, const ops::Config& config, const Options& o) { return list(c, config, o.all); }));

  auto* rotate = node->add_subcommand("rotate", "A new password; the node is disconnected until it has it");
  rotate->add_option("ID", options->id, "The node")->required();
  rotate->add_option("--host", options->host, "The broker's address as the node reaches it");
  rotate->add_flag("--yes", options->yes, "Don't ask");
  rotate->footer("Example:\n  alona node rotate well");
  rotate->callback(with_config(context, options, rotate_and_show));

  auto* remove = node->add_subcommand("remove", "Take a node's login away; its history stays");
  remove->add_option("ID", options->id, "The node")->required();
  remove->add_flag("--yes", options->yes, "Don't ask");
  remove->footer("Example:\n  alona node remove well --yes");
  remove->callback(with_config(context, options, remove_and_say));
  add_replace_commands(*node, context);
}

}  // namespace alona
