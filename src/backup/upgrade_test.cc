// Packages that take each other's place: refused, undone, gone back from, and cut short at every system call.
#include "backup/upgrade.h"

#include <cstdlib>
#include <functional>

#include "backup/test_box.h"
#include "backup/test_kill.h"
#include "store/schema.h"
#include "store/step_back.h"
#include "store/test_version.h"

namespace alona::backup {
namespace {

namespace fs = std::filesystem;

// A machine whose packages are files that say their version. A later program than 1 upgrades the database
// when its core starts, with a copy first, and stores a reading of its own.
class TestPackages : public Packages {
 public:
  explicit TestPackages(const TestBox& box) : box_(box) { put_file(place(), "1"); }
  Result<Package> look(const fs::path& file) override {
    const std::string text = text_of(file);
    if (!text.starts_with("package "))
      return fail(Errc::corrupt, file.filename().string() + " isn't a package");
    const std::string rest = text.substr(8);
    return Package{rest.ends_with("stranger") ? "stranger" : "alona",
                   rest.find("+deb") == 1 ? rest.substr(0, 7) : rest.substr(0, 1),
                   rest.ends_with("arm64") ? "arm64" : "amd64"};
  }
  std::string release() override { return "12"; }
  Result<Package> installed() override { return Package{"alona", version(), "amd64"}; }
  Result<int> compare(const std::string& a, const std::string& b) override { return a.compare(b); }
  Result<void> available() override {
    return busy ? fail(Errc::temporary, "apt installs just now") : Result<void>{};
  }
  Result<void> fits(const fs::path&) override { return {}; }
  Result<void> install(const fs::path& file) override {
    ++installs;
    const auto package = look(file);
    if (!package) return std::unexpected(package.error());
    if (package->version == locked) return fail(Errc::failed, "dpkg is locked");
    put_file(place(), "half " + package->version);
    if (package->version == broken) return fail(Errc::failed, "its script failed");
    put_file(place(), package->version);
    return {};
  }
  bool settled() override { return !version().starts_with("half "); }
  Result<void> complete() override {
    if (const std::string now = text_of(place()); now.starts_with("half ")) put_file(place(), now.substr(5));
    return {};
  }
  Result<std::string> step_back() override {
    if (version() == "2") return std::string{};
    const auto kept = store::step_back(box_.database(), box_.box.config.core.data_dir / "quarantine");
    if (!kept) return std::unexpected(kept.error());
    return *kept ? (*kept)->string() : std::string{};
  }
  // What the program that is installed does at its start.
  void start() const {
    if (version() != "2" || fs::exists(copy()) || !upgrades_database) return;
    fs::copy_file(box_.database(), copy());
    store::put_version(box_.database(), store::schema_version + 1);
  }
  [[nodiscard]] std::string version() const { return text_of(place()); }
  [[nodiscard]] fs::path copy() const {
    return box_.database().string() + fmt::format(".version-{}", store::schema_version);
  }
  std::string broken, locked;  // fails in the middle; before it touched anything
  bool busy = false;
  int installs = 0;
  bool upgrades_database = true;

 private:
  [[nodiscard]] fs::path place() const { return box_.root / "installed"; }
  const TestBox& box_;
};

class TestCore : public CoreControl {
 public:
  explicit TestCore(const TestPackages& packages) : packages_(packages) {}
  Result<bool> stop() override {
    ++stops;
    return std::exchange(running, false);
  }
  Result<void> start() override {
    running = true;
    packages_.start();
    return {};
  }
  Result<void> wait_well() override {
    if (while_it_turns) while_it_turns();
    if (packages_.version() == ill) return fail(Errc::failed, "it fell over");
    return {};
  }
  Result<void> stays_well() override {
    if (packages_.version() == falling) return fail(Errc::failed, "it fell over later");
    return {};
  }
  std::string leave_running(bool) override { return {}; }
  bool running = true;
  int stops = 0;
  std::string ill, falling;
  std::function<void()> while_it_turns;

