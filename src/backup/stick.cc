#include "backup/stick.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <string>
#include <system_error>
#include <thread>

namespace alona::backup {
namespace fs = std::filesystem;

Result<Fd> hold_stick(const fs::path& device, StickUse use, Ms patience) {
  Fd fd{::open(device.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (fd.get() < 0) return file_error("open", device, errno);
  constexpr Ms step{200};
  const int wanted = (use == StickUse::writes ? LOCK_EX : LOCK_SH) | LOCK_NB;
  for (Ms waited{0}; ::flock(fd.get(), wanted) != 0; waited += step) {
    if (errno != EWOULDBLOCK && errno != EINTR) return file_error("hold", device, errno);
    if (waited >= patience)
      return fail(
          Errc::temporary,
          fmt::format("the stick ({}) is in use: {}", device.string(),
                      use == StickUse::writes ? "it is being read" : "a copy of the backups is under way"),
          "Try again in some minutes.");
    std::this_thread::sleep_for(step);
  }
  return fd;
}

std::vector<fs::path> plugged_in(const fs::path& by_id) {
  constexpr std::size_t devices_max = 16;
  std::set<std::string> names;
  std::error_code ec;
  for (fs::directory_iterator it{by_id, ec}, end; !ec && it != end; it.increment(ec)) {
    if (std::string name = it->path().filename().string(); name.starts_with("usb-"))
      names.insert(std::move(name));
  }
  std::vector<fs::path> devices;
  for (const std::string& name : names) {
    const auto part = names.lower_bound(name + "-part");
    if (part != names.end() && part->starts_with(name + "-part")) continue;
    const fs::path device = fs::canonical(by_id / name, ec);
    if (!ec && devices.size() < devices_max && std::ranges::find(devices, device) == devices.end())
      devices.push_back(device);
  }
  return devices;
}

}  // namespace alona::backup
