// `alona backup`: sets of everything a box is made of, checked and proven. Each in this process, beside a
// running core or without one.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "alona/backup_box.h"
#include "backup/drill.h"
#include "backup/second.h"
#include "http/message.h"
#include "room/size_text.h"

namespace alona {
namespace {

struct Options {
  std::string set;
  bool all = false;
  bool background = false;  // started by the core, which follows it
  bool second = false, no_second = false;
  std::string out, passphrase_file;  // of decrypt
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
      R"("verified":{},"proven":{},"failed":{},"base":{},"encrypted":{}}})",
      http::json_string(set.name()), state_word(set), set.bytes,
      time_or_null(m ? std::optional{m->taken} : std::nullopt),
      time_or_null(m ? m->contents.newest : std::nullopt), m ? m->contents.readings : 0,
      m ? m->contents.schema : 0, http::json_string(m ? m->program : ""), time_or_null(set.state.verified),
      time_or_null(set.state.proven), http::json_string(set.state.failed),
      m && m->base && !m->base->set.empty() ? http::json_string(m->base->set) : "null",
      set.name().ends_with(backup::crypt_suffix));
}

std::string about(const backup::BackupSet& set) {
  if (!set.state.failed.empty()) return printable(set.state.failed);
  if (set.name().ends_with(backup::crypt_suffix)) return "encrypted, taken " + iso8601(set.manifest->taken);
  const auto newest = set.manifest->contents.newest;
  return (newest ? "newest reading " + iso8601(*newest) : "no readings") +
         (set.manifest->base ? ", builds on " + set.manifest->base->set : "");
}

void say(const backup::BackupSet& set) {
  fmt::print("{}  {:>9}  {:<12}  {}\n", set.name(), room::size_text(set.bytes), state_word(set), about(set));
}

// A target that isn't there may be tomorrow: 4. A copy that came out wrong is no refusal: 1.
Error of_target(Error error) {
  if (error.code == Errc::not_found) error.code = Errc::temporary;
  if (error.code == Errc::corrupt) error.code = Errc::io;
  return error;
}

Result<backup::SecondTarget> open_target(const backup::Box& box) {
  auto target = backup::SecondTarget::open(box.config.backup.second_target, box.config.core.runtime_dir);
  if (!target) return std::unexpected(of_target(target.error()));
  return target;
}

backup::Copied copy_with_bar(const backup::Box& box, const Options& options) {
  Progress progress{options.progress_for()};
  auto copied = backup::copy_to_second(box, SystemClock{}, shown_unhurried(progress));
  progress.clear();
  if (!copied.warning.empty()) fmt::print(stderr, "{}\n", copied.warning);
  return copied;
}

std::string json_of(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ",") + http::json_string(name);
  return "[" + all + "]";
}

std::string json_of(const backup::Copied& copied) {
  return fmt::format(R"({{"folder":{},"same_disk":{},"copied":{},"dropped":{},"newest":{},"failed":{}}})",
                     http::json_string(copied.folder.string()), copied.same_disk, json_of(copied.copied),
                     json_of(copied.dropped), copied.newest ? http::json_string(*copied.newest) : "null",
                     http::json_string(copied.newest ? "" : copied.newest.error().what));
}

void say(const backup::Copied& copied) {
  const std::string folder = printable(copied.folder.string());
  for (const std::string& name : copied.copied) fmt::print("Copied {} to {}\n", name, folder);
  for (const std::string& name : copied.dropped) fmt::print("Removed {} from {}\n", name, folder);
  if (copied.newest && copied.copied.empty())
    fmt::print("Nothing to copy: {} has {}\n", folder, *copied.newest);
  if (copied.same_disk)
    fmt::print("{} is on the same disk as the box's own sets: it doesn't survive that disk's death.\n",
               folder);
}

Result<void> outcome_of(const backup::Copied& copied) {
  if (!copied.newest) return std::unexpected(of_target(copied.newest.error()));
  return {};
}

Result<void> copy(const Context& context, const backup::Box& box, const Options& options) {
  const backup::Copied copied = copy_with_bar(box, options);
  if (context.json)
    fmt::print("{}\n", json_of(copied));
  else
    say(copied);
  return outcome_of(copied);
}

