#include "sim/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/files.h"
#include "base/limits.h"
#include "protocol/topic.h"

namespace alona::sim {
namespace {

constexpr std::size_t nodes_max = 10'000;

std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

Result<std::vector<Credentials>> from_file(const SimOptions& options) {
  const auto text = files::read(options.credentials_file);
  if (!text) return with_context("reading the credentials", text.error());
  std::vector<Credentials> all;
  std::string_view rest = *text;
  for (int number = 1; !rest.empty(); ++number) {
    const std::string_view line = take_line(rest);
    if (line.empty() || line.starts_with('#')) continue;
    const std::size_t gap = line.find_first_of(" :\t");
    const std::string id{line.substr(0, gap)};
    if (gap == std::string_view::npos || gap + 1 == line.size() || !protocol::valid_node_id(id))
      return fail(Errc::usage,
                  fmt::format("{}:{}: not \"node_id password\"", options.credentials_file.string(), number),
                  "Write one node a line: its id, a space, its password.");
    all.push_back({id, id, std::string{line.substr(gap + 1)}});
  }
  if (all.size() < options.nodes)
    return fail(Errc::usage,
                fmt::format("{} has {} nodes, but {} are to be simulated", options.credentials_file.string(),
                            all.size(), options.nodes),
                "Give a smaller --nodes or more credentials.");
  all.resize(options.nodes);
  return all;
}

std::string id_of(const SimOptions& options, std::size_t index) {
  if (!options.node_id.empty()) return options.node_id;
  if (!options.user.empty() && options.nodes == 1) return options.user;
  const std::string kind = options.series > 0        ? "bench"
                           : !options.replay.empty() ? "replay"
                           : options.kind == "mixed"
                               ? std::vector<std::string>{"environment", "well", "meter"}[index % 3]
                               : options.kind;
  return fmt::format("{}-{}", kind, index + 1);
}

}  // namespace

Result<std::vector<Credentials>> credentials(const SimOptions& options) {
  if (!options.credentials_file.empty()) return from_file(options);
  std::string password;
  if (!options.password_file.empty()) {
    const auto text = files::read(options.password_file);
    if (!text) return with_context("reading the password", text.error());
    std::string_view rest = *text;
    password = take_line(rest);
  }
  std::vector<Credentials> all;
  all.reserve(options.nodes);
  for (std::size_t i = 0; i < options.nodes; ++i) all.push_back({id_of(options, i), options.user, password});
  return all;
}

Result<void> check(const SimOptions& options) {
  const auto wrong = [](std::string what) {
    return fail(Errc::usage, std::move(what), "See alona sim --help.");
  };
  if (options.nodes < 1 || options.nodes > nodes_max)
    return wrong(fmt::format("--nodes must be 1 to {}", nodes_max));
  const auto kinds = {"environment", "well", "meter", "mixed"};
  if (std::ranges::find(kinds, options.kind) == kinds.end())
    return wrong(fmt::format("--kind '{}' is none of environment, well, meter, mixed", options.kind));
  if (!(options.speed >= 0) || !(options.duration_s >= 0) || !(options.rate >= 0) || !(options.drain_s >= 0))
    return wrong("--speed, --duration, --rate and --drain must not be negative");
  if (options.speed == 0 && options.replay.empty() && options.duration_s == 0 && options.messages == 0)
    return wrong("--speed 0 needs an end: --replay, --duration or --messages");
  if (!options.replay.empty() && options.series > 0) return wrong("--replay and --series exclude each other");
  if (!options.node_id.empty() && (options.nodes > 1 || !protocol::valid_node_id(options.node_id)))
    return wrong("--node-id wants a valid id and a single node");
  const Faults& f = options.faults;
  for (const double chance : {f.clock_wrong, f.bad_payload, f.duplicate, f.qos0})
    if (!(chance >= 0 && chance <= 1))
      return wrong("--clock-wrong, --bad-payload, --duplicate and --qos0 are chances from 0 to 1");
  if (!(f.drop_wifi_per_hour >= 0) || !(f.reboot_per_hour >= 0))
    return wrong("--drop-wifi and --reboot are times an hour, not negative");
  return {};
}

}  // namespace alona::sim
