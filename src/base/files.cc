#include "base/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "base/fd.h"

namespace alona::files {
namespace {

std::string reason(int error) { return std::generic_category().message(error); }

// Root's new file or folder becomes its folder's owner's; its group, too, unless that came by set-gid.
void hand_over(int fd, const std::filesystem::path& path) {
  struct stat folder{};
  const std::filesystem::path parent = path.has_parent_path() ? path.parent_path() : ".";
  if (::geteuid() != 0 || ::stat(parent.c_str(), &folder) != 0 || folder.st_uid == 0) return;
  const gid_t group = (folder.st_mode & S_ISGID) != 0 ? static_cast<gid_t>(-1) : folder.st_gid;
  [[maybe_unused]] const int done = ::fchown(fd, folder.st_uid, group);
}

bool write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t n = ::write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

// Writes, sets owner and mode, syncs; 0 or errno.
int fill(const std::filesystem::path& part, const std::filesystem::path& old, std::string_view content,
         mode_t mode) {
  const Fd fd{::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)};
  if (fd.get() < 0) return errno;
  struct stat before{};
  // Not root, or the same owner already: then the change fails or does nothing, and both are right.
  if (::stat(old.c_str(), &before) == 0) {
    [[maybe_unused]] const int unchanged = ::fchown(fd.get(), before.st_uid, before.st_gid);
  } else {
    hand_over(fd.get(), old);
  }
  if (!write_all(fd.get(), content) || ::fchmod(fd.get(), mode) != 0 || ::fsync(fd.get()) != 0) return errno;
  return 0;
}

}  // namespace

Error failure(std::string_view doing, const std::filesystem::path& path, int error) {
  const Errc code = error == ENOSPC || error == EDQUOT ? Errc::disk_full
                    : error == ENOENT                  ? Errc::not_found
                                                       : Errc::io;
  const char* next = error == ENOSPC   ? "Free some space on this disk and try again."
                     : error == EACCES ? "Run it as root, or as the user that owns the file."
                     : error == EROFS  ? "The disk is mounted read-only; look into `dmesg` for the reason."
                                       : "";
  return {code, fmt::format("cannot {} {}: {}", doing, path.string(), reason(error)), next};
}

Result<std::string> read(const std::filesystem::path& path, std::size_t bytes_max) {
  const Fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (fd.get() < 0) return std::unexpected(failure("read", path, errno));
  std::string content;
  char buffer[16 * 1024];
  while (true) {
    const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::unexpected(failure("read", path, errno));
    if (n == 0) return content;
    content.append(buffer, static_cast<std::size_t>(n));
    if (content.size() > bytes_max) {
      return fail(Errc::refused, fmt::format("{} is larger than {} bytes", path.string(), bytes_max));
    }
  }
}

Result<void> replace(const std::filesystem::path& path, std::string_view content, mode_t mode) {
  const std::filesystem::path part = path.string() + ".new";
  ::unlink(part.c_str());  // left by a power cut
  if (const int error = fill(part, path, content, mode); error != 0) {
    ::unlink(part.c_str());
    return std::unexpected(failure("write", part, error));
  }
  if (::rename(part.c_str(), path.c_str()) != 0) return std::unexpected(failure("replace", path, errno));
  return sync_folder(path.parent_path());
}

Result<void> make_folder(const std::filesystem::path& path, mode_t mode) {
  std::error_code unseen;  // a folder above may not be looked into: mkdir says so
  if (path.empty() || std::filesystem::is_directory(path, unseen)) return {};
  if (auto parent = make_folder(path.parent_path(), mode); !parent) return parent;
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) {
    return std::unexpected(failure("make the folder", path, errno));
  }
  const Fd made{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
  if (made.get() >= 0) hand_over(made.get(), path);
  return sync_folder(path.parent_path());
}

Result<void> exchange(const std::filesystem::path& a, const std::filesystem::path& b) {
  if (::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) != 0) {
    if (errno == EINVAL || errno == ENOSYS)
      return fail(Errc::refused, fmt::format("the file system of {} can't exchange two folders", a.string()),
                  "ext4, btrfs, xfs and f2fs can.");
    return std::unexpected(failure("exchange with " + b.string(), a, errno));
  }
  if (auto synced = sync_folder(a.parent_path()); !synced) return synced;
  return sync_folder(b.parent_path());
}

Result<void> sync_folder(const std::filesystem::path& path) {
  const std::filesystem::path folder = path.empty() ? std::filesystem::path{"."} : path;
  const Fd fd{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (fd.get() < 0) return std::unexpected(failure("open the folder", folder, errno));
  // Some file systems can't sync a folder and say EINVAL; then there is nothing more to do.
  if (::fsync(fd.get()) != 0 && errno != EINVAL) return std::unexpected(failure("sync", folder, errno));
  return {};
}

Result<void> sync_file(const std::filesystem::path& path) {
  {
    const Fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (fd.get() < 0) return std::unexpected(failure("open", path, errno));
    if (::fsync(fd.get()) != 0) return std::unexpected(failure("sync", path, errno));
  }
  return sync_folder(path.parent_path());
}

Result<Lock> Lock::take(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
  if (fd < 0) return std::unexpected(failure("open the lock", path, errno));
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    char holder[32] = {};
    const ssize_t n = ::pread(fd, holder, sizeof holder - 1, 0);
    ::close(fd);
    return fail(Errc::temporary,
                fmt::format("{} is in use by process {}", path.string(), n > 0 ? holder : "(unknown)"),
                "Wait until it has ended, or stop it, and try again.");
  }
  struct stat about{};
  const bool is_new = ::fstat(fd, &about) == 0 && about.st_size == 0 && about.st_nlink == 1;
  if (is_new && about.st_uid == 0) hand_over(fd, path);
  // Only a help for the message above: the lock is the kernel's, whatever the file says.
  const std::string pid = std::to_string(::getpid());
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, pid.data(), pid.size(), 0) < 0) errno = 0;
  return Lock{fd};
}

Lock::Lock(Lock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
Lock& Lock::operator=(Lock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}
Lock::~Lock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace alona::files
