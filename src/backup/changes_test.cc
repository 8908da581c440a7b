// Sets of changes: with their base they are the database, to the byte; without it, or with another, nothing.
#include "backup/changes.h"

#include <cstdlib>

#include "backup/crypt.h"
#include "backup/drill.h"
#include "backup/second.h"
#include "backup/test_box.h"
#include "backup/test_kill.h"

namespace alona::backup {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
constexpr auto on_and_on = [](std::uint64_t, std::uint64_t) { return true; };

class Changes : public ::testing::Test {
 protected:
  Changes() {
    box.box.whole_up_to_bytes = 0;
    box.readings(400);
    whole = take();
  }
  BackupSet take() {
    const auto taken = box.take();
    EXPECT_TRUE(taken) << taken.error().text();
    note = taken ? taken->note : "";
    return taken ? taken->set : BackupSet{};
  }
  // A day later, with so many more commits.
  BackupSet next(int commits = 5) {
    box.readings(commits, commits_);
    commits_ += commits;
    box.clock.set_utc(box.clock.utc() + 24h);
    return take();
  }
  [[nodiscard]] std::vector<BackupSet> sets() const { return *list_sets(sets_folder(box.box)); }
  [[nodiscard]] Result<Manifest> unpack(const fs::path& set, const std::string& into = "to") {
    fs::remove_all(box.root / into);
    return read_set(set, box.root / into, on_and_on);
  }

  TestBox box;
  BackupSet whole;
  std::string note;

 private:
  int commits_ = 400;
};

void flip(const fs::path& file, std::size_t bit) {
  std::string bytes = text_of(file);
  bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
  put_file(file, bytes);
}

TEST_F(Changes, make_the_database_with_their_base) {
  EXPECT_FALSE(whole.manifest->base);
  auto set = next();
  ASSERT_TRUE(set.manifest->base);
  EXPECT_EQ(set.manifest->base->set, whole.name());
  EXPECT_LT(set.bytes, whole.bytes / 2);
  ASSERT_TRUE(unpack(set.file));
  EXPECT_EQ(history_of(box.root / "to" / database_member), history_of(box.database()));
  EXPECT_FALSE(fs::exists(box.root / "to" / changes_member));
  Sha256 hash;
  hash.add(text_of(box.root / "to" / database_member));
  EXPECT_EQ(hash.finish_hex(), set.manifest->whole.sha256);
  EXPECT_EQ(parse_manifest(encode(as_unpacked(*set.manifest)))->members.back().path, database_member);
  const auto drilled = drill_set(box.box, set, box.clock, quietly);
  ASSERT_TRUE(drilled) << drilled.error().text();
  EXPECT_EQ(drilled->readings, 405u * 40);
  EXPECT_EQ(newest_proven(sets_folder(box.box))->file, set.file);
}

TEST_F(Changes, begin_anew_with_each_seventh_set) {
  std::string kinds;
  for (int i = 0; i < 15; ++i) kinds += next().manifest->base ? 'c' : 'w';
  EXPECT_EQ(kinds, "ccccccwccccccwc");
  for (BackupSet set : sets()) EXPECT_TRUE(drill_set(box.box, set, box.clock, quietly)) << set.name();
}

TEST_F(Changes, begin_anew_when_the_clock_jumps) {
  box.clock.set_utc(box.clock.utc() + 400 * 24h);
  EXPECT_FALSE(next().manifest->base);
  EXPECT_TRUE(next().manifest->base);
  box.clock.set_utc(noon);
  EXPECT_FALSE(next().manifest->base) << "the base is of a time to come";
}

TEST_F(Changes, begin_anew_when_most_has_changed) {
  fs::remove(box.database());
  box.readings(300, 0);
  const auto set = next(100);
  EXPECT_FALSE(set.manifest->base);
  EXPECT_TRUE(note.empty()) << note;
}

TEST_F(Changes, of_a_small_database_arent_made) {
  box.box.whole_up_to_bytes = 1 << 30;
  EXPECT_FALSE(next().manifest->base);
}

TEST_F(Changes, need_room_for_what_has_changed_alone) {
  next();
  const auto space = fs::space(box.root);
  box.box.config.storage.reserve_bytes = space.available + (std::uint64_t{1} << 40);
  const auto taken = box.take();
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, Errc::disk_full);
  EXPECT_EQ(sets().size(), 2u);
}