 private:
  const TestPackages& packages_;
};

struct Machine {
  TestBox box;
  fs::path releases, next;
  std::string history;
  std::unique_ptr<TestPackages> packages;
  std::unique_ptr<TestCore> core;
  Machine() {
    box.readings(30);
    history = history_of(box.database());
    releases = releases_folder(ops::Paths{box.box.config});
    next = box.root / "next.deb";
    put_file(next, "package 2");
    put_file(releases / "alona_1_amd64.deb", "package 1");
    packages = std::make_unique<TestPackages>(box);
    core = std::make_unique<TestCore>(*packages);
  }
  Result<Upgraded> go(bool back = false) {
    return upgrade(box.box, next, back, *packages, *core, box.clock, quietly);
  }
  [[nodiscard]] std::vector<std::string> kept() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator{releases}) names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
  }
  void expect_the_old_one() const {
    EXPECT_EQ(packages->version(), "1");
    EXPECT_EQ(history_of(box.database()), history);
  }
};
const std::vector<std::string> one{"alona_1_amd64.deb"}, both{"alona_1_amd64.deb", "alona_2_amd64.deb"};

TEST(Upgrade, takes_the_place_and_keeps_the_way_back) {
  Machine m;
  const auto done = m.go();
  ASSERT_TRUE(done) << done.error().text();
  EXPECT_EQ(m.packages->version(), "2");
  EXPECT_TRUE(m.core->running);
  EXPECT_EQ(m.kept(), both);
  const auto sets = list_sets(sets_folder(m.box.box));
  ASSERT_TRUE(sets);
  EXPECT_EQ(sets->size(), 1u) << "a backup first";
}

TEST(Upgrade, is_undone_when_it_cannot_be_installed_or_the_core_does_not_turn_well) {
  for (const char* how : {"broken", "ill", "falling"}) {
    Machine m;
    (how == std::string{"broken"} ? m.packages->broken
     : how == std::string{"ill"}  ? m.core->ill
                                  : m.core->falling) = "2";
    const auto done = m.go();
    ASSERT_FALSE(done) << how;
    EXPECT_EQ(done.error().code, Errc::failed);
    EXPECT_NE(done.error().what.find("undone"), std::string::npos) << done.error().what;
    m.expect_the_old_one();
    EXPECT_TRUE(m.core->running);
    EXPECT_EQ(m.kept(), one) << how;
    const fs::path quarantine = m.box.box.config.core.data_dir / "quarantine";
    EXPECT_EQ(fs::exists(quarantine / fmt::format("alona.sqlite3.newer-{}-1", store::schema_version + 1)),
              how != std::string{"broken"})
        << "what the newer one stored is kept";
  }
}

TEST(Upgrade, refuses_what_is_no_upgrade_and_touches_nothing) {
  Machine m;
  const auto refused = [&](std::string_view package, std::string_view why) {
    put_file(m.next, package);
    const auto done = m.go();
    ASSERT_FALSE(done) << package;
    EXPECT_NE(done.error().text().find(why), std::string::npos) << done.error().text();
    m.expect_the_old_one();
    EXPECT_EQ(m.kept(), one);
    EXPECT_TRUE(list_sets(sets_folder(m.box.box))->empty());
  };
  refused("nonsense", "isn't a package");
  refused("package 0", "older");
  refused("package 1", "runs already");
  refused("package 2 stranger", "stranger");
  fs::remove(m.releases / "alona_1_amd64.deb");
  put_file(m.next, "package 2");
  const auto done = m.go();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Errc::not_found);
  EXPECT_NE(done.error().what.find("no way back"), std::string::npos);
  put_file(m.releases / "alona_1_amd64.deb", "pack");
  const auto damaged = m.go();
  ASSERT_FALSE(damaged);
  EXPECT_NE(damaged.error().what.find("damaged"), std::string::npos) << damaged.error().what;
  m.expect_the_old_one();
}

