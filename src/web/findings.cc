#include "web/findings.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/limits.h"
#include "web/findings_room.h"

namespace alona::web {
namespace {
using store::Presence;
using namespace std::chrono_literals;

// A broker that restarts is back in seconds; a node that was just added needs time to be switched on.
constexpr auto broker_grace = 30s;
constexpr auto new_node_grace = 1h;
constexpr auto node_clock_recent = 24h;

// "3 h", or nothing to say when the times make no sense (a clock that was set back).
std::string for_time(std::optional<UtcMs> since, UtcMs now) {
  return since && *since < now ? " for " + duration_text(now - *since) : std::string{};
}

std::optional<Finding> of_broker(const Model& model, UtcMs now) {
  // A core that can't store leaves its broker: the cause is told, not its consequence.
  if (model.broker_connected() || model.storing_failed() || !room::takes_messages(model.disk().step) ||
      now - model.broker_since() < broker_grace)
    return std::nullopt;
  return Finding{
      "broker",
      Level::being_lost,
      fmt::format("The box has had no connection to its message broker{}",
                  for_time(model.broker_since(), now)),
      "No reading arrives. Nodes that wait for an answer keep theirs; others lose what they measure now.",
      "Wait a minute: it is restarted by itself. If it stays so, restart the box.",
      model.broker_since(),
      {}};
}

std::string_view reason(const Error& why) {
  switch (why.code) {
    case Errc::disk_full:
      return "the disk is full";
    case Errc::temporary:
      return "another program holds the database";
    case Errc::corrupt:
      return "the database is damaged";
    default:
      return "the database can't be written to";
  }
}

std::optional<Finding> of_storing(const Model& model, UtcMs now) {
  const auto& failed = model.storing_failed();
  if (!failed) return std::nullopt;
  const UtcMs since = model.storing_failed_since();
  return Finding{"storing",
                 Level::being_lost,
                 fmt::format("Readings haven't been stored{}: {}", for_time(since, now), reason(*failed)),
                 fmt::format("What comes waits at the message broker, up to {} messages. Nodes that wait for "
                             "an answer keep theirs; others lose what they measure after that.",
                             limits::broker_queued_max),
                 failed->next.empty() ? failed->what : failed->next,
                 since,
                 {}};
}

std::optional<Finding> of_clock(bool trusted) {
  if (trusted) return std::nullopt;
  return Finding{
      "clock",
      Level::needs_you,
      "The box doesn't know what time it is",
      "Nobody who knows has told it the time since it started. Times of new readings are marked as "
      "provisional and are put right later.",
      "Tell it the time from the device in your hand, or give the box an internet connection for a "
      "minute.",
      std::nullopt,
      {}};
}

std::optional<Finding> of_node(const NodeState& node, UtcMs now) {
  const std::string& id = node.row.id;
  switch (node.presence) {
    case Presence::online:
      return std::nullopt;
    case Presence::stale:
      return Finding{
          "silent:" + id,
          Level::needs_you,
          fmt::format("{} is silent{}", node.name(), for_time(node.last_seen, now)),
          "It sends later than it used to: no power, an empty battery, or no Wi-Fi where it stands.",
          "Look whether it has power and reaches the Wi-Fi. It catches up by itself with what it has kept.",
          node.last_seen ? node.last_seen : std::optional{node.presence_since},
          id};
    case Presence::offline:
      return Finding{
          "offline:" + id,
          Level::needs_you,
          fmt::format("{} is offline{}", node.name(), for_time(node.presence_since, now)),
          "It has said goodbye, or its connection broke off.",
          "Look whether it has power and reaches the Wi-Fi. It catches up by itself with what it has kept.",
          node.presence_since,
          id};
    case Presence::never_seen:
      if (now - node.row.created < new_node_grace) return std::nullopt;
      return Finding{"unseen:" + id,
                     Level::needs_you,
                     fmt::format("{} has never been heard from", node.name()),
                     "It is known here, but nothing has come from it yet.",
                     "Switch it on; check its name, its password and the box's address in its settings.",
                     node.row.created,
                     id};
  }
  return std::nullopt;
}

// As long as one of its series' latest readings was timed so.
std::optional<Finding> of_node_clock(const Model& model, const NodeState& node, UtcMs now) {
  for (const SeriesState* series : model.series_of(node.row.no)) {
    const auto& last = series->last;
    if (!last || (last->flags & store::flag::node_clock_wrong) == 0 || now - last->ts > node_clock_recent)
      continue;
    return Finding{
        "node_clock:" + node.row.id,
        Level::needs_you,
        fmt::format("{}'s clock is wrong", node.name()),
        "The time it gives lies in the future or long ago. Its readings are timed by when they arrive.",
        "Restart it. If it stays so, look at where it gets its time from.",
        std::nullopt,
        node.row.id};
  }
  return std::nullopt;
}

std::optional<Finding> of_rejects(const Model& model, UtcMs now) {
  const auto count = model.rejected_on(utc_day(now));
  if (count == 0) return std::nullopt;
  return Finding{
      "rejects",
      Level::needs_you,
      count == 1 ? std::string("One reading was refused today")
                 : fmt::format("{} readings were refused today", count),
      "A node sent what the box doesn't understand or may not take. The bytes are kept with the reason.",
      "On the box: `alona rejects list` says of each what is wrong.",
      std::nullopt,
      {}};
}

std::optional<Finding> of_emptiness(const Model& model) {
  if (!model.nodes().empty()) return std::nullopt;
  return Finding{"no_nodes",
                 Level::needs_you,
                 "No node is known yet",
                 "There is nothing to show.",
                 "Add one under Settings, or in a shell: sudo alona node add NAME",
                 std::nullopt,
                 {}};
}
}  // namespace

std::vector<Finding> findings(const Model& model, UtcMs now, bool clock_trusted) {
  std::vector<Finding> all;
  // Behind those of its own level: what is being lost comes first.
  const auto add = [&](std::optional<Finding> finding) {
    if (!finding) return;
    const auto at = finding->level == Level::being_lost
                        ? std::ranges::find(all, Level::needs_you, &Finding::level)
                        : all.end();
    all.insert(at, std::move(*finding));
  };
  add(of_storing(model, now));
  add(of_room(model.disk(), now));
  for (const auto& [source, notices] : model.notices()) {
    for (const Finding& notice : notices) add(notice);
  }
  add(of_broker(model, now));
  add(of_clock(clock_trusted));
  for (const NodeState* node : model.nodes()) {
    add(of_node(*node, now));
    add(of_node_clock(model, *node, now));
  }
  add(of_rejects(model, now));
  add(of_emptiness(model));
  return all;
}

}  // namespace alona::web
