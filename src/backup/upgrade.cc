#include "backup/upgrade.h"

#include <fmt/format.h>

#include <string_view>
#include <system_error>

#include "backup/exchange.h"
#include "backup/words.h"

namespace alona::backup {
namespace {

namespace fs = std::filesystem;
constexpr const char* untouched = "Nothing was changed.";

struct Side {
  std::string version;
  fs::path file;
};
struct UpgradeJournal {
  Side from, to;
};

fs::path journal_file(const ops::Paths& paths) { return releases_folder(paths) / "upgrade"; }
fs::path program_file(const ops::Paths& paths) { return releases_folder(paths) / "alona"; }
fs::path config_file(const fs::path& releases) { return releases / "alona.toml"; }

std::string name_of(const Package& package) {
  return fmt::format("{}_{}_{}.deb", package.name, package.version, package.architecture);
}

bool take_side(Side& side, std::string_view& text, std::string_view key) {
  std::string_view line = take(text, '\n');
  if (take(line, ' ') != key) return false;
  side.version = take(line, ' ');
  side.file = line;
  return !side.version.empty() && side.file.is_absolute();
}

Result<std::optional<UpgradeJournal>> read_journal(const ops::Paths& paths) {
  const auto text = files::read(journal_file(paths), 64 << 10);
  if (!text && text.error().code == Errc::not_found) return std::nullopt;
  if (!text) return std::unexpected(text.error());
  std::string_view left = *text;
  UpgradeJournal journal;
  if (take(left, '\n') == "alona-upgrade 1" && take_side(journal.from, left, "from") &&
      take_side(journal.to, left, "to") && left == "end\n")
    return journal;
  return fail(
      Errc::corrupt,
      fmt::format("an upgrade was cut short, and its journal {} can't be read", journal_file(paths).string()),
      fmt::format("Install the package you want from {} with `dpkg --install`, and remove the journal.",
                  releases_folder(paths).string()));
}

Result<void> write_journal(const ops::Paths& paths, const UpgradeJournal& journal) {
  return files::replace(journal_file(paths),
                        fmt::format("alona-upgrade 1\nfrom {} {}\nto {} {}\nend\n", journal.from.version,
                                    journal.from.file.string(), journal.to.version, journal.to.file.string()),
                        0644);
}

// Under its last name only once it is whole and on the disk.
Result<void> put_copy(const fs::path& from, const fs::path& to, mode_t mode) {
  std::error_code ec;
  if (fs::equivalent(from, to, ec)) return {};
  const fs::path part = to.string() + ".part";
  fs::remove(part, ec);
  fs::copy_file(from, part, ec);
  if (!ec) fs::permissions(part, static_cast<fs::perms>(mode), ec);
  if (ec) {
    std::error_code gone;
    fs::remove(part, gone);
    const bool full = ec == std::errc::no_space_on_device;
    return fail(full ? Errc::disk_full : Errc::io,
                fmt::format("cannot copy {} to {}: {}", from.string(), to.string(), ec.message()), untouched);
  }
  if (auto synced = files::sync_file(part); !synced) return synced;
  fs::rename(part, to, ec);
  if (ec) return fail(Errc::io, fmt::format("cannot rename {}: {}", part.string(), ec.message()), untouched);
  return files::sync_folder(to.parent_path());
}

// Where there is none, an empty one says the same.
Result<void> keep_config(const ops::Paths& paths, const fs::path& file) {
  const auto text = files::read(file);
  if (!text && text.error().code != Errc::not_found) return std::unexpected(text.error());
  return files::replace(config_file(releases_folder(paths)), text.value_or(""), 0600);
}

// It is over, one way or the other: the journal goes, and then what isn't needed any more. Cut between the
// two, what is left over waits for the next upgrade; a journal without its program would keep a boot from
// undoing anything.
Result<void> close_journal(const ops::Paths& paths, const UpgradeJournal& journal, bool undone) {
  std::error_code ec;
  fs::remove(journal_file(paths), ec);
  if (ec)
    return fail(Errc::io, fmt::format("cannot remove {}: {}", journal_file(paths).string(), ec.message()));
  if (auto synced = files::sync_folder(releases_folder(paths)); !synced) return synced;
  fs::remove(program_file(paths), ec);
  fs::remove(config_file(releases_folder(paths)), ec);
  for (fs::directory_iterator it{releases_folder(paths), ec}, end; !ec && it != end; it.increment(ec)) {
    const bool needed = it->path() == journal.from.file || (!undone && it->path() == journal.to.file);
    std::error_code gone;
    if (it->path().extension() == ".deb" && !needed) fs::remove(it->path(), gone);
  }
  return {};
}

// Where it has its place already, as when the other one couldn't even be begun, there is nothing to install.
Result<void> put_package_back(const Side& from, Packages& packages) {
  const auto now = packages.installed();
  if (now && now->version == from.version && packages.settled()) return {};
  (void)packages.complete();  // if it can't be, the former package takes its place all the same
  return packages.install(from.file);
}

// What was kept of the newer one. No core has the data meanwhile, and none runs afterwards.
Result<std::string> put_back(const ops::Paths& paths, const UpgradeJournal& journal, Packages& packages,
                             CoreControl* core) {
  if (core != nullptr) {
    if (auto stopped = core->stop(); !stopped) return std::unexpected(stopped.error());
  }
  if (auto done = put_package_back(journal.from, packages); !done) return std::unexpected(done.error());
  // What the package's own scripts have started must not look at the data before they are right.
  if (core != nullptr) {
    if (auto stopped = core->stop(); !stopped) return std::unexpected(stopped.error());
  }
  auto kept = packages.step_back();
  if (!kept) return kept;
  if (auto closed = close_journal(paths, journal, true); !closed) return std::unexpected(closed.error());
  return kept;
}

// `core` nothing: the machine is starting.
Result<Upgraded> undo(const ops::Paths& paths, const UpgradeJournal& journal, Packages& packages,
                      CoreControl* core) {
  auto kept = put_back(paths, journal, packages, core);
  if (!kept) {
    // Whatever is installed now: a core that can't go on shows why on its page, and a box without one says
    // nothing at all.
    if (core != nullptr) (void)core->start();
    return std::unexpected(kept.error());
  }
  if (core != nullptr) {
    if (auto started = core->start(); !started) return std::unexpected(started.error());
    if (auto well = core->wait_well(); !well) return std::unexpected(well.error());
  }
  return Upgraded{.from = journal.to.version, .to = journal.from.version, .kept = std::move(*kept)};
}

// The way back: the package that runs, whole.
Result<fs::path> way_back(const ops::Paths& paths, const Package& now, Packages& packages) {
  fs::path file = releases_folder(paths) / name_of(now);
  std::error_code ec;
  const bool there = fs::is_regular_file(file, ec);
  const auto found = there ? packages.look(file) : Result<Package>{};
  if (there && found && found->version == now.version) return file;
  return fail(
      Errc::not_found,
      fmt::format("there would be no way back: the package of {}, which runs, {} {}", now.version,
                  there ? "is damaged at" : "isn't at", file.string()),
      "Copy it there first; the field kit that it came from has it in `packages`. Nothing was changed.");
}

class Upgrade {
 public:
  Upgrade(const Box& box, bool back, Packages& packages, CoreControl& core, const Clock& clock,
          const Doing& doing)
      : box_(box),
        paths_(box.config),
        back_(back),
        packages_(packages),
        core_(core),
        clock_(clock),
        doing_(doing) {}

