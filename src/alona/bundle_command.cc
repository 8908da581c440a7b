// `alona bundle`: what somebody far away needs to see what is wrong, without secrets, as one file.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <memory>

#include "alona/backup_box.h"
#include "alona/bundle.h"
#include "alona/cli.h"
#include "ops/units.h"

namespace alona {
namespace {

namespace json = boost::json;
constexpr std::size_t bundles_kept = 5;

struct Options {
  std::string since = "7d", within = "3min";
  std::filesystem::path output;
};

Result<UtcMs> begin_of(const std::string& since, UtcMs now) {
  if (const auto ago = ops::parse_duration(since)) return now - *ago;
  if (const auto at = parse_iso8601(since)) return *at;
  return fail(Errc::usage, fmt::format("--since can't be {}", printable(since)),
              "A duration, such as 7d or \"12 h\", or a time, such as 2026-11-24 or 2026-11-24T18:00.");
}

void say(const Context& context, const std::filesystem::path& file, std::uintmax_t bytes,
         const Bundle& made) {
  if (context.json) {
    json::array members, left_out;
    for (const auto& member : made.members) members.push_back(json::string(member.name));
    for (const std::string& one : made.left_out) left_out.push_back(json::string(printable(one)));
    fmt::print("{}\n", json::serialize(json::object{{"file", file.string()},
                                                    {"bytes", bytes},
                                                    {"members", std::move(members)},
                                                    {"left_out", std::move(left_out)}}));
    return;
  }
  fmt::print("{}\n{} KiB, {} files; MANIFEST lists them. No passwords and no readings are in it.\n",
             printable(file.string()), (bytes + 1023) / 1024, made.members.size());
  for (const std::string& one : made.left_out) fmt::print("Left out: {}\n", printable(one));
}

Result<void> make(const Context& context, const Options& options) {
  const auto box = backup_box(context);
  if (!box) return std::unexpected(box.error());
  const UtcMs now = SystemClock{}.utc();
  const auto since = begin_of(options.since, now);
  if (!since) return std::unexpected(since.error());
  const auto within = ops::parse_duration(options.within);
  if (!within)
    return fail(Errc::usage, fmt::format("--within can't be {}", printable(options.within)),
                "A duration, such as 30s.");
  const std::string name = backup::bundle_name(box->host, now);
  const auto folder = ops::Paths{box->config}.data() / "bundles";
  const auto file =
      options.output.empty() ? folder / (name + std::string(backup::bundle_suffix)) : options.output;
  Progress progress;
  const Bundle made = collect_bundle(
      {.config = box->config,
       .config_file = box->config_file,
       .now = now,
       .since = *since,
       .deadline = std::chrono::steady_clock::now() + *within},
      [&](std::string_view doing, std::uint64_t done, std::uint64_t all) { progress.at(doing, done, all); });
  progress.clear();
  // Two within a second: the later one holds all that the earlier did.
  const auto there = options.output.empty() ? backup::There::replace : backup::There::refuse;
  if (auto written = backup::write_bundle(file, there, name, now, made.members); !written) return written;
  if (options.output.empty()) backup::thin_bundles(folder, bundles_kept, file.filename().string());
  std::error_code ec;
  say(context, file, std::filesystem::file_size(file, ec), made);
  return {};
}

}  // namespace

void add_bundle_command(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("bundle", "What others need to see what is wrong, without secrets");
  const auto options = std::make_shared<Options>();
  command->add_option("--since", options->since, "How far the journal goes back (default 7d)");
  command->add_option("--output", options->output,
                      "The file (default: in data_dir/bundles, where the newest 5 are kept)");
  command->add_option("--within", options->within, "What isn't told by then is left out (default 3min)");
  command->footer(
      "Its MANIFEST lists what is in it and what was left out.\nExample:\n  sudo alona bundle --since 2d");
  command->callback([&context, options] {
    if (const auto done = make(context, *options); !done) context.end(done.error());
  });
}

}  // namespace alona
