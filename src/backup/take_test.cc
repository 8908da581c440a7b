// Backups taken, kept, verified and drilled; and what happens when that is cut short.
#include <cstdlib>

#include "backup/drill.h"
#include "backup/test_box.h"
#include "backup/test_kill.h"

namespace alona::backup {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

std::vector<BackupSet> sets_of(const TestBox& box) { return *list_sets(sets_folder(box.box)); }

TEST(Backup, is_listed_verified_and_proven) {
  TestBox box;
  box.readings(60);
  const auto taken = box.take();
  ASSERT_TRUE(taken) << taken.error().text();
  auto sets = sets_of(box);
  ASSERT_EQ(sets.size(), 1u);
  EXPECT_EQ(sets[0].name(), "alona-cabinlocal-20261124T130000Z.tar.zst");
  EXPECT_TRUE(sets[0].state.verified);
  EXPECT_FALSE(newest_proven(sets_folder(box.box)));
  EXPECT_TRUE(verify_set(sets[0], box.clock, quietly));
  const auto drilled = drill_set(box.box, sets[0], box.clock, quietly);
  ASSERT_TRUE(drilled) << drilled.error().text();
  EXPECT_EQ(drilled->readings, 2400u);
  EXPECT_EQ(newest_proven(sets_folder(box.box))->file, sets[0].file);
  EXPECT_TRUE(fs::is_empty(box.root / "data/scratch"));
}

TEST(Backup, of_a_damaged_set_counts_for_nothing) {
  TestBox box;
  box.readings(5);
  ASSERT_TRUE(box.take());
  auto set = sets_of(box)[0];
  ASSERT_TRUE(drill_set(box.box, set, box.clock, quietly));
  std::string bytes = text_of(set.file);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  put_file(set.file, bytes);
  EXPECT_EQ(verify_set(set, box.clock, quietly).error().code, Errc::corrupt);
  EXPECT_FALSE(sets_of(box)[0].counts());
  EXPECT_FALSE(newest_proven(sets_folder(box.box)));
  EXPECT_EQ(drill_set(box.box, set, box.clock, quietly).error().code, Errc::corrupt);
}

TEST(Backup, of_a_damaged_database_is_none) {
  TestBox box;
  box.readings(60);
  std::string bytes = text_of(box.database());
  for (std::size_t at = 4096 + 100; at < bytes.size(); at += 2048)
    bytes[at] = static_cast<char>(bytes[at] ^ 4);
  put_file(box.database(), bytes);
  const auto taken = box.take();
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, Errc::corrupt) << taken.error().text();
  EXPECT_TRUE(sets_of(box).empty());
}

TEST(Backup, beside_a_writer_is_one_moment) {
  TestBox box;
  box.readings(40);
  int commits = 0;
  const auto taken = box.take_beside_a_writer(commits);
  ASSERT_TRUE(taken) << taken.error().text();
  EXPECT_GT(commits, 3);
  EXPECT_EQ(taken->set.manifest->contents.readings % 2, 0u);
  auto set = taken->set;
  EXPECT_TRUE(drill_set(box.box, set, box.clock, quietly));
}

TEST(Backup, says_before_it_begins_that_there_is_no_room) {
  TestBox box;
  box.readings(1);
  box.box.config.storage.reserve_bytes = std::uint64_t{1} << 60;
  const auto taken = box.take();
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, Errc::disk_full);
  EXPECT_TRUE(sets_of(box).empty());
  EXPECT_FALSE(fs::exists(box.root / "data/scratch"));
}

TEST(Backup, two_at_once_are_one) {
  TestBox box;
  box.readings(1);
  const auto lock = lock_sets(sets_folder(box.box));
  ASSERT_TRUE(lock);
  EXPECT_EQ(box.take().error().code, Errc::temporary);
}

TEST(Backup, is_given_up_when_asked_and_leaves_nothing) {
  TestBox box;
  box.readings(60);
  for (int left = 0; left < 8; ++left) {
    int steps = left;
    const auto taken = take_backup(
        box.box, box.clock, [&](std::string_view, std::uint64_t, std::uint64_t) { return steps-- > 0; });
    if (taken) break;
    EXPECT_EQ(taken.error().code, Errc::temporary) << taken.error().text();
    EXPECT_TRUE(sets_of(box).empty());
    EXPECT_FALSE(fs::exists(box.root / "data/scratch/backup"));
  }
}

TEST(Backup, a_wrong_clock_neither_misnames_nor_makes_old) {
  TestBox box;
  box.readings(60);
  box.clock.set_utc(UtcMs{});
  const auto first = box.take();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->set.manifest->taken, noon + 59s) << "never before the newest commit in it";
  const auto second = box.take();
  ASSERT_TRUE(second);
  EXPECT_NE(second->set.name(), first->set.name()) << "in the same second";
  box.clock.set_utc(noon + 400 * 24h);
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(box.take());
  box.clock.set_utc(noon + 1h);
  ASSERT_TRUE(box.take());
  const auto sets = sets_of(box);
  ASSERT_EQ(sets.size(), 9u);
  EXPECT_EQ(sets[0].manifest->taken, noon + 1h) << "the newest by its number";
  EXPECT_EQ(sets[0].manifest->number, 9u);
}

// ---- retention ----

