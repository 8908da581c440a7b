// `alona rejects list | show`: the dead letters.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <memory>

#include "alona/cli.h"
#include "ops/paths.h"
#include "store/reader.h"

namespace alona {
namespace {
namespace json = boost::json;

constexpr std::size_t page_rows = 200;
constexpr std::size_t listed_default = 100;

struct Options {
  std::int64_t id = 0;
  std::size_t max = listed_default;
};

json::object as_json(const store::RejectItem& item) {
  return {{"id", item.id},
          {"time", iso8601(item.last)},
          {"first", iso8601(item.first)},
          {"node", item.row.node},
          {"topic", item.row.topic},
          {"reason", item.row.reason},
          {"detail", item.row.detail},
          {"count", item.count},
          {"bytes", item.row.payload_bytes}};
}

Result<store::Reader> open_reader(const Context& context) {
  const auto config = context.config();
  if (!config) return std::unexpected(config.error());
  return store::Reader::open(ops::Paths{*config}.database());
}

// The newest first, page by page.
Result<std::vector<store::RejectItem>> newest(store::Reader& reader, std::size_t max) {
  std::vector<store::RejectItem> all;
  std::optional<std::int64_t> before;
  while (all.size() < max) {
    auto page = reader.rejects(std::min(page_rows, max - all.size()), before);
    if (!page) return std::unexpected(page.error());
    if (page->empty()) break;
    before = page->back().id;
    std::ranges::move(*page, std::back_inserter(all));
  }
  return all;
}

Result<void> list(const Context& context, std::size_t max) {
  auto reader = open_reader(context);
  if (!reader) return std::unexpected(reader.error());
  const auto items = newest(*reader, max);
  if (!items) return std::unexpected(items.error());
  if (context.json) {
    json::array rows;
    for (const auto& item : *items) rows.push_back(as_json(item));
    fmt::print("{}\n", json::serialize(rows));
    return {};
  }
  if (items->empty()) {
    fmt::print("No rejects.\n");
    return {};
  }
  fmt::print("{}\n", bold(fmt::format("{:>8}  {:<24} {:>6} {:>6}  {:<12} {}", "id", "last", "times", "bytes",
                                      "reason", "topic")));
  for (const auto& item : *items) {
    fmt::print("{:>8}  {} {:>6} {:>6}  {} {}\n          {}\n", item.id, iso8601(item.last), item.count,
               item.row.payload_bytes, red(fmt::format("{:<12}", item.row.reason)), printable(item.row.topic),
               printable(item.row.detail));
  }
  return {};
}

Result<void> show(const Context& context, std::int64_t id) {
  auto reader = open_reader(context);
  if (!reader) return std::unexpected(reader.error());
  const auto found = reader->reject(id);
  if (!found) return std::unexpected(found.error());
  if (!*found) {
    return fail(Errc::not_found, fmt::format("there is no reject {}", id),
                "`alona rejects list` shows all there are.");
  }
  const auto& item = **found;
  const std::size_t cut =
      item.row.payload_bytes - std::min<std::size_t>(item.row.payload_bytes, item.row.payload.size());
  if (context.json) {
    json::object out = as_json(item);
    out["payload"] = printable(item.row.payload);  // bytes that are no UTF-8 can't stand in JSON as they are
    fmt::print("{}\n", json::serialize(out));
    return {};
  }
  fmt::print(
      "reject    {}\nreason    {}: {}\ntopic     {}\nfirst     {}\nlast      {}\ntimes     {}\nbytes     "
      "{}\n\n{}\n",
      item.id, red(item.row.reason), printable(item.row.detail), printable(item.row.topic),
      iso8601(item.first), iso8601(item.last), item.count, item.row.payload_bytes,
      printable(item.row.payload));
  if (cut > 0) fmt::print("({} more bytes were not kept)\n", cut);
  return {};
}

}  // namespace

void add_rejects_command(CLI::App& app, Context& context) {
  auto* rejects = app.add_subcommand("rejects", "Messages that were refused, and why");
  rejects->require_subcommand(1);
  rejects->footer("Example:\n  alona rejects list");
  const auto options = std::make_shared<Options>();

  auto* listed = rejects->add_subcommand("list", "The newest first");
  listed->add_option("--max", options->max, fmt::format("At most so many (default {})", listed_default))
      ->check(CLI::Range(1, 10'000));
  listed->footer("Example:\n  alona rejects list --json");
  listed->callback([&context, options] {
    if (const auto done = list(context, options->max); !done) context.end(done.error());
  });

  auto* shown = rejects->add_subcommand("show", "One of them with its bytes");
  shown->add_option("ID", options->id, "As in the list")->required();
  shown->footer("Example:\n  alona rejects show 17");
  shown->callback([&context, options] {
    if (const auto done = show(context, options->id); !done) context.end(done.error());
  });
}

}  // namespace alona