// The set is made, whatever becomes of its copy.
Result<void> copy_new(const Context& context, const backup::Box& box, const Options& options,
                      const backup::BackupSet& set) {
  const bool wanted = !box.config.backup.second_target.empty() && !options.no_second;
  if (!wanted) return context.json ? fmt::print("{}\n", json_of(set)) : void(), Result<void>{};
  std::fflush(stdout);  // it may take long
  const backup::Copied copied = copy_with_bar(box, options);
  if (context.json) {
    std::string both = json_of(set);
    both.pop_back();
    fmt::print("{},\"second\":{}}}\n", both, json_of(copied));
  } else {
    say(copied);
  }
  auto outcome = outcome_of(copied);
  if (!outcome) return with_context("the set is made, but not its second copy", outcome.error());
  return outcome;
}

Result<void> now(const Context& context, const backup::Box& box, const Options& options) {
  Progress progress{options.progress_for()};
  const auto taken = backup::take_backup(box, SystemClock{}, shown_unhurried(progress));
  progress.clear();
  if (!taken) return std::unexpected(taken.error());
  if (!taken->note.empty()) fmt::print(stderr, "{}\n", printable(taken->note));
  if (context.json) return copy_new(context, box, options, taken->set);
  const backup::Manifest& m = *taken->set.manifest;
  fmt::print("{}\n{}, {} readings{}; read back and whole.\n", taken->set.file.string(),
             room::size_text(taken->set.bytes), m.contents.readings,
             m.contents.newest ? ", the newest of " + iso8601(*m.contents.newest) : "");
  if (m.base) fmt::print("It holds what has changed since {}; a restore takes both.\n", m.base->set);
  for (const std::string& name : taken->dropped) fmt::print("Removed {}\n", name);
  return copy_new(context, box, options, taken->set);
}

Result<std::vector<backup::BackupSet>> sets_of(const backup::Box& box, bool second) {
  if (!second) return backup::list_sets(backup::sets_folder(box));
  const auto target = open_target(box);
  if (!target) return std::unexpected(target.error());
  return backup::list_copies(*target);
}

Result<void> list(const Context& context, const backup::Box& box, const Options& options) {
  const auto sets = sets_of(box, options.second);
  if (!sets) return std::unexpected(sets.error());
  if (context.json) {
    std::string all;
    for (const auto& set : *sets) all += (all.empty() ? "" : ",") + json_of(set);
    return fmt::print("[{}]\n", all), Result<void>{};
  }
  for (const auto& set : *sets) say(set);
  if (sets->empty())
    fmt::print("No backups yet. `alona backup {}` makes one.\n", options.second ? "copy" : "now");
  return {};
}

// The one that was named, all of them, or the newest. `target`: nothing for the box's own.
Result<std::vector<backup::BackupSet>> meant(const backup::Box& box, const backup::SecondTarget* target,
                                             const Options& options) {
  const auto folder = backup::sets_folder(box);
  if (!options.set.empty() && target == nullptr) {
    auto one = backup::find_set(folder, options.set);
    if (!one) return std::unexpected(one.error());
    return std::vector{std::move(*one)};
  }
  auto sets = target != nullptr ? backup::list_copies(*target) : backup::list_sets(folder);
  if (!sets) return sets;
  if (!options.set.empty()) {
    std::erase_if(*sets, [&](const auto& set) {
      return set.name() != options.set && !set.name().starts_with(options.set + ".");
    });
    if (sets->empty())
      return fail(Errc::not_found, fmt::format("there is no copy {}", options.set),
                  "`alona backup list --second` shows all.");
    return sets;
  }
  if (sets->empty()) return fail(Errc::not_found, "there is no backup yet", "`alona backup now` makes one.");
  if (!options.all) sets->resize(1);
  return sets;
}