  Result<Upgraded> run(const fs::path& file) {
    if (auto done = look(file); !done) return std::unexpected(done.error());
    if (auto done = prepare(file); !done) return std::unexpected(done.error());
    auto installed = install();
    if (!installed) return undone(installed.error());
    if (auto closed = close_journal(paths_, journal_, false); !closed) return std::unexpected(closed.error());
    return Upgraded{.from = journal_.from.version, .to = journal_.to.version, .kept = std::move(*installed)};
  }

 private:
  Result<void> look(const fs::path& file) {
    (void)doing_("looking at the package", 0, 0);
    const auto wanted = packages_.look(file);
    if (!wanted) return std::unexpected(wanted.error());
    const auto now = packages_.installed();
    if (!now) return std::unexpected(now.error());
    if (auto why = why_not_here(*wanted, *now, packages_); !why.empty())
      return fail(Errc::refused, std::move(why), untouched);
    const auto order = packages_.compare(wanted->version, now->version);
    if (!order) return std::unexpected(order.error());
    if (*order == 0)
      return fail(Errc::refused, fmt::format("{} is what runs already", now->version), untouched);
    if ((*order < 0) != back_)
      return fail(Errc::refused,
                  fmt::format("{} is {} than {}, which runs", wanted->version, back_ ? "later" : "older",
                              now->version),
                  back_ ? untouched : "To go back: `alona upgrade --rollback`. Nothing was changed.");
    if (auto free = packages_.available(); !free) return free;
    if (auto fits = packages_.fits(file); !fits) return fits;
    const auto former = way_back(paths_, *now, packages_);
    if (!former) return std::unexpected(former.error());
    journal_ = {{now->version, *former}, {wanted->version, releases_folder(paths_) / name_of(*wanted)}};
    return {};
  }

  Result<void> prepare(const fs::path& file) {
    auto taken = take_backup(box_, clock_, doing_);
    if (!taken) return with_context("the backup that an upgrade makes first", taken.error());
    if (auto copied = put_copy(file, journal_.to.file, 0644); !copied) return copied;
    if (auto copied = put_copy("/proc/self/exe", program_file(paths_), 0755); !copied) return copied;
    if (auto kept = keep_config(paths_, box_.config_file); !kept) return kept;
    return write_journal(paths_, journal_);
  }