TEST(Upgrade, leaves_a_core_running_when_it_can_not_be_undone_either) {
  Machine m;
  m.core->ill = "2";
  m.packages->locked = "1";
  const auto done = m.go();
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().what.find("undoing it, too: dpkg is locked"), std::string::npos)
      << done.error().what;
  EXPECT_TRUE(m.core->running);
  EXPECT_TRUE(fs::exists(m.releases / "upgrade"));
  m.packages->locked.clear();
  const auto recovered = recover_upgrade(m.box.box, *m.packages, m.core.get());
  ASSERT_TRUE(recovered) << recovered.error().text();
  EXPECT_TRUE(m.core->running);
  m.expect_the_old_one();
  EXPECT_EQ(m.kept(), one);
}

TEST(Upgrade, that_was_cut_short_is_told_from_one_that_is_under_way) {
  Machine m;
  const ops::Paths paths{m.box.box.config};
  const auto cut_short = [&] { return upgrade_cut_short(paths).value(); };
  EXPECT_FALSE(cut_short());
  m.core->ill = "2";
  m.core->while_it_turns = [&] {
    EXPECT_TRUE(fs::exists(m.releases / "upgrade"));
    EXPECT_FALSE(cut_short());
  };
  m.packages->broken = "1";
  ASSERT_FALSE(m.go());
  EXPECT_TRUE(cut_short()) << "and not undone";
  m.core->while_it_turns = {};
  m.packages->broken.clear();
  ASSERT_TRUE(recover_upgrade(m.box.box, *m.packages, m.core.get()));
  EXPECT_FALSE(cut_short());
}

TEST(Upgrade, installs_nothing_again_where_nothing_was_installed) {
  Machine m;
  m.packages->locked = "2";
  const auto done = m.go();
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().what.find("was undone"), std::string::npos) << done.error().what;
  EXPECT_EQ(m.packages->installs, 1) << "the other one, in vain";
  EXPECT_TRUE(m.core->running);
  m.expect_the_old_one();
  EXPECT_EQ(m.kept(), one);
}

TEST(Upgrade, touches_nothing_while_somebody_else_installs) {
  Machine m;
  m.packages->busy = true;
  const auto done = m.go();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Errc::temporary);
  EXPECT_EQ(m.core->stops + m.packages->installs, 0);
  EXPECT_TRUE(list_sets(sets_folder(m.box.box))->empty());
  m.expect_the_old_one();
  EXPECT_EQ(m.kept(), one);
}

TEST(Upgrade, keeps_the_configuration_that_it_found_as_long_as_it_is_under_way) {
  Machine m;
  put_file(m.box.box.config_file, "[core]\nsite = \"Barn\"\n");
  m.core->ill = "2";
  m.packages->broken = "1";  // so it stays open
  ASSERT_FALSE(m.go());
  put_file(m.box.box.config_file, "[core]\nof_tomorrow = 1\n");
  const auto before = config_before(m.releases);
  ASSERT_TRUE(before) << before.error().text();
  EXPECT_EQ(before->core.site, "Barn");
  m.packages->broken.clear();
  ASSERT_TRUE(recover_upgrade(m.box.box, *m.packages, nullptr));
  EXPECT_FALSE(config_before(m.releases));
  // None is one without a word in it.
  fs::remove(m.box.box.config_file);
  m.packages->broken = "1";
  ASSERT_FALSE(m.go());
  EXPECT_TRUE(config_before(m.releases));
}

TEST(Upgrade, goes_back_to_the_version_before) {
  Machine m;
  m.packages->upgrades_database = false;  // this program makes the backup, in the place of the later one
  ASSERT_TRUE(m.go());
  const auto former = former_package(ops::Paths{m.box.box.config}, *m.packages);
  ASSERT_TRUE(former) << former.error().text();
  m.next = *former;
  const auto back = m.go(true);
  ASSERT_TRUE(back) << back.error().text();
  m.expect_the_old_one();
  EXPECT_FALSE(former_package(ops::Paths{m.box.box.config}, *m.packages)) << "there is none before it";
}

