#include "room/disk.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "base/fd.h"
#include "base/hash.h"

namespace alona::room {
namespace {

std::unexpected<Error> failed(std::string_view doing, const std::filesystem::path& path) {
  const int why = errno;
  return fail(why == ENOSPC || why == EDQUOT ? Errc::disk_full : Errc::io,
              fmt::format("cannot {} {}: {}", doing, path.string(), std::generic_category().message(why)));
}

class DataDisk final : public Disk {
 public:
  explicit DataDisk(std::filesystem::path folder) : folder_(std::move(folder)), file_(folder_ / "ballast") {}

  Result<Space> look() override {
    struct statvfs fs{};
    if (::statvfs(folder_.c_str(), &fs) != 0) return failed("ask for the free space of", folder_);
    return Space{fs.f_blocks * fs.f_frsize, fs.f_bavail * fs.f_frsize, allocated()};
  }

  Result<void> make_ballast(std::uint64_t bytes) override {
    struct stat known{};
    const bool exists = ::lstat(file_.c_str(), &known) == 0;
    if (exists && written_ == 0 && static_cast<std::uint64_t>(known.st_size) == bytes && allocated() >= bytes)
      written_ = bytes;
    if (exists && written_ >= bytes) return {};
    if (!exists) written_ = 0;
    const Fd file{::open(file_.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0640)};
    if (file.get() < 0) return failed("make", file_);
    if (written_ == 0) {
      if (::ftruncate(file.get(), 0) != 0) return failed("make", file_);
      // All of it at once where the file system can; else it grows with what is written.
      if (::fallocate(file.get(), 0, 0, static_cast<off_t>(bytes)) != 0 && errno == ENOSPC)
        return failed("make room for", file_);
    }
    return write_slice(file.get(), bytes);
  }

  Result<void> give_ballast_back() override {
    written_ = 0;
    if (::unlink(file_.c_str()) != 0 && errno != ENOENT) return failed("delete", file_);
    return {};
  }

 private:
  [[nodiscard]] std::uint64_t allocated() const {
    struct stat known{};
    if (::lstat(file_.c_str(), &known) != 0) return 0;
    return static_cast<std::uint64_t>(known.st_blocks) * 512;
  }

  // Noise, so that no file system packs it; synced slice by slice, so that no commit waits for all of it.
  Result<void> write_slice(int fd, std::uint64_t bytes) {
    const std::uint64_t end = std::min(bytes, written_ + limits::ballast_slice_bytes);
    std::array<std::uint64_t, 512> noise{};
    for (std::uint64_t& word : noise) word = random_u64();
    while (written_ < end) {
      const std::size_t size = std::min<std::size_t>(sizeof noise, end - written_);
      const ssize_t n = ::pwrite(fd, noise.data(), size, static_cast<off_t>(written_));
      if (n <= 0) return failed("write", file_);
      written_ += static_cast<std::uint64_t>(n);
      for (std::uint64_t& word : noise) word = word * 6'364'136'223'846'793'005 + 1'442'695'040'888'963'407;
    }
    if (::fdatasync(fd) != 0) return failed("sync", file_);
    return {};
  }

  const std::filesystem::path folder_, file_;
  std::uint64_t written_ = 0;
};

}  // namespace

std::unique_ptr<Disk> data_disk(const std::filesystem::path& folder) {
  return std::make_unique<DataDisk>(folder);
}

}  // namespace alona::room
