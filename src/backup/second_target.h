// Where the second copies go: a folder, or a USB stick by the label of its file system. A folder that isn't
// there is never made, since it is the place of a stick that isn't plugged in. One thread.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "backup/archive.h"
#include "base/error.h"

namespace alona::backup {

// Where the system tells of its disks; tests give their own.
struct Devices {
  std::filesystem::path by_label = "/dev/disk/by-label";
  std::filesystem::path mountinfo = "/proc/self/mountinfo";
};

// Open as long as it lives. All work goes through the open folder, so that a stick that is pulled and
// unmounted in the middle never turns into an empty folder of the box's own disk.
class SecondTarget {
 public:
  // `target` as [backup] second_target says it. A stick that isn't mounted is mounted below `runtime_dir`
  // when we are root, and unmounted again at the end. not_found: it isn't there, or only root could mount it.
  // temporary: somebody reads it for half a minute.
  [[nodiscard]] static Result<SecondTarget> open(const std::string& target,
                                                 const std::filesystem::path& runtime_dir,
                                                 const Devices& devices = {});
  SecondTarget(SecondTarget&&) noexcept = default;
  SecondTarget& operator=(SecondTarget&&) = delete;
  ~SecondTarget();

  // For every call to the system; only within this process.
  [[nodiscard]] std::filesystem::path folder() const;
  // For people.
  [[nodiscard]] const std::filesystem::path& shown() const { return shown_; }
  [[nodiscard]] std::string told(std::string text) const;  // with folder() as people know it
  [[nodiscard]] Error told(Error error) const;
  // Whether both lie on one file system.
  [[nodiscard]] bool same_disk(const std::filesystem::path& other) const;
  [[nodiscard]] bool same_folder(const std::filesystem::path& other) const;

 private:
  SecondTarget(Fd fd, std::filesystem::path shown, std::filesystem::path ours, Fd held)
      : fd_(std::move(fd)), shown_(std::move(shown)), ours_{std::move(ours)}, held_(std::move(held)) {}
  struct Mounted {  // by us; empty: not
    std::filesystem::path at;
    explicit Mounted(std::filesystem::path path) : at(std::move(path)) {}
    Mounted(Mounted&& other) noexcept : at(std::exchange(other.at, {})) {}
    Mounted& operator=(Mounted&&) = delete;
    ~Mounted() = default;
  };
  Fd fd_;
  std::filesystem::path shown_;
  Mounted ours_;
  Fd held_;  // the stick's device, while we have it mounted (stick.h)
};

// So that a person may pull it: unmounted wherever a person or desktop has mounted it, what is written on it,
// the device off where it can be. As root. config: the second target is no stick. not_found: none is plugged
// in. temporary: somebody uses it.
[[nodiscard]] Result<void> let_go_of_stick(const std::string& target, const Devices& devices = {});

// Inside the room, and for tests: where the whole of the device is mounted, by the text of mountinfo.
[[nodiscard]] std::optional<std::filesystem::path> mounted_at(std::string_view mountinfo, dev_t device,
                                                              const std::filesystem::path& path);

}  // namespace alona::backup