  // What a way back kept; empty: nothing.
  Result<std::string> install() {
    std::string kept;
    (void)doing_("installing " + journal_.to.version, 0, 0);
    if (back_) {
      if (auto stopped = core_.stop(); !stopped) return std::unexpected(stopped.error());
    }
    if (auto done = packages_.install(journal_.to.file); !done) return std::unexpected(done.error());
    if (back_) {
      if (auto stopped = core_.stop(); !stopped) return std::unexpected(stopped.error());
      auto older = packages_.step_back();
      if (!older) return std::unexpected(older.error());
      kept = std::move(*older);
    }
    (void)doing_("starting the core", 0, 0);
    if (auto started = core_.start(); !started) return std::unexpected(started.error());
    if (auto well = core_.wait_well(); !well) return std::unexpected(well.error());
    if (auto well = core_.stays_well(); !well) return std::unexpected(well.error());
    return kept;
  }

  Result<Upgraded> undone(const Error& why) {
    (void)doing_("going back to " + journal_.from.version, 0, 0);
    const auto back = undo(paths_, journal_, packages_, &core_);
    if (!back)
      return fail(Errc::failed,
                  fmt::format("the upgrade to {} failed: {}; undoing it, too: {}", journal_.to.version,
                              why.what, back.error().what),
                  "Run `alona upgrade --recover`; a restart of the box does the same.");
    return fail(
        Errc::failed,
        fmt::format("the upgrade to {} was undone, and {} runs as before: {}", journal_.to.version,
                    journal_.from.version, why.what),
        why.next + (back->kept.empty() ? "" : "\nWhat the newer one had stored is kept in " + back->kept));
  }

  const Box& box_;
  const ops::Paths paths_;
  const bool back_;
  Packages& packages_;
  CoreControl& core_;
  const Clock& clock_;
  const Doing& doing_;
  UpgradeJournal journal_;
};

}  // namespace

fs::path releases_folder(const ops::Paths& paths) { return paths.data().string() + "-releases"; }

Result<fs::path> former_package(const ops::Paths& paths, Packages& packages) {
  const auto now = packages.installed();
  if (!now) return std::unexpected(now.error());
  const auto less = [&](const std::string& a, const std::string& b) {
    const auto order = packages.compare(a, b);
    return order && *order < 0;
  };
  std::optional<fs::path> former;
  std::string version;
  for (const fs::path& file : packages_in({releases_folder(paths)})) {
    const auto found = packages.look(file);
    if (!found || !less(found->version, now->version)) continue;
    if (!former || less(version, found->version)) former = file, version = found->version;
  }
  if (former) return *former;
  return fail(
      Errc::not_found,
      fmt::format("no package before {} is kept in {}", now->version, releases_folder(paths).string()),
      "Copy the one you want there. Nothing was changed.");
}

Result<Upgraded> upgrade(const Box& box, const fs::path& file, bool back, Packages& packages,
                         CoreControl& core, const Clock& clock, const Doing& doing) {
  const ops::Paths paths{box.config};
  if (auto made = files::make_folder(releases_folder(paths), 0755); !made)
    return std::unexpected(made.error());
  const auto lock = lock_restore(paths);
  if (!lock) return std::unexpected(lock.error());
  const auto open = read_journal(paths);
  if (!open) return std::unexpected(open.error());
  if (*open)
    return fail(Errc::refused, "an upgrade was cut short, and isn't undone yet",
                "Run `alona upgrade --recover`; a restart of the box does the same.");
  return Upgrade{box, back, packages, core, clock, doing}.run(fs::absolute(file));
}

Result<bool> upgrade_cut_short(const ops::Paths& paths) {
  std::error_code ec;
  const bool open = fs::exists(journal_file(paths), ec);
  if (ec) return std::unexpected(files::failure("look at", journal_file(paths), ec.value()));
  if (!open) return false;
  const auto locked = restore_locked(paths);
  if (!locked) return locked;
  // Again: the one who held the lock may have ended well meanwhile.
  return !*locked && fs::exists(journal_file(paths), ec);
}

Result<ops::Config> config_before(const fs::path& releases) {
  return ops::load_config(config_file(releases), true);
}

Result<std::optional<Upgraded>> recover_upgrade(const Box& box, Packages& packages, CoreControl* core) {
  const ops::Paths paths{box.config};
  auto journal = read_journal(paths);
  if (!journal) return std::unexpected(journal.error());
  if (!*journal) return std::nullopt;
  const auto lock = lock_restore(paths);
  if (!lock) return std::unexpected(lock.error());
  journal = read_journal(paths);  // whoever had the lock may have come to its end
  if (!journal) return std::unexpected(journal.error());
  if (!*journal) return std::nullopt;
  auto done = undo(paths, **journal, packages, core);
  if (!done) return std::unexpected(done.error());
  return *done;
}

}  // namespace alona::backup