TEST_F(Changes, beside_a_writer_are_one_moment) {
  int commits = 0;
  const auto taken = box.take_beside_a_writer(commits);
  ASSERT_TRUE(taken) << taken.error().text();
  EXPECT_GT(commits, 3);
  ASSERT_TRUE(taken->set.manifest->base);
  EXPECT_EQ(taken->set.manifest->contents.readings % 2, 0u);
  auto set = taken->set;
  EXPECT_TRUE(drill_set(box.box, set, box.clock, quietly));
}

// ---- a base that is bad, another one, or gone ----

TEST_F(Changes, on_a_damaged_base_count_for_nothing_and_the_next_is_whole) {
  auto set = next();
  ASSERT_TRUE(drill_set(box.box, set, box.clock, quietly));
  flip(whole.file, 8 * whole.bytes / 2);
  EXPECT_EQ(verify_set(set, box.clock, quietly).error().code, Errc::corrupt);
  const auto after = next();
  EXPECT_FALSE(after.manifest->base);
  EXPECT_TRUE(note.contains(whole.name())) << note;
  const auto all = sets();
  EXPECT_TRUE(all[0].counts());
  for (const BackupSet& one : all) EXPECT_EQ(one.counts(), one.name() == after.name()) << one.name();
  EXPECT_FALSE(newest_proven(sets_folder(box.box)));
}

TEST_F(Changes, say_that_their_base_is_missing) {
  auto set = next();
  ASSERT_TRUE(drill_set(box.box, set, box.clock, quietly));
  fs::rename(whole.file, box.root / "elsewhere");
  EXPECT_FALSE(sets()[0].counts());
  EXPECT_TRUE(sets()[0].state.failed.contains(whole.name())) << sets()[0].state.failed;
  const auto read = unpack(set.file);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::not_found);
  EXPECT_FALSE(read.error().next.empty());
  EXPECT_FALSE(fs::exists(box.root / "to"));
  EXPECT_FALSE(newest_proven(sets_folder(box.box)));
  EXPECT_FALSE(next().manifest->base);
  fs::rename(box.root / "elsewhere", whole.file);
  EXPECT_EQ(newest_proven(sets_folder(box.box))->file, set.file) << "it was missing, not bad";
  EXPECT_TRUE(unpack(set.file));
}

TEST_F(Changes, with_another_base_are_refused) {
  const auto set = next();
  box.readings(5, 900);
  fs::rename(whole.file, box.root / "first");
  const auto other = take();  // whole, as there is no base
  ASSERT_FALSE(other.manifest->base);
  put_file(whole.file, text_of(other.file));
  const auto read = unpack(set.file);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::corrupt) << read.error().text();
  put_file(whole.file, text_of(set.file));
  EXPECT_EQ(unpack(set.file).error().code, Errc::corrupt) << "one of changes is no base";
}

TEST_F(Changes, with_a_flipped_bit_in_either_are_refused) {
  const auto set = next();
  std::mt19937_64 random{2026};
  for (int i = 0; i < 400; ++i) {
    const BackupSet& one = i % 2 == 0 ? set : whole;
    const std::size_t bit = random() % (8 * one.bytes);
    flip(one.file, bit);
    const auto read = unpack(set.file);
    // Of the base only its database is asked for.
    const bool harmless = read && one.name() == whole.name() &&
                          text_of(box.root / "to/live/db/alona.sqlite3").size() == set.manifest->whole.bytes;
    if (!harmless) {
      ASSERT_FALSE(read) << one.name() << " bit " << bit;
      EXPECT_FALSE(fs::exists(box.root / "to"));
    }
    if (harmless) {
      EXPECT_EQ(history_of(box.root / "to" / database_member), history_of(box.database()));
    }
    flip(one.file, bit);
  }
  EXPECT_TRUE(unpack(set.file));
}

