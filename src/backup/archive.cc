#include "backup/archive.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace alona::backup {

std::unexpected<Error> file_error(std::string_view doing, const std::filesystem::path& path, int error) {
  const bool full = error == ENOSPC || error == EDQUOT;
  return fail(full              ? Errc::disk_full
              : error == ENOENT ? Errc::not_found
                                : Errc::io,
              fmt::format("cannot {} {}: {}", doing, path.string(), std::generic_category().message(error)),
              full ? "Make room on this disk, then do it again." : "");
}

int write_all(int fd, const void* data, std::size_t bytes) {
  const auto* at = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t n = ::write(fd, at, bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    at += n;
    bytes -= static_cast<std::size_t>(n);
  }
  return 0;
}

void give_to_owner_of_folder(const std::filesystem::path& file) {
  struct stat about{};
  if (::geteuid() != 0 || ::stat(file.parent_path().c_str(), &about) != 0) return;
  [[maybe_unused]] const int done = ::lchown(file.c_str(), about.st_uid, about.st_gid);
}

std::string set_seal(const std::array<std::uint8_t, 32>& hash) {
  std::string seal("\x5A\x2A\x4D\x18\x2C\0\0\0", 8);
  static_assert(seal_mark.size() + 32 == 0x2C);
  seal += seal_mark;
  seal.append(reinterpret_cast<const char*>(hash.data()), hash.size());
  return seal;
}

}  // namespace alona::backup