// Every 37th system call; each of them with ALONA_LONG=1. Whatever was cut short, the next start of the
// machine has wholly the old one, or the upgrade was over.
TEST(Upgrade, killed_anywhere_the_next_start_has_wholly_the_old_or_the_new) {
  const long step = std::getenv("ALONA_LONG") != nullptr ? 1 : 37;  // NOLINT(concurrency-mt-unsafe)
  long killed = 0, undone = 0, finished = 0;
  for (const bool ill : {false, true}) {
    for (long nth = 1;; nth += step) {
      Machine m;
      if (ill) m.core->ill = "2";
      const bool cut = killed_at(nth, [&] { (void)m.go(); });
      if (cut) {
        ++killed;
        const auto recovered = recover_upgrade(m.box.box, *m.packages, nullptr);
        ASSERT_TRUE(recovered) << recovered.error().text() << " after call " << nth;
        const bool over = !*recovered && m.packages->version() == "2";
        ++(over ? finished : undone);
        if (over)
          EXPECT_EQ(m.kept(), both);
        else
          m.expect_the_old_one();
        EXPECT_FALSE(fs::exists(m.releases / "upgrade"));
      }
      if (!cut) break;
      if (HasFailure()) return;
    }
  }
  EXPECT_GT(undone, 5);
  fmt::print("killed {} times: wholly the old {}, the new {}\n", killed, undone, finished);
}

TEST(Upgrade, tells_what_is_on_a_stick_and_why_that_is_none) {
  const Machine m;
  const TestBox& box = m.box;
  const fs::path stick = box.root / "stick";
  fs::create_directories(stick / "packages");
  const std::vector<fs::path> folders{stick, stick / "packages", box.root / "no-such"};
  const auto look = [&] {
    return offer_of({find_package(folders, *m.packages)}, m.packages->installed()->version, *m.packages);
  };
  EXPECT_EQ(look().version + look().trouble, "") << "an empty stick";
  put_file(stick / "other_2.deb", "package 2");
  EXPECT_EQ(look().version + look().trouble, "") << "none of Alona's";
  put_file(stick / "alona_1.deb", "package 1");
  EXPECT_EQ(look().version, "");
  EXPECT_EQ(look().trouble, "1 is on the stick, and 1 runs.");
  put_file(stick / "alona_2.deb", "half of it");
  EXPECT_EQ(look().version, "");
  EXPECT_EQ(look().trouble, "alona_2.deb isn't a package.");
  put_file(stick / "packages" / "alona_3.deb", "package 3");
  put_file(stick / "alona_4.deb", "package 2");
  EXPECT_EQ(look().version, "3") << "the latest, in a field kit too";
  EXPECT_EQ(look().trouble, "");
  EXPECT_EQ(find_package(folders, *m.packages).file, stick / "packages" / "alona_3.deb");
  ASSERT_TRUE(m.packages->install(stick / "packages" / "alona_3.deb"));
  EXPECT_EQ(look().version, "") << "by what is installed, not by what this program is";
  EXPECT_NE(look().trouble, "");
}

TEST(Upgrade, takes_of_a_stick_with_kits_for_several_boxes_the_one_for_this) {
  Machine m;
  const fs::path stick = m.box.root / "stick";
  fs::create_directories(stick);
  put_file(stick / "alona_a.deb", "package 9 arm64");
  put_file(stick / "alona_b.deb", "package 9+deb13");
  put_file(stick / "alona_c.deb", "package 9 stranger");
  const auto look = [&] { return find_package({stick}, *m.packages); };
  EXPECT_EQ(look().file, fs::path{});
  EXPECT_FALSE(look().trouble.empty());
  fs::remove(stick / "alona_c.deb");
  EXPECT_FALSE(look().trouble.empty());
  put_file(stick / "alona_d.deb", "package 2+deb12");
  EXPECT_EQ(look().file, stick / "alona_d.deb");
  EXPECT_EQ(look().version, "2+deb12");
  EXPECT_EQ(look().trouble, "") << "the others are somebody else's";
  fs::remove(stick / "alona_d.deb");
  fs::remove(stick / "alona_a.deb");
  EXPECT_EQ(look().trouble, "alona_b.deb: 9+deb13 is for Debian 13, and this is 12.");
  const auto refused =
      upgrade(m.box.box, stick / "alona_b.deb", false, *m.packages, *m.core, m.box.clock, quietly);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::refused);
  EXPECT_EQ(refused.error().what, "9+deb13 is for Debian 13, and this is 12");
}

