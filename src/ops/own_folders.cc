#include "ops/own_folders.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string_view>
#include <utility>

#include "base/fd.h"
#include "base/files.h"

namespace alona::ops {
namespace {
namespace fs = std::filesystem;

constexpr int folder_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

Result<Fd> open_in(const Fd& folder, const char* name, const fs::path& path) {
  Fd opened{::openat(folder.get(), name, folder_flags)};
  const int error = errno;
  if (opened.get() >= 0) return opened;
  struct stat about{};
  if (::fstatat(folder.get(), name, &about, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(about.st_mode)) {
    return fail(Errc::refused,
                fmt::format("{} is a link, and must be a folder: what is written there would land elsewhere",
                            path.string()),
                "Look where it leads and who made it, put a folder in its place and try again.");
  }
  return std::unexpected(files::failure("open the folder", path, error));
}

// Opened folder by folder. Links on the way to `top` are whoever's who owns the machine, and are followed.
Result<Fd> open_below(const fs::path& top, const fs::path& path) {
  Result<Fd> folder = Fd{::open(top.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (folder->get() < 0) return std::unexpected(files::failure("open the folder", top, errno));
  fs::path here = top;
  for (const auto& part : path.lexically_relative(top)) {
    here /= part;
    folder = open_in(*folder, part.c_str(), here);
    if (!folder) return folder;
  }
  return folder;
}

Result<void> hand_over_all(Fd folder, const fs::path& path, uid_t user);

Result<void> hand_over_one(const Fd& folder, const char* name, const fs::path& path, uid_t user) {
  const Fd entry{::openat(folder.get(), name, O_PATH | O_NOFOLLOW | O_CLOEXEC)};
  struct stat about{};
  if (entry.get() < 0 || ::fstat(entry.get(), &about) != 0) {
    // The core works meanwhile, and its database's log comes and goes.
    return errno == ENOENT ? Result<void>{} : std::unexpected(files::failure("look at", path, errno));
  }
  if (about.st_uid != user) {
    if (!S_ISDIR(about.st_mode) && about.st_nlink > 1) {
      return fail(Errc::refused,
                  fmt::format("{} is a second name of a file that may lie elsewhere", path.string()),
                  "Look who made it and remove it.");
    }
    if (::fchownat(entry.get(), "", user, static_cast<gid_t>(-1), AT_EMPTY_PATH) != 0)
      return std::unexpected(files::failure("hand over to its user", path, errno));
  }
  if (!S_ISDIR(about.st_mode)) return {};
  auto inner = open_in(folder, name, path);
  if (!inner) return std::unexpected(inner.error());
  return hand_over_all(std::move(*inner), path, user);
}

// Each level holds a descriptor: a tree too deep to be ours ends in an error.
Result<void> hand_over_all(Fd folder, const fs::path& path, uid_t user) {
  const int listed = ::fcntl(folder.get(), F_DUPFD_CLOEXEC, 0);
  if (listed < 0) return std::unexpected(files::failure("look through", path, errno));
  const std::unique_ptr<DIR, int (*)(DIR*)> entries{::fdopendir(listed), ::closedir};
  if (!entries) {
    const int error = errno;
    ::close(listed);
    return std::unexpected(files::failure("look through", path, error));
  }
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(entries.get());  // NOLINT(concurrency-mt-unsafe): a stream of our own
    if (entry == nullptr)
      return errno == 0 ? Result<void>{} : std::unexpected(files::failure("look through", path, errno));
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (auto done = hand_over_one(folder, entry->d_name, path / name, user); !done) return done;
  }
}

}  // namespace

Result<void> no_link_below(const fs::path& top, const fs::path& path) {
  const auto folder = open_below(top, path);
  if (!folder && folder.error().code == Errc::refused) return std::unexpected(folder.error());
  return {};  // whatever else is wrong, whoever needs the folder says it
}

Result<void> set_mode(const fs::path& top, const fs::path& path, mode_t mode) {
  const auto folder = open_below(top, path);
  if (!folder) return std::unexpected(folder.error());
  if (::fchmod(folder->get(), mode) != 0)
    return std::unexpected(files::failure("set the mode of", path, errno));
  return {};
}

Result<void> hand_over(const fs::path& top, const fs::path& path, uid_t user) {
  auto folder = open_below(top, path);
  if (!folder) return std::unexpected(folder.error());
  return hand_over_all(std::move(*folder), path, user);
}

}  // namespace alona::ops