// ---- made by somebody who knows how ----

class ForgedChanges : public Changes {
 protected:
  ForgedChanges() : set(next()) {}
  // The set with another manifest, and `changes` in place of its own.
  Result<Manifest> read_forged(Manifest manifest, std::string_view changes) {
    Sha256 hash;
    hash.add(changes);
    manifest.members = {{std::string{changes_member}, changes.size(), hash.finish_hex()}};
    const Source source{
        .member = manifest.members[0], .text = std::string{changes}, .read = {}, .mode = 0600};
    const fs::path file = sets_folder(box.box) / "forged.tar.zst";
    fs::remove(file);
    EXPECT_TRUE(write_set(file, "forged", manifest, {source}, on_and_on));
    return unpack(file);
  }
  void expect_refused(const Manifest& manifest, std::string_view changes, const char* what) {
    const auto read = read_forged(manifest, changes);
    ASSERT_FALSE(read) << what;
    EXPECT_EQ(read.error().code, Errc::corrupt) << what << ": " << read.error().text();
    EXPECT_FALSE(fs::exists(box.root / "to")) << what;
  }
  BackupSet set;
};

TEST_F(ForgedChanges, are_refused) {
  Manifest m = *set.manifest;
  const std::string zeros(m.whole.bytes, '\0');
  expect_refused(m, zeros, "nothing has changed: not the database it was made of");
  m.whole.bytes += 512;
  expect_refused(m, zeros + std::string(512, '\0'), "zeros where the base has ended");
  expect_refused(m, zeros, "another length than it says");
  m = *set.manifest;
  m.base->set = set.name();
  expect_refused(m, zeros, "a set of changes for a base");
  for (const char* name : {"../alona-cabinlocal-20261124T130000Z.tar.zst", "/etc/passwd", "",
                           "alona-cabinlocal-20261124T130000Z.tar.zst/../x"}) {
    m.base->set = name;
    expect_refused(m, zeros, name);
  }
  m = *set.manifest;
  m.whole.path = "live/db/../../../x";
  expect_refused(m, zeros, "another path");
  m = *set.manifest;
  m.base.reset();
  expect_refused(m, zeros, "changes of nothing");
}

TEST_F(ForgedChanges, that_claim_more_than_fits_write_nothing) {
  Manifest m = *set.manifest;
  m.whole.bytes = std::uint64_t{1} << 50;
  m.members = {{std::string{changes_member}, m.whole.bytes, m.whole.sha256}};
  Source source{.member = {}, .text = "x", .read = {}, .mode = 0600};
  source.member = {std::string{changes_member}, 1, ""};
  const fs::path file = sets_folder(box.box) / "forged.tar.zst";
  EXPECT_TRUE(write_set(file, "forged", m, {}, on_and_on));
  const auto read = unpack(file);
  ASSERT_FALSE(read);
  EXPECT_TRUE(read.error().code == Errc::disk_full || read.error().code == Errc::corrupt);
  EXPECT_FALSE(fs::exists(box.root / "to"));
}

// ---- by hand, as docs/backup.md says ----

TEST_F(Changes, come_back_by_hand_word_for_word) {
  const auto set = next();
  const std::string docs = text_of(fs::path{ALONA_SOURCE_DIR} / "docs/backup.md");
  const std::size_t dd = docs.find("\ndd if=");
  const std::size_t begin = docs.rfind("```sh\n", dd) + 6, end = docs.find("```", dd);
  ASSERT_NE(dd, std::string::npos);
  std::string steps = docs.substr(begin, end - begin);
  const std::string name = set.name().substr(0, set.name().size() - set_suffix.size());
  const std::string base = whole.name().substr(0, whole.name().size() - set_suffix.size());
  steps.replace(steps.find("BASE"), 4, base);
  const std::string script = fmt::format("set -e; cd '{}'; tar --zstd -xf {}.tar.zst; cd {}\n{}",
                                         sets_folder(box.box).string(), name, name, steps);
  put_file(box.root / "steps", script);
  const std::string command =
      fmt::format("sh {} > {}/out 2>&1", (box.root / "steps").string(), box.root.string());
  EXPECT_EQ(std::system(command.c_str()), 0) << text_of(box.root / "out");  // NOLINT: one thread
  EXPECT_TRUE(text_of(box.root / "out").contains("live/db/alona.sqlite3: OK"));
  EXPECT_EQ(history_of(sets_folder(box.box) / name / database_member), history_of(box.database()));
  const std::string readme = text_of(sets_folder(box.box) / name / "README");
  for (const char* line :
       {"--wildcards '*/live/db/alona.sqlite3'", "bs=512 conv=notrunc,sparse", "truncate -r"})
    EXPECT_TRUE(readme.contains(line)) << line;
}

