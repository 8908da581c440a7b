// Second copies: made, caught up, kept by the rules, and what happens when the target is gone, full,
// read-only or somebody else's.
#include <sys/mount.h>
#include <sys/sysmacros.h>

#include <cstdlib>

#include "backup/second.h"
#include "backup/second_state.h"
#include "backup/set_file.h"
#include "backup/stick.h"
#include "backup/test_box.h"
#include "backup/test_kill.h"

namespace alona::backup {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class SecondCopies : public ::testing::Test {
 protected:
  SecondCopies() {
    box.box.config.core.runtime_dir = box.root / "run";
    box.box.config.backup.second_target = stick.string();
    fs::create_directory(stick);
    box.readings(20);
  }
  void take(int n = 1) {
    for (int i = 0; i < n; ++i) {
      box.clock.set_utc(box.clock.utc() + 24h);
      const auto taken = box.take();
      ASSERT_TRUE(taken) << taken.error().text();
    }
  }
  Copied copy() { return copy_to_second(box.box, box.clock, quietly); }
  [[nodiscard]] std::vector<std::string> there() const {
    std::vector<std::string> names;
    for (const auto& file : fs::directory_iterator{stick}) names.push_back(file.path().filename());
    std::ranges::sort(names);
    return names;
  }
  [[nodiscard]] std::vector<BackupSet> own() const { return *list_sets(sets_folder(box.box)); }
  [[nodiscard]] SecondState state() const { return second_state(sets_folder(box.box)); }
  // The box's own and the copies, each whole.
  void expect_whole(long when) {
    for (const fs::path& folder : {sets_folder(box.box), stick}) {
      const auto sets = *list_sets(folder);
      for (const BackupSet& set : sets)
        EXPECT_TRUE(read_set(set.file, {}, [](auto, auto) { return true; })) << when << set.name();
    }
  }

  TestBox box;
  fs::path stick = box.root / "stick";
};

// A small file system of memory; unmounted at the end.
class Tmpfs {
 public:
  Tmpfs(fs::path at, const char* options) : at_(std::move(at)) {
    mounted = ::mount("alona-test", at_.c_str(), "tmpfs", 0, options) == 0;
  }
  ~Tmpfs() {
    if (mounted) ::umount2(at_.c_str(), MNT_DETACH);
  }
  Tmpfs(const Tmpfs&) = delete;
  Tmpfs& operator=(const Tmpfs&) = delete;
  bool mounted = false;

