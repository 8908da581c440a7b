// `alona backup`: sets of everything a box is made of, checked and proven. Each in this process, beside a
// running core or without one.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "alona/backup_box.h"
#include "backup/drill.h"
#include "http/message.h"
#include "room/size_text.h"

namespace alona {
namespace {

struct Options {
  std::string set;
  bool all = false;
  bool background = false;  // started by the core, which follows it
  [[nodiscard]] Progress::For progress_for() const {
    return background ? Progress::For::programs : Progress::For::people;
  }
};

std::string time_or_null(const std::optional<UtcMs>& t) {
  return t ? fmt::format("\"{}\"", iso8601(*t)) : "null";
}

std::string json_of(const backup::BackupSet& set) {
  const auto* m = set.manifest ? &*set.manifest : nullptr;
  return fmt::format(
      R"({{"set":{},"state":"{}","bytes":{},"taken":{},"newest":{},"readings":{},"schema":{},"program":{},)"
      R"("verified":{},"proven":{},"failed":{}}})",
      http::json_string(set.name()), state_word(set), set.bytes,
      time_or_null(m ? std::optional{m->taken} : std::nullopt),
      time_or_null(m ? m->contents.newest : std::nullopt), m ? m->contents.readings : 0,
      m ? m->contents.schema : 0, http::json_string(m ? m->program : ""), time_or_null(set.state.verified),
      time_or_null(set.state.proven), http::json_string(set.state.failed));
}

void say(const backup::BackupSet& set) {
  const auto newest = set.manifest ? set.manifest->contents.newest : std::nullopt;
  fmt::print("{}  {:>9}  {:<12}  {}\n", set.name(), room::size_text(set.bytes), state_word(set),
             set.state.failed.empty() ? newest ? "newest reading " + iso8601(*newest) : "no readings"
                                      : printable(set.state.failed));
}

Result<void> now(const Context& context, const backup::Box& box, const Options& options) {
  Progress progress{options.progress_for()};
  const auto taken = backup::take_backup(box, SystemClock{}, shown(progress));
  progress.clear();
  if (!taken) return std::unexpected(taken.error());
  if (context.json) return fmt::print("{}\n", json_of(taken->set)), Result<void>{};
  const backup::Manifest& m = *taken->set.manifest;
  fmt::print("{}\n{}, {} readings{}; read back and whole.\n", taken->set.file.string(),
             room::size_text(taken->set.bytes), m.contents.readings,
             m.contents.newest ? ", the newest of " + iso8601(*m.contents.newest) : "");
  for (const std::string& name : taken->dropped) fmt::print("Removed {}\n", name);
  return {};
}

Result<void> list(const Context& context, const backup::Box& box, const Options&) {
  const auto sets = backup::list_sets(backup::sets_folder(box));
  if (!sets) return std::unexpected(sets.error());
  if (context.json) {
    std::string all;
    for (const auto& set : *sets) all += (all.empty() ? "" : ",") + json_of(set);
    return fmt::print("[{}]\n", all), Result<void>{};
  }
  for (const auto& set : *sets) say(set);
  if (sets->empty()) fmt::print("No backups yet. `alona backup now` makes one.\n");
  return {};
}

// The one that was named, all of them, or the newest.
Result<std::vector<backup::BackupSet>> meant(const backup::Box& box, const Options& options) {
  const auto folder = backup::sets_folder(box);
  if (!options.set.empty()) {
    auto one = backup::find_set(folder, options.set);
    if (!one) return std::unexpected(one.error());
    return std::vector{std::move(*one)};
  }
  auto sets = backup::list_sets(folder);
  if (!sets) return sets;
  if (sets->empty()) return fail(Errc::not_found, "there is no backup yet", "`alona backup now` makes one.");
  if (!options.all) sets->resize(1);
  return sets;
}

// Does `work` to each, under the lock; the first failure is the command's, and the others are still done.
template <class Work>
Result<void> for_each_set(const Context& context, const backup::Box& box, const Options& options,
                          Work&& work) {
  const auto lock = backup::lock_sets(backup::sets_folder(box));
  if (!lock) return std::unexpected(lock.error());
  auto sets = meant(box, options);
  if (!sets) return std::unexpected(sets.error());
  Result<void> outcome;
  for (backup::BackupSet& set : *sets) {
    Progress progress{options.progress_for()};
    const backup::Doing doing = shown(progress);
    auto done = work(set, doing);
    progress.clear();
    if (context.json)
      fmt::print("{}\n", json_of(set));
    else if (done)
      fmt::print("{}: {}\n", set.name(), *done);
    if (!done && outcome) outcome = std::unexpected(done.error());
    if (!done && done.error().code == Errc::temporary) break;
  }
  return outcome;
}

Result<void> verify(const Context& context, const backup::Box& box, const Options& options) {
  return for_each_set(context, box, options,
                      [](backup::BackupSet& set, const backup::Doing& doing) -> Result<std::string> {
                        auto done = backup::verify_set(set, SystemClock{}, doing);
                        if (!done) return std::unexpected(done.error());
                        return "whole";
                      });
}

Result<void> drill(const Context& context, const backup::Box& box, const Options& options) {
  return for_each_set(context, box, options,
                      [&](backup::BackupSet& set, const backup::Doing& doing) -> Result<std::string> {
                        auto done = backup::drill_set(box, set, SystemClock{}, doing);
                        if (!done) return std::unexpected(done.error());
                        return fmt::format("proven restorable, {} readings shown", done->readings);
                      });
}

using Command = Result<void> (*)(const Context&, const backup::Box&, const Options&);

std::function<void()> run(Context& context, const std::shared_ptr<Options>& options, Command command) {
  return [&context, options, command] {
    const auto box = backup_box(context);
    if (!box) return context.end(box.error());
    step_aside();
    if (auto done = command(context, *box, *options); !done) context.end(done.error());
  };
}

}  // namespace

void add_backup_command(CLI::App& app, Context& context) {
  auto* group = app.add_subcommand("backup", "Back up everything, and prove that it can be restored");
  group->require_subcommand(1);
  group->footer("Example:\n  alona backup now");
  const auto options = std::make_shared<Options>();
  // For the core, not for people: so it isn't shown. Behind each command, as --json is.
  group->add_flag("--background", options->background)->group("");

  auto* take = group->add_subcommand("now", "Take one; it is read back before it counts");
  take->footer("Example:\n  alona backup now");
  take->callback(run(context, options, now));

  auto* show = group->add_subcommand("list", "What there is, the newest first");
  show->footer("Example:\n  alona backup list --json");
  show->callback(run(context, options, list));

  for (auto* sub :
       {group->add_subcommand("verify", "Read a set whole and compare it with what it says of itself"),
        group->add_subcommand("drill", "Restore a set into a scratch folder and read its history")}) {
    sub->add_option("SET", options->set, "A set's name or path (default: the newest)");
    sub->add_flag("--all", options->all, "Every set");
    sub->footer(fmt::format("Ends with 0 when it is whole, 3 when it isn't.\nExample:\n  alona backup {}",
                            sub->get_name()));
    sub->callback(run(context, options, sub->get_name() == "verify" ? verify : drill));
  }
}

}  // namespace alona