// Does `work` to each, under the lock; the first failure is the command's, and the others are still done.
template <class Work>
Result<void> for_each_set(const Context& context, const backup::Box& box, const backup::SecondTarget* target,
                          const Options& options, Work&& work) {
  const auto lock = backup::lock_sets(backup::sets_folder(box));
  if (!lock) return std::unexpected(lock.error());
  auto sets = meant(box, target, options);
  if (!sets) return std::unexpected(sets.error());
  Result<void> outcome;
  for (backup::BackupSet& set : *sets) {
    Progress progress{options.progress_for()};
    const backup::Doing doing = shown_unhurried(progress);
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

Result<void> verify_second(const Context& context, const backup::Box& box, const Options& options) {
  const auto target = open_target(box);
  if (!target) return std::unexpected(target.error());
  const auto found = backup::passphrase_of(box.config);
  if (!found) return std::unexpected(found.error());
  std::optional<std::string> passphrase;
  if (*found) passphrase = (*found)->text;
  return for_each_set(context, box, &*target, options,
                      [&](backup::BackupSet& set, const backup::Doing& doing) -> Result<std::string> {
                        auto done = backup::verify_copy(set, *target, passphrase, SystemClock{}, doing);
                        if (!done) return std::unexpected(done.error());
                        return "whole";
                      });
}

Result<void> verify(const Context& context, const backup::Box& box, const Options& options) {
  if (options.second) return verify_second(context, box, options);
  return for_each_set(context, box, nullptr, options,
                      [](backup::BackupSet& set, const backup::Doing& doing) -> Result<std::string> {
                        auto done = backup::verify_set(set, SystemClock{}, doing);
                        if (!done) return std::unexpected(done.error());
                        return "whole";
                      });
}

Result<void> drill(const Context& context, const backup::Box& box, const Options& options) {
  return for_each_set(context, box, nullptr, options,
                      [&](backup::BackupSet& set, const backup::Doing& doing) -> Result<std::string> {
                        auto done = backup::drill_set(box, set, SystemClock{}, doing);
                        if (!done) return std::unexpected(done.error());
                        return fmt::format("proven restorable, {} readings shown", done->readings);
                      });
}

// From the file that was named, the configuration's, or the terminal.
Result<std::string> passphrase_for(const backup::Box& box, const Options& options) {
  const std::filesystem::path file = options.passphrase_file.empty()
                                         ? box.config.backup.passphrase_file
                                         : std::filesystem::path{options.passphrase_file};
  if (file.empty()) return read_password("", "Passphrase: ", false);
  auto found = backup::read_passphrase(file);
  if (!found) return std::unexpected(found.error());
  return std::move(found->text);
}

Result<void> decrypt(const Context&, const backup::Box& box, const Options& options) {
  const auto passphrase = passphrase_for(box, options);
  if (!passphrase) return std::unexpected(passphrase.error());
  Progress progress;
  const auto doing = shown(progress);
  auto done =
      backup::decrypt_to(options.set, *passphrase, options.out,
                         [&](std::uint64_t at, std::uint64_t all) { return doing("decrypting", at, all); });
  progress.clear();
  if (done) fmt::print("{}\n", options.out);
  return done;
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
  take->add_flag("--no-second", options->no_second, "Leave the second target to `alona backup copy`");
  take->footer("Example:\n  alona backup now");
  take->callback(run(context, options, now));

  auto* again = group->add_subcommand("copy", "Copy what the second target lacks, without a new set");
  again->footer("Ends with 4 when the target isn't there.\nExample:\n  alona backup copy");
  again->callback(run(context, options, copy));

  auto* show = group->add_subcommand("list", "What there is, the newest first");
  show->add_flag("--second", options->second, "On the second target");
  show->footer("Example:\n  alona backup list --json");
  show->callback(run(context, options, list));

  auto* open = group->add_subcommand("decrypt", "Make a plain set of an encrypted one");
  open->add_option("FILE", options->set, "The encrypted set, NAME.tar.zst.enc")->required();
  open->add_option("OUT", options->out, "The plain one, a file that isn't there yet")->required();
  open->add_option("--passphrase-file", options->passphrase_file,
                   "Its first line is the passphrase (default: as configured, else it is asked for)");
  open->footer("Example:\n  alona backup decrypt /mnt/alona-x-20261125T031504Z.tar.zst.enc plain.tar.zst");
  open->callback(run(context, options, decrypt));

  for (auto* sub :
       {group->add_subcommand("verify", "Read a set whole and compare it with what it says of itself"),
        group->add_subcommand("drill", "Restore a set into a scratch folder and read its history")}) {
    sub->add_option("SET", options->set, "A set's name or path (default: the newest)");
    sub->add_flag("--all", options->all, "Every set");
    if (sub->get_name() == "verify") sub->add_flag("--second", options->second, "On the second target");
    sub->footer(fmt::format("Ends with 0 when it is whole, 3 when it isn't.\nExample:\n  alona backup {}",
                            sub->get_name()));
    sub->callback(run(context, options, sub->get_name() == "verify" ? verify : drill));
  }
}

}  // namespace alona
