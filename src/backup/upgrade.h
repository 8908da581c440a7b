// An upgrade: another package takes the place of the one that runs, and unless the core turns well with it,
// the former one and its data come back. In a process of its own, as root. What is under way stands in the
// journal; whoever is killed here leaves what `recover_upgrade` makes wholly the old. One process at a time,
// which holds lock_restore().
//
// data_dir-releases, beside data_dir and root's alone (data_dir is the core's, which mustn't say what root
// installs):
//   alona_VERSION_ARCHITECTURE.deb   the package that runs and the one before
//   alona                            this program while an upgrade is under way: the new one may not start
//   alona.toml                       the configuration as that upgrade found it: this program may not know
//                                    what stands in the other package's
//   outcome                          how the last one ended: lines `alona-outcome 1`, milliseconds since
//                                    1970, `upgrade` or `roll_back`, the state, and text for people
//   upgrade                          the journal: lines `alona-upgrade 1`, `from VERSION FILE`,
//                                    `to VERSION FILE`, `end`
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "backup/restore.h"
#include "ops/paths.h"

namespace alona::backup {

struct Package {
  std::string name, version, architecture;
};

// The machine's package manager, and what the program that it has installed does to the data.
class Packages {
 public:
  virtual ~Packages() = default;
  // corrupt: not a package, or damaged.
  [[nodiscard]] virtual Result<Package> look(const std::filesystem::path& file) = 0;
  [[nodiscard]] virtual Result<Package> installed() = 0;
  // Less than, equal to, greater than 0.
  [[nodiscard]] virtual Result<int> compare(const std::string& a, const std::string& b) = 0;
  // Of the system, such as "12"; empty where it says none.
  [[nodiscard]] virtual std::string release() = 0;
  // temporary: somebody else installs just now, and who.
  [[nodiscard]] virtual Result<void> available() = 0;
  // refused: it needs other packages, which it names.
  [[nodiscard]] virtual Result<void> fits(const std::filesystem::path& file) = 0;
  // Of any version, also one older than what is installed.
  [[nodiscard]] virtual Result<void> install(const std::filesystem::path& file) = 0;
  // Alona's package isn't half done; false, too, where nobody knows.
  [[nodiscard]] virtual bool settled() = 0;
  // What an installation that was cut short left open.
  [[nodiscard]] virtual Result<void> complete() = 0;
  // By the program that is installed now: a database that a newer one upgraded is as it was before that;
  // where it kept the newer one.
  [[nodiscard]] virtual Result<std::string> step_back() = 0;
};

[[nodiscard]] std::filesystem::path releases_folder(const ops::Paths& paths);
struct Upgraded {
  std::string from, to;
  std::string kept;  // the database of the newer program, when there was a way back to an older one
};

// `back`: to an older version; else to a later one. refused, corrupt, not_found: nothing was touched. failed:
// it was installed and undone, and why.
[[nodiscard]] Result<Upgraded> upgrade(const Box& box, const std::filesystem::path& file, bool back,
                                       Packages& packages, CoreControl& core, const Clock& clock,
                                       const Doing& doing);
// Files that are named as Alona's packages are, in these folders; nobody has looked into them.
[[nodiscard]] std::vector<std::filesystem::path> packages_in(
    const std::vector<std::filesystem::path>& folders);
// Why this package isn't for a machine on which `now` is installed, for people; empty: it is.
[[nodiscard]] std::string why_not_here(const Package& package, const Package& now, Packages& packages);
// What lies in these folders for this machine: the latest package that is whole and made for it, later than
// the one that is installed or not, and what is wrong with others, for people. All empty: none of Alona is
// there.
struct OnStick {
  std::filesystem::path file;
  std::string version;
  std::string trouble;
};
[[nodiscard]] OnStick find_package(const std::vector<std::filesystem::path>& folders, Packages& packages);
// What root found on sticks that nobody has mounted, for the core, which can't: a file each, `DEVICE/found`
// in runtime_dir-sticks, root's alone, with the lines `alona-stick 1`, the version or nothing, `end`, and the
// trouble. The unit that looks takes it away when the stick goes.
[[nodiscard]] std::filesystem::path sticks_folder(const ops::Paths& paths);
[[nodiscard]] Result<void> write_found(const ops::Paths& paths, const std::string& device,
                                       const OnStick& found);
// By their devices, without the packages' files; those that can't be read or aren't whole are left out. At
// most 16.
[[nodiscard]] std::vector<OnStick> read_found(const ops::Paths& paths);
// The best of it, now that `now` is installed: a later version, or why there is none, or neither.
struct Offer {
  std::string version;
  std::string trouble;
};
[[nodiscard]] Offer offer_of(const std::vector<OnStick>& found, const std::string& now, Packages& packages);

// How the last upgrade or way back ended, for who wasn't there: `outcome` beside the packages. Root writes it
// at the beginning and at the end; anybody may read it, and takes it for what it is.
struct Outcome {
  enum class State { running, done, failed };
  UtcMs at{};
  bool back = false;
  State state = State::running;
  std::string text;  // what it did, or why not and what to do; several lines
};
[[nodiscard]] Result<void> write_outcome(const ops::Paths& paths, const Outcome& outcome);
// Nothing: none was ever made, or the file can't be read.
[[nodiscard]] std::optional<Outcome> read_outcome(const ops::Paths& paths);

// One is open, and nobody is at work on it. Any user who may read what is below data_dir.
[[nodiscard]] Result<bool> upgrade_cut_short(const ops::Paths& paths);

// The package before the one that runs. not_found.
[[nodiscard]] Result<std::filesystem::path> former_package(const ops::Paths& paths, Packages& packages);

// The configuration as the upgrade that is under way in this folder of releases found it. not_found: none is.
[[nodiscard]] Result<ops::Config> config_before(const std::filesystem::path& releases);

// An upgrade that was cut short is undone. `core` nothing: none runs, and none is to be started, for the
// machine is starting. Nothing: there was none.
[[nodiscard]] Result<std::optional<Upgraded>> recover_upgrade(const Box& box, Packages& packages,
                                                              CoreControl* core);

}  // namespace alona::backup
