#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "room/keeper.h"
#include "room/size_text.h"

namespace alona::room {
namespace {
using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr std::uint64_t mib = std::uint64_t{1} << 20;
constexpr std::uint64_t total = 10'000 * mib;
constexpr UtcMs noon = utc_ms(1'795'521'600'000);
constexpr std::int32_t today = utc_day(noon);

Step at(std::uint64_t free_mib, Step before, bool can_thin = false, std::uint64_t ballast = 32) {
  return ladder({total, free_mib * mib, ballast * mib}, fitted({}, total), can_thin, before);
}

TEST(Ladder, falls_step_by_step) {
  EXPECT_EQ(at(1500, Step::ample), Step::ample);
  EXPECT_EQ(at(1499, Step::ample), Step::low);
  EXPECT_EQ(at(500, Step::low), Step::low);
  EXPECT_EQ(at(499, Step::low), Step::dropping);
  EXPECT_EQ(at(249, Step::dropping), Step::stopped);
  EXPECT_EQ(at(249, Step::dropping, true), Step::thinning);
  EXPECT_EQ(at(31, Step::stopped), Step::ballast_given);
  EXPECT_EQ(at(31, Step::thinning, true), Step::ballast_given);
  EXPECT_EQ(at(0, Step::ample), Step::ballast_given) << "at once, where it is sudden";
}

TEST(Ladder, rises_only_an_eighth_above_each_threshold) {
  EXPECT_EQ(at(35, Step::ballast_given), Step::ballast_given);
  EXPECT_EQ(at(36, Step::ballast_given), Step::stopped);
  EXPECT_EQ(at(280, Step::stopped), Step::stopped);
  EXPECT_EQ(at(282, Step::stopped), Step::dropping);
  EXPECT_EQ(at(560, Step::dropping), Step::dropping);
  EXPECT_EQ(at(564, Step::dropping), Step::low);
  EXPECT_EQ(at(1680, Step::low), Step::low);
  EXPECT_EQ(at(1700, Step::low), Step::ample);
  EXPECT_EQ(at(1700, Step::ballast_given), Step::ample);
  EXPECT_EQ(at(300, Step::ballast_given), Step::dropping) << "each step by its own margin";
}

TEST(Ladder, whatever_the_room_does_a_step_that_is_left_isnt_entered_again_by_a_little) {
  for (std::uint64_t free = 0; free < 2000; ++free) {
    for (const Step before :
         {Step::ample, Step::low, Step::dropping, Step::thinning, Step::stopped, Step::ballast_given}) {
      for (const bool can_thin : {false, true}) {
        const Step next = at(free, before, can_thin);
        EXPECT_EQ(at(free, next, can_thin), next) << free;
        if (next < before && free > 3) {
          EXPECT_EQ(at(free - 3, next, can_thin), next) << free;
        }
      }
    }
  }
}

TEST(Ladder, giving_the_ballast_back_is_no_new_room) {
  const Step given = at(31, Step::stopped, false, 32);
  EXPECT_EQ(given, Step::ballast_given);
  EXPECT_EQ(at(31 + 32, given, false, 0), Step::ballast_given);
  EXPECT_EQ(at(36 + 32, given, false, 0), Step::stopped);
}

TEST(Ladder, what_has_stopped_goes_on_only_with_room) {
  EXPECT_EQ(at(200, Step::stopped, true), Step::stopped);
  EXPECT_EQ(at(200, Step::thinning, true), Step::thinning);
  EXPECT_EQ(at(200, Step::thinning, false), Step::stopped) << "nothing is left to thin";
  EXPECT_EQ(at(200, Step::ballast_given, true), Step::stopped);
}

TEST(Ladder, keeps_its_order_on_every_disk) {
  for (const std::uint64_t size : {24 * mib, 300 * mib, 2'000 * mib, 1'000'000 * mib}) {
    const Contract c = fitted({.reserve = 500 * mib}, size);
    EXPECT_LT(c.ballast, c.reserve / 2);
    EXPECT_LE(c.reserve, size / 4);
    std::vector<Step> seen{Step::ample};
    for (std::uint64_t free = size; free > 0; free -= free / 100 + 1) {
      const Step next = ladder({size, free, c.ballast}, c, false, seen.back());
      if (next != seen.back()) seen.push_back(next);
    }
    EXPECT_EQ(seen, (std::vector{Step::ample, Step::low, Step::dropping, Step::stopped, Step::ballast_given}))
        << size;
  }
}

std::vector<store::WearRow> shrinking(int days, std::uint64_t a_day, std::int32_t last = today) {
  std::vector<store::WearRow> rows;
  rows.reserve(static_cast<std::size_t>(days));
  for (int d = 0; d < days; ++d)
    rows.push_back({last - days + 1 + d, 0, {}, 100'000 * mib - static_cast<std::uint64_t>(d) * a_day});
  return rows;
}

TEST(Forecast, says_how_many_days_are_left) {
  EXPECT_EQ(forecast(shrinking(30, 10 * mib), 1000 * mib, today).days_left, 100);
  EXPECT_EQ(forecast(shrinking(7, 10 * mib), 1000 * mib, today).days_left, 100);
  EXPECT_EQ(forecast(shrinking(30, 1), 1000 * mib, today).days_left, limits::forecast_days_left_max);
  EXPECT_EQ(forecast(shrinking(30, 10 * mib), 0, today).days_left, 0);
}

TEST(Forecast, doesnt_know_yet_with_few_days) {
  const Forecast f = forecast(shrinking(6, 10 * mib), 1000 * mib, today);
  EXPECT_FALSE(f.days_left);
  EXPECT_EQ(f.why, "not known yet: it takes 7 days");
  EXPECT_FALSE(forecast({}, 1000 * mib, today).days_left);
  EXPECT_FALSE(forecast(shrinking(30, 10 * mib, today - 30), 1000 * mib, today).days_left) << "too long ago";
}

TEST(Forecast, one_large_copy_changes_nothing) {
  auto rows = shrinking(30, 10 * mib);
  for (std::size_t i = 15; i < rows.size(); ++i) rows[i].free_bytes -= 40'000 * mib;
  EXPECT_EQ(forecast(rows, 1000 * mib, today).days_left, 100);
  rows = shrinking(30, 10 * mib);
  rows.back().free_bytes += 50'000 * mib;  // of today: deleted by hand
  EXPECT_EQ(forecast(rows, 1000 * mib, today).days_left, 100);
}

TEST(Forecast, passes_over_days_of_a_wrong_clock) {
  auto rows = shrinking(30, 10 * mib);
  rows.push_back({today + 4000, 0, {}, 5});
  rows.insert(rows.begin(), {0, 0, {}, 5});
  EXPECT_EQ(forecast(rows, 1000 * mib, today).days_left, 100);
}

TEST(Forecast, without_shrinking_there_are_no_days) {
  const Forecast f = forecast(shrinking(30, 0), 1000 * mib, today);
  EXPECT_FALSE(f.days_left);
  EXPECT_EQ(f.bytes_a_day, 0);
}

WearSample disk(std::uint64_t written, std::uint64_t process, std::string boot = "b1",
                std::string name = "mmcblk0") {
  return {std::move(boot), WearSample::Device{std::move(name), written}, process};
}

TEST(WearMeter, counts_what_is_written_after_the_first_look) {
  WearMeter meter;
  meter.sample(today, 50, disk(1'000'000, 100));
  meter.sample(today, 40, disk(1'000'500, 300));
  meter.sample(today + 1, 30, disk(1'000'700, 350));
  ASSERT_EQ(meter.days().size(), 2u);
  EXPECT_EQ(meter.days()[0].device_bytes, 500u);
  EXPECT_EQ(meter.days()[0].process_bytes, 300u);
  EXPECT_EQ(meter.days()[0].free_bytes, 40u);
  EXPECT_EQ(meter.days()[1].device_bytes, 200u);
  EXPECT_EQ(meter.device(), "mmcblk0");
}

TEST(WearMeter, a_reboot_begins_at_zero_and_a_restart_goes_on) {
  WearMeter before;
  before.sample(today, 1, disk(1'000, 0));
  before.sample(today, 1, disk(1'500, 40));
  WearMeter restarted{{before.days(), before.base()}};
  restarted.sample(today, 1, disk(1'600, 10));  // the new process's own counter
  EXPECT_EQ(restarted.days()[0].device_bytes, 600u);
  EXPECT_EQ(restarted.days()[0].process_bytes, 50u);
  WearMeter rebooted{{restarted.days(), restarted.base()}};
  rebooted.sample(today, 1, disk(70, 5, "b2"));
  EXPECT_EQ(rebooted.days()[0].device_bytes, 670u);
  rebooted.sample(today, 1, disk(20, 6, "b2"));  // a counter that fell
  EXPECT_EQ(rebooted.days()[0].device_bytes, 690u);
}

TEST(WearMeter, another_disk_counts_from_here_on_and_a_lost_one_not_at_all) {
  WearMeter meter;
  meter.sample(today, 1, disk(1'000, 0));
  meter.sample(today, 1, disk(5'000'000, 10, "b1", "sda"));
  EXPECT_EQ(meter.days()[0].device_bytes, 0u);
  meter.sample(today, 1, {"b1", {}, 30});
  EXPECT_EQ(meter.device(), "");
  meter.sample(today, 1, disk(5'000'100, 40, "b1", "sda"));
  EXPECT_EQ(meter.days()[0].device_bytes, 100u);
  WearMeter none;
  none.sample(today, 1, {"b1", {}, 30});
  EXPECT_FALSE(none.days()[0].device_bytes);
  EXPECT_EQ(none.days()[0].process_bytes, 30u);
}

TEST(WearMeter, a_clock_that_jumps_back_a_day_loses_nothing) {
  WearMeter meter;
  meter.sample(today, 9, disk(1'000, 0));
  meter.sample(today, 8, disk(1'100, 0));
  meter.sample(today - 1, 7, disk(1'250, 0));
  meter.sample(today, 6, disk(1'300, 0));
  ASSERT_EQ(meter.days().size(), 2u);
  EXPECT_EQ(meter.days()[0].device_bytes, 150u);
  EXPECT_EQ(meter.days()[1].device_bytes, 150u);
  for (int d = 0; d < 100; ++d) meter.sample(today + d, 1, disk(2'000, 0));
  EXPECT_EQ(meter.days().size(), static_cast<std::size_t>(limits::ledger_days_shown));
}

TEST(WearMeter, what_is_new_is_given_once) {
  WearMeter meter;
  meter.sample(today, 9, disk(1'000, 5));
  meter.sample(today, 8, disk(1'100, 6));
  ASSERT_EQ(meter.take_new().size(), 1u);
  EXPECT_TRUE(meter.take_new().empty());
  meter.sample(today, 7, disk(1'150, 6));
  EXPECT_EQ(meter.take_new()[0].device_bytes, 50u);
  EXPECT_EQ(meter.days()[0].device_bytes, 150u);
}

class Folder {
 public:
  Folder() { path = mkdtemp(name); }
  ~Folder() { fs::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  fs::path path;

 private:
  char name[32] = "/tmp/alona-room-XXXXXX";
};

TEST(KernelCounters, are_those_of_the_whole_disk) {
  const Folder box;
  struct stat known{};
  ASSERT_EQ(::stat(box.path.c_str(), &known), 0);
  const fs::path part = box.path / "sys/devices/mmcblk0/mmcblk0p2";
  const fs::path links = box.path / "sys/dev/block";
  fs::create_directories(part), fs::create_directories(links);
  fs::create_directories(box.path / "proc/self"), fs::create_directories(box.path / "proc/sys/kernel/random");
  std::ofstream{part / "partition"} << "2\n";
  std::ofstream{part / "stat"} << " 1 2 3 4 5 6 7 8\n";
  std::ofstream{part.parent_path() / "stat"} << "    11  0  22  33  44   0  1000  55  0  66 77\n";
  std::ofstream{box.path / "proc/self/io"} << "rchar: 1\nwchar: 2\nread_bytes: 3\nwrite_bytes: 8192\n";
  std::ofstream{box.path / "proc/sys/kernel/random/boot_id"} << "abc\n";
  const auto source = kernel_counters(box.path, box.path / "sys", box.path / "proc");
  EXPECT_FALSE(source->read().device) << "tmpfs and the like have none";
  fs::create_directory_symlink(part, links / fmt::format("{}:{}", major(known.st_dev), minor(known.st_dev)));
  const WearSample now = source->read();
  ASSERT_TRUE(now.device);
  EXPECT_EQ(now.device->name, "mmcblk0");
  EXPECT_EQ(now.device->written, 512'000u);
  EXPECT_EQ(now.process, 8192u);
  EXPECT_EQ(now.boot, "abc");
}

TEST(DataDisk, the_ballast_is_really_there) {
  const Folder box;
  const auto disk = data_disk(box.path);
  const std::uint64_t size = 3 * limits::ballast_slice_bytes + 4096;
  EXPECT_EQ(disk->look()->ballast, 0u);
  for (int slice = 0; slice < 5; ++slice) ASSERT_TRUE(disk->make_ballast(size));
  EXPECT_GE(disk->look()->ballast, size);
  EXPECT_EQ(fs::file_size(box.path / "ballast"), size);
  std::ifstream file{box.path / "ballast", std::ios::binary};
  const std::string whole{std::istreambuf_iterator<char>{file}, {}};
  EXPECT_EQ(whole.find(std::string(64, '\0')), std::string::npos) << "written to its end";
  const auto inode = [&] {
    struct stat known{};
    ::stat((box.path / "ballast").c_str(), &known);
    return known.st_mtim.tv_nsec;
  };
  const auto before = inode();
  ASSERT_TRUE(data_disk(box.path)->make_ballast(size)) << "another start";
  EXPECT_EQ(inode(), before) << "isn't written again";
  ASSERT_TRUE(disk->give_ballast_back());
  EXPECT_FALSE(fs::exists(box.path / "ballast"));
  ASSERT_TRUE(disk->give_ballast_back()) << "nothing is no failure";
}

TEST(WholeFolder, lists_the_oldest_first_and_what_isnt_there_not_at_all) {
  const Folder box;
  EXPECT_TRUE(whole_folder(box.path / "none")->list().empty());
  fs::create_directories(box.path / "deep");
  for (const char* name : {"b", "deep/a", "c"}) std::ofstream{box.path / name} << name;
  const auto now = fs::file_time_type::clock::now();
  fs::last_write_time(box.path / "deep/a", now - 2h);
  fs::last_write_time(box.path / "c", now - 1h);
  fs::create_symlink("/etc/passwd", box.path / "link");
  const auto folder = whole_folder(box.path);
  const auto files = folder->list();
  ASSERT_EQ(files.size(), 3u);
  EXPECT_EQ(files[0].path, box.path / "deep/a");
  EXPECT_EQ(files[1].path, box.path / "c");
  ASSERT_TRUE(folder->drop(files[0]));
  EXPECT_EQ(folder->list().size(), 2u);
}

struct World {
  Space space{total, 5'000 * mib, 0};
  bool answers = true;
  int made = 0, given = 0;
  std::vector<Droppable::File> files;
};

class FakeDisk final : public Disk {
 public:
  explicit FakeDisk(World& world) : world_(world) {}
  Result<Space> look() override {
    if (!world_.answers) return fail(Errc::io, "no answer");
    return world_.space;
  }
  Result<void> make_ballast(std::uint64_t bytes) override {
    if (world_.space.ballast >= bytes) return {};
    world_.space.free -= bytes - world_.space.ballast;
    world_.space.ballast = bytes;
    ++world_.made;
    return {};
  }
  Result<void> give_ballast_back() override {
    world_.space.free += std::exchange(world_.space.ballast, 0);
    ++world_.given;
    return {};
  }

 private:
  World& world_;
};

class FakeFiles final : public Droppable {
 public:
  explicit FakeFiles(World& world) : world_(world) {}
  std::vector<File> list() override { return world_.files; }
  Result<void> drop(const File& file) override {
    std::erase_if(world_.files, [&](const File& one) { return one.path == file.path; });
    world_.space.free += file.bytes;
    return {};
  }

 private:
  World& world_;
};

class FakeWear final : public WearSource {
 public:
  WearSample read() override { return {"b1", {}, 0}; }
};

struct Box {
  World world;
  std::unique_ptr<Keeper> keeper;
  Mono mono{1'000'000ms};
  explicit Box(const KeeperOptions& options = {}) {
    Keeper::Parts parts{std::make_unique<FakeDisk>(world), std::make_unique<FakeWear>(), {}};
    parts.droppables.push_back(std::make_unique<FakeFiles>(world));
    keeper = std::make_unique<Keeper>(std::move(parts), options);
  }
  Step look(std::uint64_t free_mib) {
    world.space.free = free_mib * mib;
    return look();
  }
  Step look() {
    mono += 10s;
    EXPECT_TRUE(keeper->look(noon, mono));
    return keeper->step();
  }
};

TEST(Keeper, gives_the_ballast_back_and_makes_it_again) {
  Box box;
  EXPECT_EQ(box.look(5000), Step::ample);
  EXPECT_EQ(box.world.space.ballast, 32 * mib);
  EXPECT_EQ(box.look(200), Step::stopped);
  EXPECT_EQ(box.world.given, 0);
  EXPECT_EQ(box.look(20), Step::ballast_given);
  EXPECT_EQ(box.world.given, 1);
  EXPECT_EQ(box.keeper->picture()->space.free, 52 * mib);
  EXPECT_EQ(box.look(), Step::ballast_given) << "its own ballast is no room";
  EXPECT_EQ(box.look(200), Step::stopped);
  EXPECT_EQ(box.world.made, 1) << "not while nothing is stored";
  EXPECT_EQ(box.look(400), Step::dropping);
  EXPECT_EQ(box.world.made, 2);
  EXPECT_EQ(box.look(), Step::dropping);
  EXPECT_EQ(box.look(5000), Step::ample);
}

TEST(Keeper, looks_often_only_when_it_is_low) {
  Box box;
  box.look(5000);
  EXPECT_FALSE(box.keeper->look(noon, box.mono + 5s));
  box.look(1000);
  EXPECT_TRUE(box.keeper->look(noon, box.mono + 1s));
}

TEST(Keeper, drops_files_in_order_and_no_more_than_needed) {
  Box box;
  box.look(5000);
  box.world.files = {{"a", 30 * mib}, {"b", 100 * mib}, {"c", 500 * mib}, {"d", 1 * mib}};
  EXPECT_EQ(box.look(490), Step::low) << "a and b are enough";
  ASSERT_EQ(box.world.files.size(), 2u);
  EXPECT_EQ(box.world.files[0].path, "c");
  EXPECT_EQ(box.keeper->picture()->files_dropped, 2u);
  EXPECT_EQ(box.keeper->picture()->bytes_dropped, 130 * mib);
  EXPECT_EQ(box.keeper->picture()->droppable, 501 * mib);
}

TEST(Keeper, wants_rows_dropped_below_the_reserve_until_there_are_none_or_enough) {
  Box box;
  box.look(5000);
  EXPECT_FALSE(box.keeper->wants_rows_dropped());
  box.look(400);
  EXPECT_TRUE(box.keeper->wants_rows_dropped());
  box.keeper->rows_dropped(true, limits::reusable_bytes_enough);
  EXPECT_FALSE(box.keeper->wants_rows_dropped()) << "the file has room inside";
  box.keeper->rows_dropped(true, 0);
  EXPECT_TRUE(box.keeper->wants_rows_dropped());
  box.keeper->rows_dropped(false, 0);
  EXPECT_FALSE(box.keeper->wants_rows_dropped());
  box.look(5000), box.look(400);
  EXPECT_TRUE(box.keeper->wants_rows_dropped()) << "another time";
}

TEST(Keeper, thins_where_it_may_and_stops_when_nothing_is_left) {
  Box box{{.thin_after = std::chrono::days{3650}}};
  box.look(5000);
  EXPECT_EQ(box.look(200), Step::thinning);
  EXPECT_TRUE(box.keeper->wants_thinning());
  box.keeper->thinned(false, limits::reusable_bytes_enough);
  EXPECT_EQ(box.look(), Step::thinning) << "stores on inside the file";
  box.keeper->thinned(false, limits::reusable_bytes_enough - 1);
  EXPECT_EQ(box.look(), Step::stopped);
  box.keeper->thinned(false, 2 * limits::reusable_bytes_enough);
  EXPECT_EQ(box.look(), Step::stopped);
  EXPECT_EQ(box.look(300), Step::dropping);
  EXPECT_FALSE(Box{}.keeper->wants_thinning());
}

TEST(Keeper, a_disk_that_doesnt_answer_changes_nothing) {
  Box box;
  box.look(5000);
  box.look(1000);
  box.world.answers = false;
  EXPECT_EQ(box.look(10), Step::low);
  EXPECT_FALSE(box.keeper->picture()->known);
}

TEST(SizeText, is_for_people) {
  EXPECT_EQ(size_text(0), "0.0 KiB");
  EXPECT_EQ(size_text(32 * mib), "32 MiB");
  EXPECT_EQ(size_text(1234 * mib), "1.2 GiB");
}

}  // namespace
}  // namespace alona::room