// ---- kept ----

BackupSet made(std::uint64_t number, std::uint64_t base, std::mt19937_64& random) {
  BackupSet set{.file = fmt::format("alona-x-{:03}", number), .bytes = base == 0 ? 100 : random() % 10};
  set.manifest = Manifest{};
  set.manifest->number = number;
  set.manifest->taken = noon + 24h * static_cast<int>(number);
  if (base != 0)
    set.manifest->base =
        Base{.set = fmt::format("alona-x-{:03}", base), .number = base, .database_sha256 = {}};
  if (random() % 4 != 0) set.state.verified = noon;
  return set;
}
std::vector<BackupSet> many(std::mt19937_64& random) {
  std::vector<BackupSet> sets;
  std::uint64_t base = 0;
  const std::uint64_t n = random() % 40;
  sets.reserve(n);
  for (std::uint64_t number = 1; number <= n; ++number) {
    const bool anew = base == 0 || random() % 7 == 0;
    sets.push_back(made(number, anew ? 0 : base, random));
    if (anew) base = number;
    if (random() % 9 == 0) sets.back().state.failed = "why";
  }
  std::ranges::reverse(sets);
  count_without_base(sets);
  return sets;
}
bool has_base(const BackupSet& set, const std::vector<BackupSet>& among) {
  return !set.manifest->base ||
         std::ranges::any_of(among, [&](const BackupSet& b) { return b.counts() && builds_on(set, b); });
}

TEST(Retention, never_drops_a_base_before_what_builds_on_it) {
  std::mt19937_64 random{11};
  for (int round = 0; round < 1000; ++round) {
    auto left = many(random);
    for (const BackupSet& gone : to_drop(left, {random() % 10, random() % 800})) {
      // Also when the power goes between two of them.
      std::erase_if(left, [&](const BackupSet& set) { return set.file == gone.file; });
      for (const BackupSet& set : left)
        ASSERT_TRUE(!set.counts() || has_base(set, left)) << round << set.file;
    }
  }
}

TEST(Retention, of_a_year_of_changes_leaves_the_last_week_and_whole_ones_before) {
  std::mt19937_64 random{3};
  std::vector<BackupSet> sets;
  for (std::uint64_t day = 1; day <= 365; ++day) {
    sets.insert(sets.begin(), made(day, day % 7 == 1 ? 0 : day - (day - 1) % 7, random));
    sets.front().state.verified = noon;
    for (const BackupSet& gone : to_drop(sets, {14, 1'000'000}))
      std::erase_if(sets, [&](const BackupSet& set) { return set.file == gone.file; });
  }
  ASSERT_EQ(sets.size(), 14u);
  for (std::size_t i = 0; i < 14; ++i) {
    if (i < 7) {
      EXPECT_EQ(sets[i].manifest->number, 365 - i);
    } else {
      EXPECT_FALSE(sets[i].manifest->base) << sets[i].file;
    }
  }
}

// ---- second copies ----

