#include "alona/sticks.h"

#include <fstream>
#include <string>
#include <system_error>

namespace alona {
namespace fs = std::filesystem;
namespace {

// Where they are mounted by people and desktops.
bool may_be_a_stick(const std::string& device, const fs::path& mounted) {
  const std::string at = (mounted / "").string();
  return device.starts_with("/dev/") &&
         (at.starts_with("/media/") || at.starts_with("/mnt/") || at.starts_with("/run/media/"));
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
    found.emplace_back(mounted);
    std::error_code ec;
    for (fs::directory_iterator it{mounted, ec}, end; !ec && it != end; it.increment(ec)) {
      if (it->is_directory(ec)) found.push_back(it->path());
    }
  }
  return found;
}

}  // namespace alona
