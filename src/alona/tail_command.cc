// `alona tail [NODE]`: what the core takes in, as it comes, from its live stream. Not from the broker: its
// login is the core's alone, and what is shown here is what is stored.
#include <fmt/format.h>

#include <unistd.h>

#include <boost/json.hpp>
#include <csignal>
#include <cstdio>
#include <map>
#include <memory>

#include "alona/cli.h"
#include "alona/core_client.h"
#include "alona/export_rows.h"
#include "http/unix_client.h"
#include "protocol/topic.h"

namespace alona {
namespace {
namespace json = boost::json;

constexpr auto silence_max = Ms{20'000};  // the stream ticks every 5 s
constexpr std::size_t event_bytes_max = 1 << 20;

struct Name {
  std::string node, sensor, unit;
};

class Tail {
 public:
  Tail(ops::Paths paths, std::string node, bool as_json)
      : paths_(std::move(paths)), node_(std::move(node)), json_(as_json) {}

  Result<void> run() {
    if (auto known = check_node(); !known) return known;
    if (auto learned = learn(); !learned) return learned;
    const auto ended = http::unix_stream(
        paths_.core_socket(), "/api/v1/live", [this](std::string_view bytes) { return take(bytes); },
        silence_max);
    if (!ended) return std::unexpected(ended.error());
    if (failed_) return std::unexpected(*failed_);
    return fail(Errc::closed, "the core has ended the stream", "Run it again once the core runs.");
  }

 private:
  // A name mistyped would be silence for ever.
  Result<void> check_node() {
    if (node_.empty()) return {};
    const Error unknown{Errc::not_found, fmt::format("there is no node {}", printable(node_)),
                        "`alona node list` shows all."};
    if (!protocol::valid_name(node_)) return std::unexpected(unknown);
    const auto found = ask_core(paths_, "GET", "/api/v1/nodes/" + node_);
    if (found) return {};
    return std::unexpected(found.error().code == Errc::not_found ? unknown : found.error());
  }

  // Which series is which; again when the core says that one is new, and when one comes that isn't known: it
  // may have become known to the core between the list and the stream.
  Result<void> learn() {
    const auto body = ask_core(paths_, "GET", "/api/v1/series");
    if (!body) return std::unexpected(body.error());
    if (!*body) return std::unexpected(core_is_stopped(paths_));
    try {
      const json::value parsed = json::parse(**body);  // outlives the loop over it
      for (const auto& value : parsed.at("series").as_array()) {
        const auto& one = value.as_object();
        names_[one.at("id").as_int64()] = {std::string(one.at("node").as_string()),
                                           std::string(one.at("sensor").as_string()),
                                           std::string(one.at("unit").as_string())};
      }
    } catch (const std::exception& error) {
      return fail(Errc::failed, fmt::format("the core's list of series can't be read: {}", error.what()));
    }
    return {};
  }

  // Server-sent events: lines of `field: value`, an event ends with an empty line.
  bool take(std::string_view bytes) {
    pending_ += bytes;
    if (pending_.size() > event_bytes_max) pending_.clear();
    for (auto end = pending_.find("\n\n"); end != std::string::npos && !failed_;
         end = pending_.find("\n\n")) {
      event(std::string_view{pending_}.substr(0, end));
      pending_.erase(0, end + 2);
    }
    return !failed_ && std::fflush(stdout) == 0;
  }

  static std::string_view field(std::string_view block, std::string_view name) {
    while (!block.empty()) {
      const std::string_view line = block.substr(0, block.find('\n'));
      block.remove_prefix(std::min(line.size() + 1, block.size()));
      if (line.starts_with(name)) return line.substr(name.size());
    }
    return {};
  }

  void event(std::string_view block) {
    const std::string_view kind = field(block, "event: ");
    boost::system::error_code bad;
    const auto data = json::parse(field(block, "data: "), bad);
    if (bad) return;
    try {
      if (kind == "readings") readings(data);
      if (kind == "presence") presence(data);
      if (kind == "happened") happened(data);
      if (kind == "reset") fmt::print(stderr, "alona: some messages were missed here\n");
      if (kind == "catalog") {
        if (auto learned = learn(); !learned) failed_ = learned.error();
      }
    } catch (const std::exception& error) {
      failed_ =
          Error{Errc::failed, fmt::format("the core sends what this program doesn't know: {}", error.what()),
                "Is the running core of another version?"};
    }
  }

  // One that the core doesn't list is asked for once, and has no node.
  const Name& name_of(std::int64_t series) {
    if (!names_.contains(series)) {
      if (auto learned = learn(); !learned) failed_ = learned.error();
    }
    return names_[series];
  }

  void readings(const json::value& data) {
    for (const auto& value : data.at("readings").as_array()) {
      const auto& row = value.as_array();
      const Name& name = name_of(row.at(0).as_int64());
      if (failed_) return;
      if (name.node.empty() || !wanted(name.node)) continue;
      const store::NamedReading reading{.ts = utc_ms(row.at(1).as_int64()),
                                        .node = name.node,
                                        .sensor = name.sensor,
                                        .unit = name.unit,
                                        .value = row.at(2).to_number<double>(),
                                        .flags = static_cast<std::uint8_t>(row.at(4).as_int64())};
      if (json_) {
        fmt::print("{}", ndjson_row(reading));
      } else {
        fmt::print("{}  {:<20} {:<20} {:>14} {}\n", iso8601(reading.ts), reading.node, reading.sensor,
                   shortest(reading.value), printable(reading.unit));
      }
    }
  }

  void presence(const json::value& data) {
    const std::string node{data.at("node").as_string()};
    if (!wanted(node) || json_) return;
    fmt::print("{}  {:<20} {}\n", iso8601(utc_ms(data.at("since").as_int64())), node,
               bold(std::string(data.at("state").as_string())));
  }

  void happened(const json::value& data) {
    const auto& node = data.at("node");
    if (json_ || (!node_.empty() && (!node.is_string() || !wanted(std::string(node.as_string()))))) return;
    const std::string text = printable(std::string(data.at("text").as_string()));
    const bool refused =
        text.find("refused") != std::string::npos || text.find("reject") != std::string::npos;
    fmt::print("{}  {}\n", iso8601(utc_ms(data.at("t").as_int64())), refused ? red(text) : text);
  }

  [[nodiscard]] bool wanted(const std::string& node) const { return node_.empty() || node == node_; }

  ops::Paths paths_;
  std::string node_;
  bool json_;
  std::map<std::int64_t, Name> names_;
  std::string pending_;
  std::optional<Error> failed_;
};

}  // namespace

void add_tail_command(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("tail", "What comes in, as it comes; Ctrl-C ends it");
  const auto node = std::make_shared<std::string>();
  command->add_option("NODE", *node, "Only of this node");
  command->footer("Ends with 0 at Ctrl-C.\nExample:\n  alona tail well");
  command->callback([&context, node] {
    // Ctrl-C is how it ends, not a failure. Each event was flushed as a whole.
    for (const int end : {SIGINT, SIGTERM}) std::signal(end, [](int) { ::_exit(0); });
    const auto config = context.config();
    if (!config) return context.end(config.error());
    if (const auto ended = Tail{ops::Paths{*config}, *node, context.json}.run(); !ended)
      context.end(ended.error());
  });
}

}  // namespace alona
