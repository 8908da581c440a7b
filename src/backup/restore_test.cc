// Sets restored over what is there and onto nothing; undone when the core doesn't turn; and cut short at
// every system call.
#include <sys/stat.h>

#include <cstdlib>

#include "backup/drill.h"
#include "backup/exchange.h"
#include "backup/restore.h"
#include "backup/set_file.h"
#include "backup/test_box.h"
#include "backup/test_kill.h"

namespace alona::backup {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// A core that says of itself what a test wants, and that sees what it is started on.
class TestCore : public CoreControl {
 public:
  explicit TestCore(const TestBox& box) : box_(box) {}
  Result<bool> stop() override {
    stopped = true;
    return std::exchange(running, false);
  }
  Result<void> start() override {
    running = true;
    starts.push_back(history_of(box_.database()));
    return {};
  }
  Result<void> wait_well() override {
    if (!well) return fail(Errc::failed, "it fell over");
    return {};
  }
  Result<void> stays_well() override { return wait_well(); }
  std::string leave_running(bool) override { return {}; }
  bool running = true, well = true, stopped = false;
  std::vector<std::string> starts;

 private:
  const TestBox& box_;
};

// All of the data folder that a core would see, and the settings: path, mode, content.
std::string state_of(const TestBox& box, const fs::path& live) {
  std::vector<std::string> all;
  for (const auto& entry : fs::recursive_directory_iterator{live}) {
    const std::string name = entry.path().lexically_relative(live).string();
    if (!entry.is_regular_file() || name.ends_with(".lock") || name.ends_with("-shm")) continue;
    if (name.starts_with("db/") || name == "restored") continue;
    all.push_back(fmt::format("{} {:o} {}\n", name,
                              static_cast<unsigned>(fs::status(entry.path()).permissions()),
                              text_of(entry.path())));
  }
  std::ranges::sort(all);
  std::string text;
  for (const std::string& line : all) text += line;
  return text + text_of(box.box.config_file) + text_of(box.box.config.mqtt.password_file);
}

// What the box is: its files, its settings, every reading.
std::string all_of(const TestBox& box) {
  return state_of(box, box.live()) + (fs::exists(box.database()) ? history_of(box.database()) : "no history");
}

struct TwoStates {
  TestBox box;
  fs::path set;
  std::string then, now;
  TwoStates() {
    // The set's configuration must name the places of this box.
    config_of("The cabin");
    box.readings(60);
    then = all_of(box);
    const auto taken = box.take();
    EXPECT_TRUE(taken) << taken.error().text();
    if (taken) set = taken->set.file;
    box.readings(20, 60);
    config_of("The barn");
    put_file(box.live() / "broker/passwd", "roof:hash\nbarn:hash\n");
    put_file(box.box.config.mqtt.password_file, "another\n");
    // As alona setup has it, whose steps come behind every restore.
    now = all_of(box);
  }
  void config_of(std::string_view site) const {
    put_file(box.box.config_file,
             fmt::format("[core]\nsite = '{}'\ndata_dir = '{}'\n[mqtt]\npassword_file = '{}'\n", site,
                         box.box.config.core.data_dir.string(), box.box.config.mqtt.password_file.string()));
  }
  [[nodiscard]] Result<Restored> restore(TestCore& core, bool start = true) const {
    return restore_set(box.box, set, core, start, box.clock, quietly);
  }
  [[nodiscard]] std::vector<std::string> folders() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator{box.box.config.core.data_dir}) {
      const std::string name = entry.path().filename().string();
      if (name.contains("restor")) names.push_back(name);
    }
    std::ranges::sort(names);
    return names;
  }
};

// Those lines of what a box is that a set holds: setup adds the logins of its own checks.
void expect_same_history(const TestBox& box, const std::string& then) {
  const std::string history = history_of(box.database());
  EXPECT_FALSE(history.empty());
  EXPECT_TRUE(then.ends_with(history)) << "every reading and no other";
}

TEST(Restore, brings_back_what_was_and_keeps_what_is) {
  TwoStates two;
  TestCore core{two.box};
  const auto restored = two.restore(core);
  ASSERT_TRUE(restored) << restored.error().text();
  expect_same_history(two.box, two.then);
  EXPECT_EQ(text_of(two.box.box.config.mqtt.password_file), "secret\n");
  EXPECT_NE(text_of(two.box.box.config_file).find("The cabin"), std::string::npos);
  EXPECT_EQ(text_of(two.box.live() / "broker/passwd").find("barn"), std::string::npos);
  EXPECT_TRUE(core.running);
  EXPECT_EQ(core.starts.size(), 1u);
  EXPECT_EQ(two.folders(), (std::vector<std::string>{"before-restore-20261124T130000Z", "restore.lock"}));
  ASSERT_TRUE(restored->kept);
  EXPECT_TRUE(two.now.ends_with(history_of(*restored->kept / "live/db/alona.sqlite3")));
  EXPECT_EQ(text_of(*restored->kept / "before/etc/mqtt-password"), "another\n");
}

