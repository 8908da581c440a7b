// `alona restore`: a backup set takes the place of what the box has.
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <memory>

#include "alona/backup_box.h"
#include "alona/cli.h"
#include "alona/core_control.h"
#include "alona/progress.h"
#include "alona/sticks.h"
#include "backup/exchange.h"
#include "backup/manifest.h"
#include "backup/restore.h"
#include "backup/second.h"
#include "backup/set_file.h"
#include "http/message.h"
#include "room/size_text.h"
#include "store/reader.h"

namespace alona {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string set, from, to, passphrase_file;
  bool no_restart = false, recover = false, yes = false;
};

// The newest set that can be looked into: `--from`.
Result<backup::BackupSet> newest_of(const std::vector<fs::path>& folders, const std::string& where) {
  std::optional<backup::BackupSet> newest;
  for (const fs::path& folder : folders) {
    const auto opened = backup::SecondTarget::open(folder, {});  // such a folder may hold encrypted ones
    const auto sets = opened ? backup::list_copies(*opened) : std::unexpected(opened.error());
    if (!sets) continue;
    for (const backup::BackupSet& set : *sets) {
      if (!set.counts() || (newest && set.manifest->taken <= newest->manifest->taken)) continue;
      newest = set;
      newest->file = folder / set.name();
    }
  }
  if (newest) return *newest;
  return fail(Errc::not_found, fmt::format("there is no backup set that can be read {}", where),
              "Name the folder with `--from FOLDER`, or the set itself. Only root looks at a stick that "
              "isn't mounted.");
}

Result<backup::BackupSet> wanted_set(const backup::Box& box, const Sticks& sticks, const Options& options) {
  if (options.from == "USB" && options.set.empty()) {
    auto newest = newest_of(sticks.folders, "on a stick");
    if (newest || sticks.troubles.empty()) return newest;
    return std::unexpected(sticks.troubles.front());
  }
  if (!options.from.empty() && options.set.empty())
    return newest_of({options.from}, fmt::format("in {}", options.from));
  if (options.set.empty()) return newest_of({backup::sets_folder(box)}, "on this box");
  std::error_code ec;
  if (fs::is_regular_file(options.set, ec)) return backup::BackupSet{.file = options.set};
  return backup::find_set(options.from.empty() ? backup::sets_folder(box) : fs::path{options.from},
                          options.set);
}

// The first line of `file`; empty: a person is asked.
Result<std::string> passphrase_in(const std::string& file) {
  if (file.empty()) return read_password("", "Passphrase of the backup: ", false);
  auto found = backup::read_passphrase(file);
  if (!found) return std::unexpected(found.error());
  return std::move(found->text);
}

// A set that tar would read: decrypted, where it has to be, in a folder that is gone with this.
class PlainSet {
 public:
  explicit PlainSet(fs::path scratch) : scratch_(std::move(scratch)) {}
  ~PlainSet() {
    std::error_code ec;
    if (made_) fs::remove_all(scratch_, ec);
  }
  PlainSet(const PlainSet&) = delete;
  PlainSet& operator=(const PlainSet&) = delete;
  Result<void> open(backup::BackupSet& set, const backup::Box& box, const std::string& passphrase_file) {
    if (!backup::is_encrypted(set.file)) return {};
    const fs::path& configured = box.config.backup.passphrase_file;
    const std::string file = passphrase_file.empty() ? configured.string() : passphrase_file;
    const auto passphrase = passphrase_in(file);
    if (!passphrase) return std::unexpected(passphrase.error());
    std::error_code ec;
    fs::remove_all(scratch_, ec);  // of one that was killed
    if (auto folder = files::make_folder(scratch_.parent_path(), 0750); !folder) return folder;
    made_ = true;
    auto plain = backup::plain_set(set.file, *passphrase, scratch_);
    if (!plain) return std::unexpected(plain.error());
    set.file = std::move(*plain);
    return {};
  }

 private:
  fs::path scratch_;
  bool made_ = false;
};

std::string said(const backup::Manifest& manifest) {
  return fmt::format(
      "{} readings{}", manifest.contents.readings,
      manifest.contents.newest ? fmt::format(", the newest of {}", iso8601(*manifest.contents.newest)) : "");
}

Result<void> ask_first(const backup::Box& box, const backup::BackupSet& set, const Options& options) {
  std::error_code ec;
  if (options.yes || !fs::exists(ops::Paths{box.config}.database(), ec)) return {};
  const auto manifest = backup::look_into_set(set.file);
  if (!manifest) return std::unexpected(manifest.error());
  if (confirmed(
          fmt::format("{}\nholds {}. It takes the place of all this box has; what it has now is kept beside, "
                      "and readings\nthat came in since then won't be shown. Go on?",
                      set.file.string(), said(*manifest))))
    return {};
  return fail(Errc::refused, "nothing was touched", "`--yes` answers for scripts.");
}