BackupSet made(std::uint64_t number, UtcMs taken, bool verified = true, std::uint64_t bytes = 1) {
  BackupSet set{.file = fmt::format("alona-x-{}", number), .bytes = bytes};
  set.manifest =
      Manifest{.taken = taken, .number = number, .host = {}, .program = {}, .contents = {}, .members = {}};
  if (verified) set.state.verified = taken;
  return set;
}
std::vector<std::uint64_t> numbers(const std::vector<BackupSet>& sets) {
  std::vector<std::uint64_t> all;
  all.reserve(sets.size());
  for (const BackupSet& set : sets) all.push_back(set.manifest->number);
  return all;
}
std::vector<BackupSet> daily(int days, UtcMs last) {
  std::vector<BackupSet> sets;
  sets.reserve(static_cast<std::size_t>(days));
  for (int i = 0; i < days; ++i) sets.push_back(made(static_cast<std::uint64_t>(days - i), last - i * 24h));
  return sets;
}

TEST(Retention, thins_what_is_older_to_one_a_week_first) {
  const auto gone = numbers(to_drop(daily(30, noon), {14, 1000}));
  ASSERT_EQ(gone.size(), 16u);
  for (std::size_t i = 1; i < gone.size(); ++i) EXPECT_LT(gone[i - 1], gone[i]) << "the oldest first";
  EXPECT_LE(gone.back(), 23u) << "none of the seven newest";
}

TEST(Retention, the_seven_newest_stay_whatever_the_clock_says) {
  std::vector<BackupSet> sets = daily(7, noon);
  for (BackupSet& set : sets) set.manifest->number += 3;
  for (std::uint64_t i = 3; i > 0; --i) sets.push_back(made(i, noon + 900 * 24h));
  for (const std::uint64_t number : numbers(to_drop(sets, {7, 1000}))) EXPECT_LE(number, 3u);
}

TEST(Retention, never_drops_the_newest_three_that_are_verified) {
  std::mt19937_64 random{7};
  for (int round = 0; round < 500; ++round) {
    std::vector<BackupSet> sets;
    for (std::uint64_t number = random() % 30; number > 0; --number) {
      sets.push_back(made(number, noon - Ms{static_cast<std::int64_t>(random() % 5'000'000'000)},
                          random() % 2 == 0, random() % 100));
      if (random() % 5 == 0) sets.back().state.failed = "why";
    }
    std::vector<std::uint64_t> safe;
    for (const BackupSet& set : sets) {
      if (set.counts() && set.state.verified && safe.size() < 3) safe.push_back(set.manifest->number);
    }
    for (const std::uint64_t number : numbers(to_drop(sets, {random() % 10, random() % 500})))
      EXPECT_EQ(std::ranges::find(safe, number), safe.end());
  }
}

TEST(Retention, of_those_that_failed_the_newest_is_kept) {
  std::vector<BackupSet> sets = daily(4, noon);
  for (const int i : {0, 1, 3}) sets[static_cast<std::size_t>(i)].state.failed = "why";
  EXPECT_EQ(numbers(to_drop(sets, {14, 1000})), (std::vector<std::uint64_t>{3, 1}));
}

// ---- killed ----

TEST(Backup, killed_at_any_system_call_harms_nothing) {
  TestBox box;
  box.readings(20);
  ASSERT_TRUE(box.take());
  const std::string before = text_of(sets_of(box)[0].file), history = history_of(box.database());
  const bool all = std::getenv("ALONA_LONG") != nullptr;  // NOLINT(concurrency-mt-unsafe)
  long calls = 0;
  for (long nth = 1; killed_at(nth, [&] { (void)box.take(); }); nth += all ? 1 : 37) {
    ++calls;
    const auto sets = sets_of(box);
    ASSERT_FALSE(sets.empty()) << nth;
    EXPECT_EQ(text_of(sets.back().file), before) << nth;
    EXPECT_EQ(history_of(box.database()), history) << nth;
    // What has a name is whole; what was begun goes with the next.
    for (BackupSet set : sets) {
      ASSERT_TRUE(verify_set(set, box.clock, quietly)) << nth << " " << set.name();
      if (set.manifest->number == 1) continue;
      ASSERT_TRUE(drop_set(set));
    }
  }
  EXPECT_GT(calls, 10);
  fmt::print("killed at {} system calls\n", calls);
  const auto after = box.take();
  ASSERT_TRUE(after) << after.error().text();
  for (const auto& file : fs::directory_iterator{sets_folder(box.box)})
    EXPECT_NE(file.path().extension(), ".part") << file.path();
}

// ---- of former versions ----

class Former : public ::testing::TestWithParam<int> {};

TEST_P(Former, a_set_made_of_its_database_is_proven) {
  TestBox box;
  fs::copy_file(fmt::format("{}/tests/golden/databases/v{}.sqlite3", ALONA_SOURCE_DIR, GetParam()),
                box.database());
  fs::permissions(box.database(), fs::perms::owner_all);
  const auto taken = box.take();
  ASSERT_TRUE(taken) << taken.error().text();
  EXPECT_EQ(taken->set.manifest->contents.schema, GetParam());
  auto set = taken->set;
  const auto drilled = drill_set(box.box, set, box.clock, quietly);
  ASSERT_TRUE(drilled) << drilled.error().text();
  EXPECT_EQ(drilled->schema, GetParam());
  EXPECT_GT(drilled->readings, 1000u);
}
INSTANTIATE_TEST_SUITE_P(Versions, Former, ::testing::Values(1, 2));

}  // namespace
}  // namespace alona::backup
