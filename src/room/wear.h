// What is written to the disk, by UTC day: WearSource reads the kernel's counters, WearMeter turns them into
// days. Writer thread; the meter is pure.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <vector>

#include "base/time.h"
#include "store/wear.h"

namespace alona::room {

struct WearSample {
  struct Device {
    std::string name;           // "mmcblk0"
    std::uint64_t written = 0;  // bytes since the boot
  };
  std::string boot;  // the kernel's id of this boot
  std::optional<Device> device;
  std::uint64_t process = 0;  // bytes since the process began
};

class WearSource {
 public:
  virtual ~WearSource() = default;
  [[nodiscard]] virtual WearSample read() = 0;
};

// /sys/dev/block of the whole disk that holds `folder` (none for tmpfs, overlays and the like), and
// /proc/self/io. `sys`, `proc`: where a test keeps its own.
[[nodiscard]] std::unique_ptr<WearSource> kernel_counters(const std::filesystem::path& folder,
                                                          const std::filesystem::path& sys = "/sys",
                                                          const std::filesystem::path& proc = "/proc");

class WearMeter {
 public:
  // `kept`: what the ledger says; its base bridges a restart of the core within one boot.
  explicit WearMeter(store::Ledger kept = {});

  // `today`: by the core's clock; where it jumps, the bytes count for the day it says. A counter that fell
  // began anew at 0 (a reboot); one of another disk only counts from here on.
  void sample(std::int32_t today, std::uint64_t free, const WearSample& now);

  // The newest days, today's included.
  [[nodiscard]] std::vector<store::WearRow> days() const;
  [[nodiscard]] const std::string& device() const { return device_; }  // empty: none
  [[nodiscard]] const store::WearBase& base() const { return base_; }
  // What days() has grown by since the last call, to be added to the ledger.
  [[nodiscard]] std::vector<store::WearRow> take_new();

 private:
  using Days = std::map<std::int32_t, store::WearRow>;
  static void add(Days& to, const store::WearRow& more);
  Days days_, new_;
  store::WearBase base_;
  std::string device_;
  std::uint64_t process_ = 0;
};

}  // namespace alona::room