TEST(CopyPlans, brings_the_base_first_and_none_without_it) {
  std::mt19937_64 random{5};
  for (int round = 0; round < 1000; ++round) {
    const auto own = many(random);
    std::vector<BackupSet> there;
    for (const BackupSet& set : own) {
      if (random() % 3 == 0) there.push_back(set);
    }
    count_without_base(there);
    const auto plan = plan_copies(own, there, {1 + random() % 14, 100 + random() % 800});
    for (const BackupSet& set : plan.copy) {
      std::erase_if(there, [&](const BackupSet& old) { return old.name() == set.name(); });
      there.push_back(set);
      EXPECT_TRUE(has_base(set, there)) << round << set.file;
    }
    for (const BackupSet& gone : plan.drop) {
      std::erase_if(there, [&](const BackupSet& set) { return set.file == gone.file; });
      for (const BackupSet& set : plan.copy) {
        const auto at = std::ranges::find(there, set.name(), &BackupSet::name);
        EXPECT_TRUE(at == there.end() || has_base(*at, there)) << round << set.file;
      }
    }
  }
}

TEST_F(Changes, are_copied_with_their_base_and_come_back_from_there) {
  const fs::path stick = box.root / "stick";
  fs::create_directory(stick);
  box.box.config.core.runtime_dir = box.root / "run";
  box.box.config.backup.second_target = stick.string();
  next();
  const auto set = next();
  const Copied copied = copy_to_second(box.box, box.clock, quietly);
  ASSERT_TRUE(copied.newest) << copied.newest.error().text();
  EXPECT_EQ(*copied.newest, set.name());
  ASSERT_EQ(copied.copied.size(), 3u);
  EXPECT_EQ(copied.copied[0], whole.name());
  fs::remove_all(sets_folder(box.box));
  ASSERT_TRUE(unpack(stick / set.name()));
  EXPECT_EQ(history_of(box.root / "to" / database_member), history_of(box.database()));
}

TEST_F(Changes, come_back_from_an_encrypted_stick) {
  const fs::path stick = box.root / "stick";
  fs::create_directory(stick);
  put_file(box.root / "words", "five words nobody would guess\n");
  box.box.config.core.runtime_dir = box.root / "run";
  box.box.config.backup.second_target = stick.string();
  box.box.config.backup.passphrase_file = box.root / "words";
  const auto set = next();
  const Copied copied = copy_to_second(box.box, box.clock, quietly);
  ASSERT_TRUE(copied.newest) << copied.newest.error().text();
  ASSERT_EQ(copied.copied.size(), 2u);
  const fs::path enc = stick / (set.name() + ".enc");
  EXPECT_EQ(look_into_encrypted(enc)->base->number, 1u);
  const auto target = SecondTarget::open(stick, {});
  const auto copies = *list_copies(*target);
  for (const BackupSet& copy : copies) EXPECT_TRUE(copy.counts()) << copy.name();
  fs::remove_all(sets_folder(box.box));
  const auto plain = plain_set(enc, "five words nobody would guess", box.root / "scratch");
  ASSERT_TRUE(plain) << plain.error().text();
  ASSERT_TRUE(unpack(*plain));
  EXPECT_EQ(history_of(box.root / "to" / database_member), history_of(box.database()));
  fs::remove(stick / (whole.name() + ".enc"));
  EXPECT_FALSE((*list_copies(*target))[0].counts()) << "its base isn't there";
}

// ---- killed ----

TEST_F(Changes, killed_at_any_system_call_harm_nothing) {
  const auto first = next();
  const std::string before = text_of(first.file), base = text_of(whole.file);
  const bool all = std::getenv("ALONA_LONG") != nullptr;  // NOLINT(concurrency-mt-unsafe)
  long calls = 0;
  for (long nth = 1; killed_at(nth, [&] { (void)box.take(); }); nth += all ? 1 : 41) {
    ++calls;
    EXPECT_EQ(text_of(first.file), before) << nth;
    EXPECT_EQ(text_of(whole.file), base) << nth;
    for (BackupSet set : sets()) {
      ASSERT_TRUE(verify_set(set, box.clock, quietly)) << nth << " " << set.name();
      if (set.manifest->number <= 2) continue;
      ASSERT_TRUE(drop_set(set));
    }
  }
  EXPECT_GT(calls, 10);
  fmt::print("killed at {} system calls\n", calls);
  EXPECT_TRUE(box.take());
  for (const auto& file : fs::directory_iterator{sets_folder(box.box)})
    EXPECT_NE(file.path().extension(), ".part") << file.path();
}

}  // namespace
}  // namespace alona::backup