TEST(Upgrade, what_root_found_on_sticks_reaches_the_core_and_is_judged_by_what_is_installed_then) {
  Machine m;
  m.box.box.config.core.runtime_dir = m.box.root / "run";
  const ops::Paths paths{m.box.box.config};
  EXPECT_TRUE(read_found(paths).empty());
  ASSERT_TRUE(write_found(paths, "sda1", {.file = "/gone", .version = "3", .trouble = ""}));
  ASSERT_TRUE(write_found(paths, "sdb1", {.file = {}, .version = "", .trouble = "The stick can't be read"}));
  const auto found = read_found(paths);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].version + found[0].trouble, "3");
  EXPECT_EQ(found[1].version + found[1].trouble, "The stick can't be read");
  EXPECT_EQ(offer_of(found, "2", *m.packages).version, "3");
  EXPECT_EQ(offer_of(found, "2", *m.packages).trouble, "");
  EXPECT_EQ(offer_of(found, "3", *m.packages).version, "");
  EXPECT_EQ(offer_of(found, "3", *m.packages).trouble, "The stick can't be read");
  ASSERT_TRUE(write_found(paths, "sdb1", {}));
  EXPECT_EQ(offer_of(read_found(paths), "3", *m.packages).trouble, "3 is on the stick, and 3 runs.");
  // Whatever else lies there is nobody's word.
  put_file(sticks_folder(paths) / "sdc1/found", "alona-stick 2\n9\nend\n");
  put_file(sticks_folder(paths) / "sdd1/found", "alona-stick 1\n9");
  fs::create_directories(sticks_folder(paths) / "sde1/found");
  EXPECT_EQ(read_found(paths).size(), 2u);
}

TEST(Upgrade, what_it_left_is_read_again_and_nothing_else_is_believed) {
  const Machine m;
  const ops::Paths paths{m.box.box.config};
  EXPECT_FALSE(read_outcome(paths));
  const Outcome outcome{utc_ms(1'795'521'600'000), true, Outcome::State::failed, "why\nwhat to do"};
  ASSERT_TRUE(write_outcome(paths, outcome));
  const auto read = read_outcome(paths);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->at, outcome.at);
  EXPECT_TRUE(read->back);
  EXPECT_EQ(read->state, Outcome::State::failed);
  EXPECT_EQ(read->text, outcome.text);
  const fs::path file = releases_folder(paths) / "outcome";
  for (const char* bad :
       {"", "alona-outcome 2\n1\nupgrade\ndone\n", "alona-outcome 1\n", "alona-outcome 1\nx\nupgrade\ndone\n",
        "alona-outcome 1\n1\ndowngrade\ndone\n", "alona-outcome 1\n1\nupgrade\nwell\n",
        "alona-outcome 1\n-1\nupgrade\ndone\n", "alona-outcome 1\n99999999999999999999\nupgrade\ndone\n"}) {
    put_file(file, bad);
    EXPECT_FALSE(read_outcome(paths)) << bad;
  }
  put_file(file, "alona-outcome 1\n1\nupgrade\ndone\n" + std::string(100'000, 'x'));
  EXPECT_FALSE(read_outcome(paths)) << "too long";
}

}  // namespace
}  // namespace alona::backup