TEST(Restore, what_was_there_goes_once_a_later_set_is_proven) {
  TwoStates two;
  TestCore core{two.box};
  ASSERT_TRUE(two.restore(core));
  auto sets = *list_sets(sets_folder(two.box.box));
  ASSERT_TRUE(drill_set(two.box.box, sets[0], two.box.clock, quietly));
  EXPECT_EQ(two.folders().size(), 2u) << "the set it came from proves nothing new";
  auto later = two.box.take();
  ASSERT_TRUE(later) << later.error().text();
  ASSERT_TRUE(drill_set(two.box.box, later->set, two.box.clock, quietly));
  EXPECT_EQ(two.folders(), std::vector<std::string>{"restore.lock"});
}

TEST(Restore, onto_nothing_makes_the_box) {
  TwoStates two;
  fs::copy_file(two.set, two.box.root / "stick.tar.zst");
  fs::remove_all(two.box.box.config.core.data_dir);
  fs::remove_all(two.box.root / "etc");
  TestCore core{two.box};
  core.running = false;
  const auto restored =
      restore_set(two.box.box, two.box.root / "stick.tar.zst", core, true, two.box.clock, quietly);
  ASSERT_TRUE(restored) << restored.error().text();
  expect_same_history(two.box, two.then);
  EXPECT_FALSE(restored->kept);
  EXPECT_EQ(text_of(two.box.box.config.mqtt.password_file), "secret\n");
  EXPECT_TRUE(fs::is_directory(two.box.root / "data/health"));
  EXPECT_EQ(two.folders(), std::vector<std::string>{"restore.lock"});
}

TEST(Restore, is_undone_when_the_core_does_not_turn) {
  TwoStates two;
  TestCore core{two.box};
  core.well = false;
  const auto restored = two.restore(core);
  ASSERT_FALSE(restored);
  EXPECT_NE(restored.error().what.find("fell over"), std::string::npos) << restored.error().text();
  EXPECT_EQ(all_of(two.box), two.now);
  EXPECT_TRUE(core.running) << "it turns again, with what it had";
  ASSERT_EQ(core.starts.size(), 2u);
  EXPECT_TRUE(two.then.ends_with(core.starts[0]) && two.now.ends_with(core.starts[1]));
  // What the other core may have taken in is kept; the next attempt's takes its place.
  EXPECT_EQ(two.folders(), (std::vector<std::string>{"failed-restore-20261124T130000Z", "restore.lock"}));
  ASSERT_FALSE(two.restore(core));
  EXPECT_EQ(two.folders().size(), 2u);
}

TEST(Restore, touches_nothing_when_the_set_is_bad) {
  TwoStates two;
  TestCore core{two.box};
  const std::string whole = text_of(two.set);
  std::string bytes = whole;
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  put_file(two.set, bytes);
  EXPECT_EQ(two.restore(core).error().code, Errc::corrupt);
  EXPECT_FALSE(core.stopped);
  EXPECT_EQ(all_of(two.box), two.now);
  EXPECT_EQ(two.folders(), std::vector<std::string>{"restore.lock"});
}

TEST(Restore, touches_nothing_when_a_newer_program_made_the_set) {
  TwoStates two;
  Manifest manifest = *look_into_set(two.set);
  ASSERT_TRUE(read_set(two.set, two.box.root / "apart", [](std::uint64_t, std::uint64_t) { return true; }));
  std::vector<Source> sources;
  sources.reserve(manifest.members.size());
  for (const Member& member : manifest.members)
    sources.push_back({.member = member, .text = text_of(two.box.root / "apart" / member.path), .read = {}});
  ++manifest.contents.schema;
  const fs::path newer = two.box.root / "newer.tar.zst";
  ASSERT_TRUE(
      write_set(newer, "alona-x", manifest, sources, [](std::uint64_t, std::uint64_t) { return true; }));
  TestCore core{two.box};
  const auto restored = restore_set(two.box.box, newer, core, true, two.box.clock, quietly);
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().code, Errc::newer) << restored.error().text();
  EXPECT_FALSE(restored.error().next.empty());
  EXPECT_FALSE(core.stopped);
  EXPECT_EQ(all_of(two.box), two.now);
}

TEST(Restore, can_leave_the_core_stopped) {
  TwoStates two;
  TestCore core{two.box};
  ASSERT_TRUE(two.restore(core, false));
  EXPECT_TRUE(core.starts.empty());
  EXPECT_FALSE(core.running);
  expect_same_history(two.box, two.then);
}

