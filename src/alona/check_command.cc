// `alona check`: is everything that is kept still whole? Beside a running core or without one.
#include <fmt/format.h>

#include <memory>

#include "alona/cli.h"
#include "alona/core_client.h"
#include "http/message.h"
#include "ops/paths.h"
#include "store/check.h"
#include "store/writer.h"

namespace alona {
namespace {

// `whole`: as printed, or as kept: damaged chunks are set aside, and told by themselves.
std::string json_of(const std::string& kind, const store::CheckReport& report, bool whole) {
  std::string chunks;
  for (const std::int64_t id : report.damaged_chunks)
    chunks += fmt::format("{}{}", chunks.empty() ? "" : ",", id);
  return fmt::format(
      R"({{"kind":"{}","whole":{},"found":{},"pages":{},"unsealed":{},"chunks":{},"chunks_damaged":{},)"
      R"("chunks_set_aside":{},"commits":{},"on_copy":{},"damaged_chunks":[{}]}})",
      kind, whole, http::json_string(report.found), report.pages, report.unsealed, report.chunks,
      report.chunks_damaged, report.chunks_set_aside, report.commits, report.on_copy, chunks);
}

void print(const std::string& kind, const store::CheckReport& report) {
  fmt::print("{}\n",
             report.whole ? "The database is whole." : "The database is damaged: " + printable(report.found));
  if (kind == "quick") return;
  fmt::print("{} pages, {} chunks of sealed history, {} commits in the log{}\n", report.pages, report.chunks,
             report.commits, report.on_copy ? "" : ", read in place: no room for a copy");
  if (report.chunks_set_aside > 0) fmt::print("{} chunks were set aside before\n", report.chunks_set_aside);
  if (report.unsealed > 0) {
    fmt::print("{} pages carry no checksum: another program wrote them; they get one now\n", report.unsealed);
  }
}

// By the core, or here while it is stopped.
Result<void> keep(const ops::Paths& paths, const std::string& kind, const store::CheckReport& report) {
  const auto told = ask_core(paths, "POST", "/api/v1/checks", json_of(kind, report, !report.beyond_chunks));
  if (!told) return std::unexpected(told.error());
  if (*told) return {};
  auto writer = store::Writer::open(paths.database(), store::Open::existing);
  if (!writer) return std::unexpected(writer.error());
  if (auto kept =
          writer->put_check({SystemClock{}.utc(), kind, !report.beyond_chunks, report.found, report.unsealed},
                            report.damaged_chunks);
      !kept)
    return kept;
  for (auto more = Result<bool>{true}; more && *more;) {
    more = writer->seal_pages(Ms{1000});
    if (!more) return std::unexpected(more.error());
  }
  return {};
}

Result<bool> run_check(const Context& context, bool full) {
  const auto config = context.config();
  if (!config) return std::unexpected(config.error());
  const ops::Paths paths{*config};
  const std::string kind = full ? "full" : "quick";
  const store::CheckOptions options{.scratch = full ? paths.data() / "scratch" : std::filesystem::path{}};
  const auto report =
      full ? store::full_check(paths.database(), options) : store::quick_check(paths.database(), options);
  if (!report) return std::unexpected(report.error());
  if (context.json)
    fmt::print("{}\n", json_of(kind, *report, report->whole));
  else
    print(kind, *report);
  if (auto kept = keep(paths, kind, *report); !kept)
    fmt::print(stderr, "alona: the outcome isn't kept: {}\n", kept.error().text());
  return report->whole;
}

}  // namespace

void add_check_command(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("check", "Is everything that is kept still whole?");
  const auto full = std::make_shared<bool>(false);
  command->add_flag("--full", *full,
                    "Everything, on a copy where there is room: each page, chunk and commit");
  command->footer(
      "Ends with 0 when all is whole, 1 when something is damaged.\nExample:\n  alona check --full");
  command->callback([&context, full] {
    const auto whole = run_check(context, *full);
    if (!whole) return context.end(whole.error());
    context.exit_code = *whole ? 0 : 1;
  });
}

}  // namespace alona
