#include "alona/download.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace alona {

Result<web::BackupFile> open_download(const std::filesystem::path& path, std::string_view what) {
  const std::shared_ptr<const int> fd{new int{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)},
                                      [](const int* held) {
                                        if (*held >= 0) ::close(*held);
                                        delete held;
                                      }};
  struct stat about{};
  if (*fd < 0 || ::fstat(*fd, &about) != 0 || !S_ISREG(about.st_mode))
    return fail(Errc::not_found, fmt::format("{} {} can't be opened", what, path.filename().string()),
                "It may be gone; look again.");
  ::posix_fadvise(*fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  return web::BackupFile{fd, static_cast<std::uint64_t>(about.st_size)};
}

}  // namespace alona
