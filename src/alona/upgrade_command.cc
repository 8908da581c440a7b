// `alona upgrade`: another version of Alona, undone unless it turns well.
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "alona/backup_box.h"
#include "alona/cli.h"
#include "alona/core_control.h"
#include "alona/dpkg.h"
#include "alona/progress.h"
#include "alona/say.h"
#include "alona/sticks.h"
#include "backup/upgrade.h"
#include "http/message.h"
#include "store/step_back.h"

namespace alona {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string package, look;
  bool rollback = false, recover = false, at_boot = false, step_back = false, yes = false;
};

Result<void> only_root() {
  if (::geteuid() == 0) return {};
  return fail(Errc::refused, "only root can install packages",
              "Run it again with sudo. Nothing was changed.");
}

// By itself or in a field kit.
std::vector<fs::path> with_packages(const std::vector<fs::path>& sticks) {
  std::vector<fs::path> folders;
  for (const fs::path& folder : sticks) {
    folders.push_back(folder);
    folders.push_back(folder / "packages");
  }
  return folders;
}

Result<fs::path> on_a_stick(const Sticks& sticks, backup::Packages& packages) {
  auto found = backup::find_package(with_packages(sticks.folders), packages);
  if (!found.file.empty()) return std::move(found.file);
  if (!found.trouble.empty()) return fail(Errc::corrupt, found.trouble, "Nothing was changed.");
  if (!sticks.troubles.empty()) return std::unexpected(sticks.troubles.front());
  return fail(Errc::not_found, "there is no package of Alona on a stick", "Plug one in that has it.");
}

// For the core, which may not mount: by the unit that starts when a stick is plugged in.
Result<void> look(const ops::Paths& paths, const std::string& device, backup::Packages& packages) {
  const auto sticks = open_stick(paths, device);
  auto found = backup::find_package(with_packages(sticks.folders), packages);
  if (found.version.empty() && found.trouble.empty() && !sticks.troubles.empty())
    found.trouble = sticks.troubles.front().what + ".";
  fmt::print("{}: {}\n", device,
             !found.version.empty()   ? fmt::format("Alona {} is on it", printable(found.version))
             : !found.trouble.empty() ? printable(found.trouble)
                                      : "no Alona is on it");
  return backup::write_found(paths, device, found);
}

Result<fs::path> wanted(const backup::Box& box, const Sticks& sticks, backup::Packages& packages,
                        const Options& options) {
  if (options.rollback) return backup::former_package(ops::Paths{box.config}, packages);
  if (options.package == "USB") return on_a_stick(sticks, packages);
  std::error_code ec;
  if (fs::is_regular_file(options.package, ec)) return fs::path{options.package};
  if (options.package.empty())
    return fail(Errc::usage, "PACKAGE is required", "`alona upgrade --help` says more.");
  return fail(Errc::not_found, fmt::format("there is no file {}", printable(options.package)));
}

Result<void> ask_first(const fs::path& file, const Options& options) {
  if (options.yes ||
      confirmed(fmt::format(
          "{}\n{}takes the place of the version that runs. The core is away for some seconds; nodes "
          "keep\nwhat they measure meanwhile. Unless it turns well, all goes back. Go on?",
          file.string(),
          options.rollback ? "is older: what was stored since the upgrade may not be shown. It " : "")))
    return {};
  return fail(Errc::refused, "nothing was changed, for nobody said yes",
              "Answer y, or give --yes where there is no terminal.");
}

void print(const Context& context, const backup::Upgraded& done, std::string_view word) {
  if (context.json)
    say(stdout,
        fmt::format("{{\"from\":{},\"to\":{},\"kept\":{}}}\n", http::json_string(done.from),
                    http::json_string(done.to), done.kept.empty() ? "null" : http::json_string(done.kept)));
  else
    say(stdout, fmt::format("{} {}; {} ran before.\n{}", word, done.to, done.from,
                            done.kept.empty()
                                ? ""
                                : fmt::format("What the newer one had stored is kept in {}\n", done.kept)));
}

// An answer to the package manager's side: a path, or nothing.
Result<void> step_back(const backup::Box& box) {
  const ops::Paths paths{box.config};
  const auto kept = store::step_back(paths.database(), paths.data() / "quarantine");
  if (!kept) return std::unexpected(kept.error());
  if (*kept) fmt::print("{}\n", (*kept)->string());
  return {};
}

// For the page, whose reader wasn't there. A disk that takes no more of it doesn't stop the upgrade.
void keep(const backup::Box& box, bool back, backup::Outcome::State state, const std::string& text) {
  const auto kept = backup::write_outcome(ops::Paths{box.config}, {SystemClock{}.utc(), back, state, text});
  if (!kept) say(stderr, fmt::format("alona: how it went isn't written down: {}\n", kept.error().what));
}

