#include "ops/status.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "room/size_text.h"

namespace alona::ops {
namespace {
namespace json = boost::json;

// Colours around a word, or nothing.
class Paint {
 public:
  explicit Paint(bool colour) : colour_(colour) {}
  [[nodiscard]] std::string bad(std::string_view text) const { return around("31", text); }
  [[nodiscard]] std::string warn(std::string_view text) const { return around("33", text); }
  [[nodiscard]] std::string good(std::string_view text) const { return around("32", text); }

 private:
  [[nodiscard]] std::string around(std::string_view code, std::string_view text) const {
    return colour_ ? fmt::format("\033[{}m{}\033[0m", code, text) : std::string(text);
  }
  bool colour_;
};

std::string text_of(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string{};
}

std::int64_t whole(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_int64() ? value->get_int64() : 0;
}

bool truth(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_bool() && value->get_bool();
}

std::string ago(std::int64_t now, std::int64_t then) {
  return then == 0 ? "never" : duration_text(Ms{std::max<std::int64_t>(0, now - then)}) + " ago";
}

std::string finding_lines(const json::object& finding, const Paint& paint) {
  const bool losing = text_of(finding, "level") == "being_lost";
  const std::int64_t since = whole(finding, "since");
  return fmt::format("  {}{}\n    why   {}\n    to do {}\n",
                     losing ? paint.bad(text_of(finding, "what")) : paint.warn(text_of(finding, "what")),
                     since == 0 ? "" : fmt::format(" (since {})", iso8601(utc_ms(since))),
                     text_of(finding, "why"), text_of(finding, "todo"));
}

std::string thing_lines(const StatusBeside& beside, const Paint& paint) {
  std::string lines;
  for (const auto& thing : beside.things)
    lines += fmt::format("  {} (since {})\n    to do {}\n", paint.warn(thing.what), iso8601(thing.since),
                         thing.todo);
  return lines;
}

std::string node_line(const json::object& node, std::int64_t now, const Paint& paint) {
  const std::string presence = text_of(node, "presence");
  const std::string name = text_of(node, "name");
  std::string word = fmt::format("{:<10}", presence == "never_seen" ? "never seen" : presence);
  word = presence == "online" ? paint.good(word) : presence == "never_seen" ? word : paint.warn(word);
  return fmt::format("  {:<20} {} last heard {:<14} {}\n", text_of(node, "id"), word,
                     ago(now, whole(node, "last_seen")), name == text_of(node, "id") ? "" : name);
}

// "disk      22 GiB of 29 GiB free, for about 900 days more; 210 MiB written today"
std::string disk_line(const json::object& disk, const Paint& paint) {
  if (!truth(disk, "known")) return "disk      not known\n";
  const auto size = [&](std::string_view key) {
    return room::size_text(static_cast<std::uint64_t>(whole(disk, key)));
  };
  const std::string step = text_of(disk, "step");
  const std::string free = fmt::format("{} of {} free", size("free"), size("total"));
  const auto* forecast = disk.if_contains("forecast");
  const std::int64_t days =
      forecast != nullptr && forecast->is_object() ? whole(forecast->get_object(), "days_left") : 0;
  return fmt::format("disk      {}{}; {} written today by {}\n",
                     step == "ample" ? free
                     : step == "low" ? paint.warn(free)
                                     : paint.bad(free),
                     days == 0 ? "" : fmt::format(", for about {} days more", days), size("written_today"),
                     text_of(disk, "device").empty() ? "the core" : text_of(disk, "device"));
}

// "backup    newest 2026-11-25, proven 2026-11-20"
std::string backup_line(const json::object& backup, const Paint& paint) {
  const auto day = [&](std::string_view key) {
    const std::int64_t t = whole(backup, key);
    return t == 0 ? std::string{} : iso8601(utc_ms(t)).substr(0, 10);
  };
  if (day("newest").empty()) return fmt::format("backup    {}\n", paint.warn("none"));
  return fmt::format("backup    newest {}, {}\n", day("newest"),
                     day("proven").empty() ? paint.warn("none proven") : "proven " + day("proven"));
}

StatusScreen screen(const json::object& overview, const StatusBeside& beside, const Paint& paint) {
  const std::int64_t now = whole(overview, "now");
  const auto& findings = overview.at("findings").as_array();
  const auto& nodes = overview.at("nodes").as_array();
  const std::size_t things = findings.size() + beside.things.size();
  StatusScreen out{.text = {}, .all_well = things == 0 && truth(overview, "broker_connected")};
  out.text =
      fmt::format("{}: {}\n\n", text_of(overview, "site"),
                  out.all_well  ? paint.good("all is well")
                  : things == 0 ? paint.bad("the broker is not connected")
                                : paint.bad(fmt::format("{} thing{} need{} you", things,
                                                        things == 1 ? "" : "s", things == 1 ? "s" : "")));
  for (const auto& finding : findings) out.text += finding_lines(finding.as_object(), paint);
  out.text += thing_lines(beside, paint);
  if (things > 0) out.text += "\n";
  out.text += fmt::format(
      "broker    {}\nclock     {}, {}\nrunning   since {} ({})\nreadings  {} stored, {} rejected today\n",
      truth(overview, "broker_connected") ? "connected" : paint.bad("not connected"), iso8601(utc_ms(now)),
      truth(overview, "clock_trusted") ? "trusted" : paint.warn("not trusted"),
      iso8601(utc_ms(whole(overview, "started"))), ago(now, whole(overview, "started")),
      whole(overview, "readings_stored"), whole(overview, "rejected_today"));
  if (const auto* disk = overview.if_contains("disk"); disk != nullptr && disk->is_object())
    out.text += disk_line(disk->get_object(), paint);
  if (const auto* backup = overview.if_contains("backup"); backup != nullptr && backup->is_object())
    out.text += backup_line(backup->get_object(), paint);
  out.text += beside.line;
  out.text += "\n";
  out.text += nodes.empty() ? "No nodes yet: `alona node add ID` makes one known.\n" : "nodes\n";
  for (const auto& node : nodes) out.text += node_line(node.as_object(), now, paint);
  return out;
}

}  // namespace

std::string status_without_core(std::string_view site, const StatusBeside& beside, bool colour) {
  const Paint paint{colour};
  return fmt::format("{}: {}\n\n{}{}{}", site, paint.bad("the core doesn't answer"),
                     thing_lines(beside, paint), beside.things.empty() ? "" : "\n", beside.line);
}

Result<StatusScreen> status_screen(std::string_view overview, const StatusBeside& beside, bool colour) {
  try {
    return screen(json::parse(overview).as_object(), beside, Paint{colour});
  } catch (const std::exception& error) {
    return fail(Errc::failed,
                fmt::format("the core's answer isn't what this program expects: {}", error.what()),
                "Is the running core of another version? `systemctl restart alona-core` starts this one.");
  }
}

}  // namespace alona::ops
