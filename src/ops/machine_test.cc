#include "ops/machine.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace alona::ops {
namespace {

namespace fs = std::filesystem;

class Machine {
 public:
  Machine() : folder_(mkdtemp(name_)) {}
  ~Machine() { fs::remove_all(folder_); }
  void put(const std::string& file, const std::string& text) {
    fs::create_directories((folder_ / file).parent_path());
    std::ofstream{folder_ / file} << text;
  }
  void zone(int n, const std::string& text) { put(fmt::format("thermal/thermal_zone{}/temp", n), text); }
  void throttled(const std::string& text) { put("get_throttled", text); }
  // "id" or, when it isn't well, "id: what"
  [[nodiscard]] std::vector<std::string> said() const {
    std::vector<std::string> all;
    for (const MachineCheck& c :
         look_at_machine({folder_ / "thermal", folder_ / "get_throttled", folder_ / "meminfo"})) {
      EXPECT_EQ(c.well, c.what.empty() && c.next.empty());
      all.push_back(c.well ? c.id : c.id + ": " + c.what);
    }
    return all;
  }

 private:
  char name_[32] = "/tmp/alona-machine-XXXXXX";
  fs::path folder_;
};

using Said = std::vector<std::string>;

TEST(Machine, what_isnt_there_is_no_check) { EXPECT_EQ(Machine{}.said(), Said{}); }

TEST(Machine, the_hottest_zone_counts) {
  Machine machine;
  machine.zone(0, "41000\n"), machine.zone(1, "79999\n"), machine.zone(12, "-5000\n");
  machine.put("thermal/cooling_device0/temp", "99000\n");
  EXPECT_EQ(machine.said(), Said{"temperature"});
  machine.zone(12, "80000\n");
  EXPECT_EQ(machine.said(), Said{"temperature: the processor has 80 °C"});
  machine.zone(12, "2147483647\n");
  EXPECT_EQ(machine.said(), Said{"temperature"}) << "a sensor that isn't connected";
}

TEST(Machine, a_file_that_isnt_understood_is_no_check) {
  Machine machine;
  for (const char* text : {"", "\n", "hot", "41000 C", "0x", "99999999999999999999"}) {
    machine.zone(0, text), machine.throttled(text), machine.put("meminfo", text);
    EXPECT_EQ(machine.said(), Said{}) << text;
  }
  machine.put("meminfo", "MemTotal: none kB\nMemAvailable: 1 kB\n");
  EXPECT_EQ(machine.said(), Said{});
}

TEST(Machine, a_weak_supply_is_told_now_and_until_the_next_start) {
  Machine machine;
  machine.throttled("0\n");
  EXPECT_EQ(machine.said(), (Said{"temperature", "power_supply"}));
  machine.throttled("50005\n");  // slowed as well, but by that
  EXPECT_EQ(machine.said(),
            (Said{"temperature", "power_supply: the power supply is too weak at this moment"}));
  machine.throttled("0x50000\n");
  EXPECT_EQ(machine.said(),
            (Said{"temperature",
                  "power_supply: the power supply was too weak at least once since the box was started"}));
}

TEST(Machine, heat_that_slows_it_down_is_told_while_it_does) {
  Machine machine;
  machine.zone(0, "79000\n");
  for (const char* now : {"2", "4", "60006"}) {
    machine.throttled(now);
    EXPECT_EQ(machine.said(), (Said{"temperature: the processor is slowed down by heat", "power_supply"}))
        << now;
  }
  machine.throttled("e0008");  // over; and the mild limit of some boards, which costs little
  EXPECT_EQ(machine.said(), (Said{"temperature", "power_supply"}));
}

TEST(Machine, memory_that_is_left) {
  Machine machine;
  machine.put("meminfo", "MemTotal:  1000000 kB\nMemFree: 100 kB\nMemAvailable:   80000 kB\n");
  EXPECT_EQ(machine.said(), Said{"memory"});
  machine.put("meminfo", "MemTotal:  1000000 kB\nMemFree: 100 kB\nMemAvailable:   70000 kB\n");
  EXPECT_EQ(machine.said(), Said{"memory: 7 % of the memory are left"});
}

}  // namespace
}  // namespace alona::ops