Result<void> unpack_only(const Context& context, const backup::BackupSet& set, const Options& options) {
  Progress progress;
  const auto doing = shown(progress);
  const auto manifest =
      backup::read_set(set.file, fs::absolute(options.to),
                       [&](std::uint64_t done, std::uint64_t all) { return doing("unpacking", done, all); });
  progress.clear();
  if (!manifest) return std::unexpected(manifest.error());
  // As tar would have it, for README names it.
  if (auto put = files::replace(fs::absolute(options.to) / "MANIFEST", backup::encode(*manifest), 0644); !put)
    return put;
  if (context.json)
    fmt::print("{{\"set\":{},\"to\":{},\"readings\":{}}}\n", http::json_string(set.name()),
               http::json_string(options.to), manifest->contents.readings);
  else
    fmt::print("{}\nis whole and unpacked in {}: {}. README there says more.\n", set.file.string(),
               options.to, said(*manifest));
  return {};
}

Result<void> recover(const Context& context, const backup::Box& box) {
  const auto recovered = backup::recover_restore(ops::Paths{box.config});
  if (!recovered) return std::unexpected(recovered.error());
  const bool was = recovered->has_value();
  if (context.json)
    fmt::print("{{\"set\":{},\"finished\":{}}}\n", was ? http::json_string((*recovered)->set) : "null",
               was && (*recovered)->finished);
  else if (was)
    fmt::print("The restore of {} was cut short; it is {} now.\n", printable((*recovered)->set),
               (*recovered)->finished ? "finished" : "undone");
  else
    fmt::print("No restore was cut short.\n");
  return {};
}

void print(const Context& context, const backup::Restored& restored) {
  if (context.json) {
    fmt::print("{{\"set\":{},\"readings\":{},\"kept\":{}}}\n", http::json_string(restored.set.name()),
               restored.readings, restored.kept ? http::json_string(restored.kept->string()) : "null");
    return;
  }
  fmt::print("{}\nis restored: {}.\n", restored.set.file.string(), said(*restored.set.manifest));
  if (restored.kept)
    fmt::print("What was there is kept in {} until a later backup is proven.\n", restored.kept->string());
  for (const std::string& note : restored.notes) fmt::print("{}\n", printable(note));
}

Result<void> restore(const Context& context, const Options& options) {
  const auto box = backup_box(context);
  if (!box) return std::unexpected(box.error());
  if (options.recover) return recover(context, *box);
  const Sticks sticks = options.from == "USB" ? open_sticks(ops::Paths{box->config}) : Sticks{};
  auto set = wanted_set(*box, sticks, options);
  if (!set) return std::unexpected(set.error());
  PlainSet plain{box->config.core.data_dir / "scratch/restore"};
  if (auto opened = plain.open(*set, *box, options.passphrase_file); !opened) return opened;
  if (!options.to.empty()) return unpack_only(context, *set, options);
  if (auto yes = ask_first(*box, *set, options); !yes) return yes;
  // No backup begins, and none is dropped, meanwhile.
  if (auto folder = files::make_folder(backup::sets_folder(*box), 0750); !folder) return folder;
  const auto lock = backup::lock_sets(backup::sets_folder(*box));
  if (!lock) return std::unexpected(lock.error());
  Progress progress;
  const auto core = core_control(box->config, box->config_file);
  const auto restored =
      backup::restore_set(*box, set->file, *core, !options.no_restart, SystemClock{}, shown(progress));
  progress.clear();
  if (!restored) return std::unexpected(restored.error());
  print(context, *restored);
  return {};
}

}  // namespace

void add_restore_command(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("restore", "A backup set takes the place of what this box has");
  const auto options = std::make_shared<Options>();
  command->add_option("SET", options->set, "A set's name or path (default: the newest)");
  command->add_option("--from", options->from, "The folder it is in, or USB: the newest set on a stick");
  auto* to =
      command->add_option("--to", options->to, "Only unpack it there, into a folder that isn't there yet");
  command->add_option(
      "--passphrase-file", options->passphrase_file,
      "Of an encrypted set: the file's first line (default: as configured, else it is asked for)");
  command->add_flag("--no-restart", options->no_restart, "Leave the core stopped, and don't try it");
  command->add_flag("--yes", options->yes, "Don't ask");
  command->add_flag("--recover", options->recover, "Finish or undo a restore that was cut short")
      ->excludes(to);
  command->footer(
      "The set is checked and read beside what is there first; then both change places at once. When the "
      "core\n"
      "doesn't turn well with it within a minute, they change back. What was there is kept.\n"
      "Example:\n  alona restore --from USB");
  command->callback([&context, options] {
    if (auto done = restore(context, *options); !done) context.end(done.error());
  });
}

}  // namespace alona