TEST(Restore, leaves_a_configuration_alone_that_names_other_places) {
  TwoStates two;
  put_file(two.box.box.config_file, "[core]\ndata_dir = '/elsewhere'\n");
  ASSERT_TRUE(two.box.take());
  const auto other = list_sets(sets_folder(two.box.box))->front().file;
  two.config_of("The barn");
  TestCore core{two.box};
  const auto restored = restore_set(two.box.box, other, core, true, two.box.clock, quietly);
  ASSERT_TRUE(restored) << restored.error().text();
  EXPECT_EQ(restored->notes.size(), 1u);
  EXPECT_NE(text_of(two.box.box.config_file).find("The barn"), std::string::npos);
}

TEST(Restore, two_at_once_are_one) {
  TwoStates two;
  const auto lock = lock_restore(ops::Paths{two.box.box.config});
  TestCore core{two.box};
  EXPECT_EQ(two.restore(core).error().code, Errc::temporary);
  EXPECT_EQ(all_of(two.box), two.now);
  // And a core that starts meanwhile doesn't meddle.
  EXPECT_FALSE(*recover_restore(ops::Paths{two.box.box.config}));
}

TEST(Restore, with_a_journal_that_cannot_be_read_asks_a_person) {
  TwoStates two;
  put_file(two.box.root / "data/restore", "alona-restore 1\nset x\n");
  const auto recovered = recover_restore(ops::Paths{two.box.box.config});
  ASSERT_FALSE(recovered);
  EXPECT_EQ(recovered.error().code, Errc::corrupt);
  EXPECT_EQ(all_of(two.box), two.now);
}

// Each time: the next start has wholly the old or wholly the new, and nothing half made stays.
void cut_everywhere(bool well, long step) {
  long calls = 0, old_ones = 0, new_ones = 0;
  for (long nth = 1;; nth += step) {
    TwoStates two;
    const auto work = [&] {
      TestCore core{two.box};
      core.well = well;
      (void)two.restore(core);
    };
    if (!killed_at(nth, work)) break;
    ++calls;
    const ops::Paths paths{two.box.box.config};
    const auto recovered = recover_restore(paths);
    ASSERT_TRUE(recovered) << nth << " " << recovered.error().text();
    ASSERT_FALSE(*recover_restore(paths)) << nth << ": once is enough";
    const bool is_new = text_of(two.box.box.config.mqtt.password_file) == "secret\n";
    (is_new ? new_ones : old_ones) += 1;
    if (!is_new) {
      ASSERT_EQ(all_of(two.box), two.now) << nth;
    }
    expect_same_history(two.box, is_new ? two.then : two.now);
    ASSERT_EQ(text_of(two.box.box.config_file).contains("The cabin"), is_new) << nth;
    ASSERT_EQ(text_of(two.box.live() / "broker/passwd").contains("barn"), !is_new) << nth;
    for (const std::string& name : two.folders()) {
      ASSERT_TRUE(name == "restore.lock" || name.starts_with("before-restore-") ||
                  name.starts_with("failed-"))
          << nth << " " << name;
      if (!name.starts_with("before-")) continue;
      const fs::path kept = two.box.root / "data" / name / "live/db/alona.sqlite3";
      ASSERT_TRUE(two.now.ends_with(history_of(kept))) << nth;
    }
    ASSERT_TRUE(look_into_set(two.set)) << nth;
  }
  fmt::print("killed at {} system calls: {} times the old, {} the new\n", calls, old_ones, new_ones);
  EXPECT_GT(old_ones, 5);
  EXPECT_GT(calls, 20);
  if (well) {
    EXPECT_GT(new_ones, 2);
  }
}

// A restore that ends, as by a power cut, when its core is started; in a process of its own.
class CutCore : public TestCore {
 public:
  using TestCore::TestCore;
  Result<void> start() override { ::_exit(0); }
};

TEST(Restore, recovery_that_is_cut_short_too_goes_on_with_the_next) {
  long calls = 0;
  for (long nth = 1;; nth += 3) {
    TwoStates two;
    const pid_t child = ::fork();
    if (child == 0) {
      CutCore core{two.box};
      (void)two.restore(core);
      ::_exit(1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_EQ(status, 0);
    const ops::Paths paths{two.box.box.config};
    if (!killed_at(nth, [&] { (void)recover_restore(paths); })) break;
    ++calls;
    const auto recovered = recover_restore(paths);
    ASSERT_TRUE(recovered) << nth << " " << recovered.error().text();
    expect_same_history(two.box, two.then);
    ASSERT_EQ(text_of(two.box.box.config.mqtt.password_file), "secret\n") << nth;
    ASSERT_EQ(two.folders(), (std::vector<std::string>{"before-restore-20261124T130000Z", "restore.lock"}))
        << nth;
  }
  EXPECT_GT(calls, 5);
}

long each() {
  return std::getenv("ALONA_LONG") != nullptr ? 1 : 29;  // NOLINT(concurrency-mt-unsafe)
}
TEST(Restore, killed_at_any_system_call_is_finished_or_undone) { cut_everywhere(true, each()); }
TEST(Restore, killed_while_it_goes_back_is_undone) { cut_everywhere(false, each()); }

}  // namespace
}  // namespace alona::backup
