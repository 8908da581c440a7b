#include "alona/sticks.h"

#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <system_error>

#include "alona/capture.h"
#include "backup/second_target.h"
#include "backup/upgrade.h"
#include "base/files.h"

namespace alona {
namespace fs = std::filesystem;
namespace {

using namespace std::chrono_literals;
constexpr Ms copy_patience = 10s, mount_max = 60s;
constexpr std::size_t mountinfo_bytes_max = std::size_t{4} << 20;

// Where they are mounted by people and desktops.
bool may_be_a_stick(const std::string& device, const fs::path& mounted) {
  const std::string at = (mounted / "").string();
  return device.starts_with("/dev/") &&
         (at.starts_with("/media/") || at.starts_with("/mnt/") || at.starts_with("/run/media/"));
}

void add_with_folders(const fs::path& mounted, std::vector<fs::path>& found) {
  found.push_back(mounted);
  std::error_code ec;
  for (fs::directory_iterator it{mounted, ec}, end; !ec && it != end; it.increment(ec)) {
    if (it->is_directory(ec)) found.push_back(it->path());
  }
}

bool is_mounted(const fs::path& device) {
  struct stat about{};
  const auto mounts = files::read("/proc/self/mountinfo", mountinfo_bytes_max);
  return !mounts || ::stat(device.c_str(), &about) != 0 || !S_ISBLK(about.st_mode) ||
         backup::mounted_at(*mounts, about.st_rdev, device);
}

// What is mounted from now on is this process's alone; what others mount and unmount still comes here.
Result<void> own_view() {
  if (::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0)
    return {};
  return fail(Errc::failed, fmt::format("no mounts of its own: {}", std::generic_category().message(errno)));
}

void add_unmounted(const fs::path& device, const ops::Paths& paths, Sticks& sticks) {
  if (is_mounted(device)) return;
  auto held = backup::hold_stick(device, backup::StickUse::reads, copy_patience);
  if (!held) return sticks.troubles.push_back(held.error());
  const fs::path at = backup::sticks_folder(paths) / device.filename() / "stick";
  if (auto made = files::make_folder(at, 0755); !made) return sticks.troubles.push_back(made.error());
  // What sticks are made with. Only these: nobody needs to find out what a stranger's file system can do.
  const auto ran = run_to_end({"mount", "-o", "ro,nosuid,nodev,noexec", "-t", "vfat,exfat,ext4,ext3,ext2",
                               "--", device.string(), at.string()},
                              mount_max);
  if (!ran || ran->exit_code != 0)
    return sticks.troubles.push_back(
        {.code = Errc::corrupt,
         .what = fmt::format("the stick ({}) can't be read: it is damaged, or neither FAT, exFAT nor ext",
                             device.string()),
         .next = "`lsblk -f` shows what is on it, `sudo dmesg | tail` what is wrong."});
  sticks.held.push_back(std::move(*held));
  add_with_folders(at, sticks.folders);
}

}  // namespace

std::vector<fs::path> stick_folders() {
  std::vector<fs::path> found;
  std::ifstream mounts{"/proc/self/mounts"};
  std::string device, mounted, rest;
  while (mounts >> device >> mounted && std::getline(mounts, rest)) {
    for (std::size_t at = 0; (at = mounted.find("\\040")) != std::string::npos;)
      mounted.replace(at, 4, 1, ' ');
    if (!may_be_a_stick(device, mounted)) continue;
    add_with_folders(mounted, found);
  }
  return found;
}

Sticks open_sticks(const ops::Paths& paths) {
  Sticks sticks;
  sticks.folders = stick_folders();
  const auto devices = backup::plugged_in();
  if (::geteuid() != 0 || devices.empty()) return sticks;
  if (const auto own = own_view(); !own) {
    sticks.troubles.push_back(own.error());
    return sticks;
  }
  for (const fs::path& device : devices) add_unmounted(device, paths, sticks);
  return sticks;
}

Sticks open_stick(const ops::Paths& paths, const std::string& name) {
  Sticks sticks;
  if (const auto own = own_view(); !own) {
    sticks.troubles.push_back(own.error());
    return sticks;
  }
  add_unmounted(fs::path{"/dev"} / name, paths, sticks);
  return sticks;
}

}  // namespace alona
