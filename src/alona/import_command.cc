// `alona import`: a file of readings into the history, wholly or not at all. First every line is judged; one
// that is wrong refuses the file. Then it is stored in pieces, each of which may come again: an import that
// was cut off is made whole by the same command.
#include <fmt/format.h>

#include <memory>

#include "alona/cli.h"
#include "alona/import_check.h"
#include "alona/import_input.h"
#include "alona/import_target.h"
#include "alona/progress.h"

namespace alona {
namespace {

struct Options {
  std::string file;
  std::vector<std::string> map;
  std::string zone, separator = ",";
  bool dry = false;
};

constexpr std::string_view help =
    "Reads what `alona export` writes: CSV with a first line that names its columns, or one JSON object a\n"
    "line, with time, node, sensor, value, unit and quality. --map says where else a column comes from: a\n"
    "column of the file, or with a colon one value for all lines. `quality` may be missing; it is then "
    "node.\n"
    "Nodes that aren't known are made, without a login. All lines are looked at first; if one is wrong,\n"
    "nothing is changed. What is known already stays, another value for a known time replaces it.\n"
    "Examples:\n"
    "  alona import well.csv --dry-run\n"
    "  alona import cellar.csv --map time=Datum,value=Wert,node=:cellar,sensor=:temperature,unit=:C \\\n"
    "    --zone +01:00 --separator ';'\n"
    "  zstdcat old.csv.zst | alona import -";

Result<ingest::ImportFormat> format_of(const Options& options) {
  ingest::ImportFormat format;
  for (const std::string& map : options.map) {
    if (auto added = ingest::add_map(format, map); !added) return std::unexpected(added.error());
  }
  if (!options.zone.empty()) {
    format.zone = ingest::parse_zone(options.zone);
    if (!format.zone)
      return fail(Errc::usage, fmt::format("--zone can't be {}", printable(options.zone)),
                  "UTC, or such as +01:00.");
  }
  const std::string separator = options.separator == "tab" ? "\t" : options.separator;
  if (separator.size() != 1 || separator.find_first_of("\"\r\n{") == 0)
    return fail(Errc::usage, "--separator must be one character, or tab");
  format.separator = separator.front();
  return format;
}

// The second time through the file; the first has found nothing wrong with it.
Result<void> store_all(const ImportInput& input, const ingest::ImportFormat& format, ImportTarget& target,
                       const ImportCheck& check, Progress& progress) {
  std::uint64_t stored = 0;
  Result<void> going;
  const auto changed = [] {
    return fail(Errc::failed, "the file has changed while it was read", "Import it again when it is whole.");
  };
  ingest::ImportText text{format,
                          {.reading =
                               [&](store::NamedReading& r) {
                                 progress.step("storing", ++stored, check.readings());
                                 if (going) going = stored <= check.readings() ? target.add(r) : changed();
                               },
                           .refused =
                               [&](const ingest::ImportRefusal&) {
                                 if (going) going = changed();
                               }}};
  auto read = input.read([&](std::string_view bytes) -> Result<bool> {
    if (!text.feed(bytes) && going) going = changed();
    if (!going) return std::unexpected(going.error());
    return true;
  });
  if (!read) return read;
  text.finish();
  if (going && stored != check.readings()) going = changed();
  return going ? target.finish() : going;
}

Error cut_off(Error why, const ImportTarget& target, const ImportCheck& check, bool dry) {
  std::uint64_t done = 0;
  for (const auto& c : target.counts()) done += c.fresh + c.known + c.corrected;
  if (done == 0 || dry) return why;
  if (why.code == Errc::refused || why.code == Errc::usage) why.code = Errc::failed;  // not unchanged
  why.what = fmt::format("after {} of {} readings: {}", done, check.readings(), why.what);
  why.next += (why.next.empty() ? "" : "\n") +
              std::string("Run the same import again: what is stored is known, the rest is added.");
  return why;
}

Result<void> run_import(Context& context, const Options& options) {
  const auto format = format_of(options);
  if (!format) return std::unexpected(format.error());
  const auto config = context.config();
  if (!config) return std::unexpected(config.error());
  const auto input = ImportInput::open(options.file);
  if (!input) return std::unexpected(input.error());
  Progress progress;
  ImportCheck check{*config};
  if (auto looked = check.known(); !looked) return looked;
  if (auto read = check.read(*input, *format, progress); !read) return read;
  progress.clear();
  if (check.refused() > 0) {
    if (context.json) fmt::print("{}\n", check.json(input->name(), options.dry, {}));
    return std::unexpected(check.refusal(input->name()));
  }
  if (auto room = check.room(); !room) return room;
  auto target = ImportTarget::open(*config, options.dry);
  if (!target) return std::unexpected(target.error());
  auto stored = store_all(*input, *format, **target, check, progress);
  progress.clear();
  if (!stored) return std::unexpected(cut_off(stored.error(), **target, check, options.dry));
  const auto& counts = (*target)->counts();
  if (!options.dry) {
    if (auto noted = (*target)->note(shell_user(), check.audit(input->name(), counts)); !noted)
      return with_context("all is stored; noting who did it", noted.error());
  }
  fmt::print("{}\n", context.json ? check.json(input->name(), options.dry, counts)
                                  : check.report(options.dry, counts));
  return {};
}

}  // namespace

void add_import_command(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("import", "Readings of a file into the history, all or none");
  const auto options = std::make_shared<Options>();
  command->add_option("FILE", options->file, "CSV or NDJSON; - is standard input")->required();
  command->add_option("--map", options->map, "COLUMN=NAME or COLUMN=:VALUE, several with commas")
      ->allow_extra_args(false);
  command->add_option("--zone", options->zone, "Of times that name none: UTC, or such as +01:00");
  command->add_option("--separator", options->separator, "Between columns of CSV: a character, or tab");
  command->add_flag("--dry-run", options->dry, "Change nothing; say what would be");
  command->footer(std::string(help));
  command->callback([&context, options] {
    if (const auto done = run_import(context, *options); !done) context.end(done.error());
  });
}

}  // namespace alona
