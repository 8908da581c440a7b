// `alona export`: readings as CSV or NDJSON to standard output, at constant memory, while the core runs or
// not.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <system_error>

#include "alona/cli.h"
#include "alona/export_rows.h"
#include "ops/paths.h"

namespace alona {
namespace {

constexpr auto export_time_max = std::chrono::hours{24};  // ten years of readings on a slow card

struct Options {
  std::string node, sensor, from, to;
  std::string format = "csv";
};

// How far it is, on stderr, when a person watches and it takes longer than two seconds.
class Progress {
 public:
  Progress() : shown_(::isatty(STDERR_FILENO) == 1 && ::isatty(STDOUT_FILENO) != 1) {}
  ~Progress() {
    if (printed_) fmt::print(stderr, "\r{} readings, done.\n", count_);
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void step(UtcMs at) {
    constexpr std::uint64_t between =
        16'384;  // a look at the clock for each reading would cost more than the reading
    if (++count_ % between != 0 || !shown_) return;
    if (std::chrono::steady_clock::now() < next_) return;
    next_ = std::chrono::steady_clock::now() + std::chrono::milliseconds{500};
    printed_ = true;
    fmt::print(stderr, "\r{} readings, at {}", count_, iso8601(at).substr(0, 10));
  }

 private:
  std::chrono::steady_clock::time_point next_ = std::chrono::steady_clock::now() + std::chrono::seconds{2};
  std::uint64_t count_ = 0;
  bool shown_, printed_ = false;
};

Result<std::optional<UtcMs>> time_of(const std::string& text, std::string_view option) {
  if (text.empty()) return std::nullopt;
  const auto time = parse_iso8601(text);
  if (!time) {
    return fail(Errc::usage, fmt::format("{} can't be {}", option, printable(text)),
                "A day or time in UTC, such as 2026-11-01 or 2026-11-01T06:30:00Z.");
  }
  return time;
}

Result<store::ExportFilter> filter_of(const Options& options) {
  const auto from = time_of(options.from, "--from");
  if (!from) return std::unexpected(from.error());
  const auto to = time_of(options.to, "--to");
  if (!to) return std::unexpected(to.error());
  if (*from && *to && **from >= **to) {
    return fail(Errc::usage, "--from isn't before --to, so nothing can lie between",
                "--to itself is left out.");
  }
  return store::ExportFilter{.node = options.node, .sensor = options.sensor, .from = *from, .to = *to};
}

// A name mistyped must not look like a node without history. Removed nodes have theirs.
Result<void> check_node(store::Reader& reader, const std::string& id) {
  if (id.empty()) return {};
  const auto nodes = reader.nodes();
  if (!nodes) return std::unexpected(nodes.error());
  if (std::ranges::find(*nodes, id, &store::NodeRow::id) != nodes->end()) return {};
  return fail(Errc::not_found, fmt::format("there is no node {}", printable(id)),
              "`alona node list --all` shows all.");
}

Result<void> run_export(const Context& context, const Options& options) {
  const auto config = context.config();
  if (!config) return std::unexpected(config.error());
  const auto filter = filter_of(options);
  if (!filter) return std::unexpected(filter.error());
  auto reader = store::Reader::open(ops::Paths{*config}.database());
  if (!reader) return std::unexpected(reader.error());
  if (auto known = check_node(*reader, options.node); !known) return known;
  reader->set_time_limit(std::chrono::duration_cast<Ms>(export_time_max));
  const bool csv = options.format == "csv" && !context.json;
  int why = 0;  // the first write's failure; later calls have an errno of their own
  const auto put = [&why](std::string_view text) {
    const bool whole = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
    if (!whole) why = errno;
    return whole;
  };
  bool written = !csv || put(csv_header);
  Progress progress;
  const auto done = reader->export_readings(*filter, [&](const store::NamedReading& reading) {
    written = written && put(csv ? csv_row(reading) : ndjson_row(reading));
    progress.step(reading.ts);
    return written;
  });
  if (!done) return done;
  if (written && std::fflush(stdout) != 0) why = errno;
  if (why == 0) return {};
  std::clearerr(stdout);
  // A reader that has seen enough, such as head(1), is no failure.
  if (why == EPIPE) return {};
  return fail(why == ENOSPC ? Errc::disk_full : Errc::io,
              fmt::format("cannot write the export: {}", std::generic_category().message(why)),
              "What was written is incomplete; export again.");
}

}  // namespace

void add_export_command(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("export", "Readings as CSV or NDJSON, series by series, oldest first");
  const auto options = std::make_shared<Options>();
  command->add_option("--node", options->node, "Only of this node");
  command->add_option("--sensor", options->sensor, "Only of sensors of this name");
  command->add_option("--from", options->from, "From this day or time on, UTC");
  command->add_option("--to", options->to, "Before this day or time, UTC");
  command->add_option("--format", options->format, "csv (default) or ndjson; --json means ndjson")
      ->check(CLI::IsMember({"csv", "ndjson"}));
  command->footer(
      "Columns: time,node,sensor,value,unit,quality.\n"
      "Example:\n  alona export --node well --from 2026-11-01 >well.csv");
  command->callback([&context, options] {
    ::signal(SIGPIPE, SIG_IGN);  // the failing write says it
    if (const auto done = run_export(context, *options); !done) context.end(done.error());
  });
}

}  // namespace alona