 private:
  fs::path at_;
};

TEST_F(SecondCopies, are_made_once_and_are_the_same_bytes) {
  take();
  const Copied first = copy();
  ASSERT_TRUE(first.newest) << first.newest.error().text();
  EXPECT_EQ(first.copied, std::vector{own()[0].name()});
  EXPECT_TRUE(first.same_disk);
  EXPECT_EQ(text_of(stick / own()[0].name()), text_of(own()[0].file));
  EXPECT_EQ(state().name, own()[0].name());
  EXPECT_EQ(state().copied, box.clock.utc());
  EXPECT_FALSE(state().trouble_since());
  EXPECT_TRUE(copy().copied.empty());
  EXPECT_TRUE((*list_sets(stick))[0].state.verified);
}

TEST_F(SecondCopies, catch_up_with_the_newest_first) {
  take();
  ASSERT_TRUE(copy().newest);
  take(3);
  const Copied late = copy();
  ASSERT_TRUE(late.newest) << late.newest.error().text();
  ASSERT_EQ(late.copied.size(), 3u);
  EXPECT_EQ(late.copied[0], own()[0].name());
  EXPECT_EQ(late.copied[2], own()[2].name());
}

TEST_F(SecondCopies, are_kept_by_the_rules_and_nothing_else_is_touched) {
  const std::vector<std::string> foreign{
      "alona-other-20200101T000000Z.tar.zst", "photo.jpg", ".alona-other-20200101T000000Z.tar.zst.part",
      "alona-cabinlocal-notes.txt", "alona-cabinlocal-2-20200101T000000Z.tar.zst"};
  for (const std::string& name : foreign) put_file(stick / name, "not ours");
  put_file(stick / ".alona-cabinlocal-20200101T000000Z.tar.zst.part", "of one that was killed");
  box.box.config.backup.keep = 4;
  for (int i = 0; i < 6; ++i) {
    take();
    const Copied copied = copy();
    ASSERT_TRUE(copied.newest) << copied.newest.error().text();
    EXPECT_EQ(copied.copied.size(), 1u) << "what would be dropped at once isn't copied";
  }
  for (const std::string& name : foreign) EXPECT_EQ(text_of(stick / name), "not ours") << name;
  EXPECT_EQ(there().size(), foreign.size() + 8) << "four sets and their states";
}

TEST_F(SecondCopies, a_damaged_one_is_told_and_copied_anew) {
  take();
  ASSERT_TRUE(copy().newest);
  const std::string whole = text_of(own()[0].file);
  std::string bytes = whole;
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  put_file(stick / own()[0].name(), bytes);
  {
    const auto target = SecondTarget::open(stick, box.root / "run");
    ASSERT_TRUE(target);
    auto sets = *list_copies(*target);
    const auto verified = verify_copy(sets[0], *target, {}, box.clock, quietly);
    ASSERT_FALSE(verified);
    EXPECT_EQ(verified.error().code, Errc::corrupt);
    EXPECT_NE(verified.error().what.find(stick.string()), std::string::npos) << verified.error().what;
  }
  EXPECT_EQ(copy().copied.size(), 1u);
  EXPECT_EQ(text_of(stick / own()[0].name()), whole);
}

TEST_F(SecondCopies, a_folder_that_is_not_there_is_never_made) {
  take();
  fs::remove(stick);
  const Copied copied = copy();
  ASSERT_FALSE(copied.newest);
  EXPECT_EQ(copied.newest.error().code, Errc::not_found);
  EXPECT_FALSE(copied.newest.error().next.empty());
  EXPECT_FALSE(fs::exists(stick));
  EXPECT_EQ(state().missing, box.clock.utc());
  const UtcMs since = box.clock.utc();
  box.clock.set_utc(since + 48h);
  EXPECT_FALSE(copy().newest);
  EXPECT_EQ(state().missing, since) << "since it first was";
  fs::create_directory(stick);
  EXPECT_TRUE(copy().newest);
  EXPECT_FALSE(state().trouble_since());
}

TEST_F(SecondCopies, an_empty_mount_point_is_no_stick) {
  take();
  ASSERT_TRUE(copy().newest);
  for (const auto& file : fs::directory_iterator{stick}) fs::remove(file.path());
  EXPECT_EQ(copy().newest.error().code, Errc::not_found);
  EXPECT_TRUE(fs::is_empty(stick));
}

TEST_F(SecondCopies, the_boxs_own_folder_is_no_target) {
  take();
  box.box.config.backup.second_target = sets_folder(box.box);
  EXPECT_EQ(copy().newest.error().code, Errc::config);
  EXPECT_EQ(own().size(), 1u);
}

TEST_F(SecondCopies, two_at_once_are_one) {
  take();
  const auto lock = lock_sets(sets_folder(box.box));
  ASSERT_TRUE(lock);
  EXPECT_EQ(copy().newest.error().code, Errc::temporary);
  EXPECT_TRUE(there().empty());
}

TEST_F(SecondCopies, given_up_leave_nothing_half_made) {
  take();
  for (int left = 0; left < 3; ++left) {
    int steps = left;
    const auto copied = copy_to_second(
        box.box, box.clock, [&](std::string_view, std::uint64_t, std::uint64_t) { return steps-- > 0; });
    if (copied.newest) break;
    EXPECT_EQ(copied.newest.error().code, Errc::temporary);
    EXPECT_TRUE(there().empty());
    EXPECT_FALSE(state().trouble_since());
  }
}

TEST_F(SecondCopies, that_vanish_in_the_middle_harm_nothing) {
  take();
  const auto copied = copy_to_second(box.box, box.clock, [&](std::string_view, std::uint64_t, std::uint64_t) {
    fs::remove_all(stick);
    return true;
  });
  EXPECT_FALSE(copied.newest);
  EXPECT_FALSE(fs::exists(stick));
  fs::create_directory(stick);
  EXPECT_TRUE(copy().newest);
}

TEST_F(SecondCopies, on_a_full_disk_make_room_but_keep_the_newest_three) {
  const Tmpfs disk{stick, "size=4m"};
  if (!disk.mounted) GTEST_SKIP() << "only root may mount a small disk";
  take(3);
  ASSERT_TRUE(copy().newest);
  const auto before = there();
  {
    std::ofstream filler{stick / "filler", std::ios::binary};
    const std::string piece(4096, 'x');
    while (filler.write(piece.data(), static_cast<std::streamsize>(piece.size())).flush()) {
    }
  }
  take();
  const Copied full = copy();
  ASSERT_FALSE(full.newest);
  EXPECT_EQ(full.newest.error().code, Errc::disk_full) << full.newest.error().text();
  auto after = there();
  std::erase(after, "filler");
  EXPECT_EQ(after, before) << "nothing half made, nothing dropped";
  EXPECT_TRUE(state().failed);
  EXPECT_FALSE(full.same_disk);
  fs::remove(stick / "filler");
  EXPECT_TRUE(copy().newest);
}

TEST_F(SecondCopies, on_a_read_only_disk_are_refused) {
  const Tmpfs disk{stick, "size=4m"};
  if (!disk.mounted || ::mount("", stick.c_str(), "", MS_REMOUNT | MS_RDONLY, "") != 0)
    GTEST_SKIP() << "only root may mount a read-only disk";
  take();
  const Copied copied = copy();
  ASSERT_FALSE(copied.newest);
  EXPECT_EQ(copied.newest.error().code, Errc::io);
  EXPECT_NE(copied.newest.error().what.find("read-only"), std::string::npos);
}

TEST_F(SecondCopies, killed_at_any_system_call_harm_nothing) {
  take(2);
  ASSERT_TRUE(copy().newest);
  take();
  const std::string safe = own()[1].name(), bytes = text_of(stick / safe);
  const bool all = std::getenv("ALONA_LONG") != nullptr;  // NOLINT(concurrency-mt-unsafe)
  long calls = 0;
  for (long nth = 1; killed_at(nth, [&] { (void)copy(); }); nth += all ? 1 : 5) {
    ++calls;
    ASSERT_EQ(text_of(stick / safe), bytes) << nth;
    expect_whole(nth);
    fs::remove(stick / own()[0].name());
    fs::remove(stick / (own()[0].name() + ".state"));
  }
  EXPECT_GT(calls, 10);
  fmt::print("killed at {} system calls\n", calls);
  ASSERT_TRUE(copy().newest);
  for (const std::string& name : there()) EXPECT_FALSE(name.ends_with(".part")) << name;
}

TEST_F(SecondCopies, are_encrypted_when_a_passphrase_is_given) {
  take();
  ASSERT_TRUE(copy().newest);
  box.box.config.backup.passphrase_file = box.root / "passphrase";
  EXPECT_EQ(copy().newest.error().code, Errc::config) << "there is none";
  put_file(box.root / "passphrase", "five words and more\n");
  box.box.config.backup.include = {box.root};
  EXPECT_EQ(copy().newest.error().code, Errc::config) << "a set would hold its key";
  box.box.config.backup.include.clear();
  const Copied first = copy();
  ASSERT_TRUE(first.newest) << first.newest.error().text();
  EXPECT_EQ(*first.newest, own()[0].name() + ".enc");
  EXPECT_TRUE(copy().copied.empty());
  const auto target = SecondTarget::open(stick, box.root / "run");
  auto sets = *list_copies(*target);
  ASSERT_EQ(sets.size(), 2u) << "the plain one from before stays";
  auto& set = sets[0].name().ends_with(".enc") ? sets[0] : sets[1];
  EXPECT_EQ(set.manifest->number, 1u);
  EXPECT_TRUE(set.state.verified);
  EXPECT_TRUE(verify_copy(set, *target, "five words and more", box.clock, quietly));
  EXPECT_EQ(verify_copy(set, *target, "other words and more", box.clock, quietly).error().code, Errc::auth);
  EXPECT_EQ(verify_copy(set, *target, {}, box.clock, quietly).error().code, Errc::auth);
  EXPECT_TRUE((*list_copies(*target))[0].counts()) << "a wrong passphrase says nothing of the set";
  const auto plain = plain_set(stick / set.name(), "five words and more", box.root / "scratch");
  ASSERT_TRUE(plain);
  EXPECT_EQ(text_of(*plain), text_of(own()[0].file));
  box.box.config.backup.keep = 3;
  for (int i = 0; i < 4; ++i) {
    take();
    const Copied copied = copy();
    ASSERT_TRUE(copied.newest) << copied.newest.error().text();
  }
  EXPECT_EQ(there().size(), 6u) << "three sets and their states; the plain one has gone";
}

// ---- plans ----

TEST(CopyPlans, of_a_box_that_counts_afresh_keep_its_new_sets) {
  const auto set = [](std::uint64_t number, int day, const char* folder) {
    BackupSet made{.file = fs::path{folder} / (set_folder_name("x", noon + day * 24h) + ".tar.zst"),
                   .bytes = 1};
    made.manifest = Manifest{.taken = noon + day * 24h, .number = number};
    made.state.verified = noon;
    return made;
  };
  std::vector<BackupSet> there;
  there.reserve(4);
  for (int i = 0; i < 4; ++i) there.push_back(set(50 - static_cast<std::uint64_t>(i), 50 - i, "/stick"));
  const std::vector<BackupSet> own{set(1, 60, "/box")};
  const CopyPlan plan = plan_copies(own, there, {4, 1000});
  ASSERT_EQ(plan.copy.size(), 1u);
  ASSERT_EQ(plan.drop.size(), 1u);
  EXPECT_EQ(plan.drop[0].manifest->number, 47u);
}

// ---- targets ----

TEST(SecondTargets, are_found_in_mountinfo) {
  const dev_t device = makedev(8, 17);
  constexpr std::string_view text =
      "22 1 179:2 / / rw,noatime shared:1 - ext4 /dev/root rw\n"
      "90 22 8:17 /part /bind rw - ext4 /dev/sdb1 rw\n"
      "91 22 8:17 / /media/my\\040stick rw,nosuid shared:7 master:2 - vfat /dev/sdb1 rw\n"
      "cut 22 8:17";
  EXPECT_EQ(mounted_at(text, device, "/dev/sdb1"), fs::path{"/media/my stick"});
  EXPECT_EQ(mounted_at(text, makedev(1, 1), "/dev/sdb1"), fs::path{"/media/my stick"}) << "by its name";
  EXPECT_FALSE(mounted_at(text, makedev(8, 18), "/dev/sdb2"));
  EXPECT_FALSE(mounted_at("", device, "/dev/sdb1"));
}

TEST(Sticks, are_their_partitions_or_the_whole_disk_each_once) {
  const TestBox box;
  const fs::path by_id = box.root / "by-id", dev = box.root / "dev";
  EXPECT_TRUE(plugged_in(by_id).empty()) << "no udev here, or nothing was ever plugged in";
  fs::create_directories(by_id);
  for (const char* name : {"sda", "sda1", "sda2", "sdb", "vda"}) put_file(dev / name, "");
  const auto link = [&](const char* name, const char* device) {
    fs::create_symlink(dev / device, by_id / name);
  };
  link("usb-Maker_Stick_1-0:0", "sda");
  link("usb-Maker_Stick_1-0:0-part1", "sda1");
  link("usb-Maker_Stick_1-0:0-part2", "sda2");
  link("usb-Maker_Stick_10-0:0", "sdb");  // begins as the other one
  link("usb-Maker_Same-0:0", "sdb");
  link("usb-Maker_Gone-0:0", "sdz");
  link("virtio-disk", "vda");
  const auto found = plugged_in(by_id);
  EXPECT_EQ(std::set<fs::path>(found.begin(), found.end()),
            (std::set{fs::canonical(dev / "sda1"), fs::canonical(dev / "sda2"), fs::canonical(dev / "sdb")}));
  EXPECT_EQ(found.size(), 3u);
}

TEST(Sticks, are_read_by_many_or_written_by_one) {
  const TestBox box;
  const fs::path device = box.root / "sda1";
  put_file(device, "");
  {
    const auto one = hold_stick(device, StickUse::reads, 0ms), two = hold_stick(device, StickUse::reads, 0ms);
    ASSERT_TRUE(one && two);
    const auto writer = hold_stick(device, StickUse::writes, 0ms);
    ASSERT_FALSE(writer);
    EXPECT_EQ(writer.error().code, Errc::temporary);
    EXPECT_NE(writer.error().what.find("being read"), std::string::npos);
  }
  const auto writer = hold_stick(device, StickUse::writes, 0ms);
  ASSERT_TRUE(writer) << "let go with its holder";
  const auto reader = hold_stick(device, StickUse::reads, 400ms);
  ASSERT_FALSE(reader);
  EXPECT_NE(reader.error().what.find("a copy of the backups is under way"), std::string::npos);
  EXPECT_EQ(hold_stick(box.root / "none", StickUse::reads, 0ms).error().code, Errc::not_found);
}

TEST(SecondTargets, that_are_not_plugged_in_say_so) {
  TestBox box;
  fs::create_directory(box.root / "by-label");
  put_file(box.root / "by-label/FILE", "no device");
  for (const char* label : {"label:STICK", "label:FILE", "label:..", "label:", "label:a/b"}) {
    const auto target = SecondTarget::open(label, box.root / "run", {.by_label = box.root / "by-label"});
    ASSERT_FALSE(target) << label;
    EXPECT_EQ(target.error().code, Errc::not_found) << label;
    EXPECT_FALSE(target.error().next.empty());
  }
  EXPECT_EQ(SecondTarget::open("", box.root / "run").error().code, Errc::config);
}

TEST(Second, state_comes_back_as_it_was_put) {
  TestBox box;
  SecondState state = after_trying({}, std::string{"a.tar.zst"}, noon);
  state = after_trying(state, fail(Errc::io, "it\nbroke"), noon + 1h);
  state = after_trying(state, fail(Errc::not_found, "gone"), noon + 2h);
  EXPECT_EQ(state.trouble_since(), noon + 1h) << "since it first failed, whatever came then";
  state = after_trying(state, fail(Errc::io, "it\nbroke"), noon + 3h);
  state = after_trying(state, fail(Errc::temporary, "busy"), noon + 4h);
  ASSERT_TRUE(put_second_state(box.root, state));
  EXPECT_EQ(text_of(box.root / "SECOND.state"),
            "copied 2026-11-24T12:00:00.000Z a.tar.zst\nfailed 2026-11-24T13:00:00.000Z it broke\n");
  const SecondState read = second_state(box.root);
  EXPECT_EQ(read.name, "a.tar.zst");
  EXPECT_EQ(read.why, "it broke");
  EXPECT_EQ(read.failed, noon + 1h);
  EXPECT_FALSE(read.missing);
  put_file(box.root / "SECOND.state", "copied yesterday x\nnonsense\n\n");
  EXPECT_FALSE(second_state(box.root).copied);
}

}  // namespace
}  // namespace alona::backup