// A shell that goes away, or a hand that is too quick, doesn't leave it half done.
void hold_out() {
  for (const int signal : {SIGHUP, SIGINT, SIGTERM}) std::signal(signal, SIG_IGN);
  // Nor does a `tee` that goes with the shell. A handler, which ends with exec: dpkg's own pipes live by this
  // signal.
  std::signal(SIGPIPE, [](int) {});
}

// This program is the former one, and the file may be the other's already, with keys that it doesn't know:
// then what the upgrade found when it began. That lies beside the program where the upgrade kept it; else the
// installed box has it in its place.
Result<backup::Box> box_to_recover(const Context& context) {
  auto box = backup_box(context);
  if (box || box.error().code != Errc::config) return box;
  std::error_code ec;
  std::vector<fs::path> folders{fs::read_symlink("/proc/self/exe", ec).parent_path()};
  if (context.config_path.empty() || context.config_path == ops::config_path_default)
    folders.push_back(backup::releases_folder(ops::Paths{ops::Config{}}));
  for (const fs::path& folder : folders) {
    auto before = backup::config_before(folder);
    if (!before) continue;
    say(stderr, fmt::format("alona: {}\nThe upgrade is undone by the configuration that it found.\n",
                            box.error().what));
    return backup_box(context, std::move(*before));
  }
  return box;
}

Result<void> recover(const Context& context, const backup::Box& box, backup::Packages& packages,
                     bool at_boot) {
  if (at_boot)
    ::setenv("ALONA_AT_BOOT", "1", 1);  // NOLINT(concurrency-mt-unsafe): the package's scripts start nothing
  else
    hold_out();
  const auto core = at_boot ? nullptr : core_control(box.config, box.config_file);
  const auto undone = backup::recover_upgrade(box, packages, core.get());
  if (!undone) return std::unexpected(undone.error());
  if (*undone) {
    keep(box, false, backup::Outcome::State::failed,
         fmt::format("It was cut short, as when the power goes, and undone: {} runs as before.",
                     (*undone)->to));
  }
  if (*undone)
    print(context, **undone, "An upgrade was cut short, and is undone:");
  else
    say(stdout, context.json ? "null\n" : "No upgrade was cut short.\n");
  return {};
}

Result<void> upgrade(const Context& context, const Options& options) {
  const auto box = options.recover ? box_to_recover(context) : backup_box(context);
  if (!box) return std::unexpected(box.error());
  if (options.step_back) return step_back(*box);
  if (auto root = only_root(); !root) return root;
  const auto packages = dpkg_packages(box->config_file.string());
  if (options.recover) return recover(context, *box, *packages, options.at_boot);
  if (!options.look.empty()) return look(ops::Paths{box->config}, options.look, *packages);
  using State = backup::Outcome::State;
  const auto refused = [&](Error why) {
    keep(*box, options.rollback, State::failed, why.text());
    return std::unexpected(std::move(why));
  };
  const Sticks sticks = options.package == "USB" ? open_sticks(ops::Paths{box->config}) : Sticks{};
  const auto file = wanted(*box, sticks, *packages, options);
  if (!file) return refused(file.error());
  if (auto yes = ask_first(*file, options); !yes) return yes;
  keep(*box, options.rollback, State::running, file->filename().string());
  hold_out();
  Progress progress;
  const backup::Doing doing = [&](std::string_view what, std::uint64_t part, std::uint64_t all) {
    return progress.at(what, part, all), true;
  };
  const auto core = core_control(box->config, box->config_file);
  const auto done = backup::upgrade(*box, *file, options.rollback, *packages, *core, SystemClock{}, doing);
  progress.clear();
  if (!done) return refused(done.error());
  keep(*box, options.rollback, State::done,
       fmt::format("{} runs; {} ran before.{}", done->to, done->from,
                   done->kept.empty() ? "" : " What the newer one had stored is kept in " + done->kept));
  print(context, *done, options.rollback ? "Back to" : "Upgraded to");
  return {};
}

}  // namespace

void add_upgrade_command(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("upgrade", "Another version of Alona, undone unless it turns well");
  const auto options = std::make_shared<Options>();
  auto* package =
      command->add_option("PACKAGE", options->package, "A package's file, or USB: the latest on a stick");
  command->add_flag("--rollback", options->rollback, "Back to the version before")->excludes(package);
  command->add_flag("--recover", options->recover, "Undo an upgrade that was cut short")->excludes(package);
  command->add_flag("--yes", options->yes, "Don't ask");
  command->add_flag("--at-boot", options->at_boot)->group("");      // by the unit
  command->add_option("--look", options->look)->group("");          // by the unit of a stick
  command->add_flag("--step-back", options->step_back)->group("");  // by the other version
  command->footer(
      "A backup is made first. When the core doesn't turn well with the new version within a minute, the\n"
      "former one and its data come back.\n"
      "Example:\n  sudo alona upgrade USB");
  command->callback([&context, options] {
    if (auto done = upgrade(context, *options); !done) context.end(done.error());
  });
}

}  // namespace alona
