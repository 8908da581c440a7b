#include "backup/copy_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "backup/archive.h"
#include "backup/crypt.h"
#include "backup/second.h"
#include "backup/set_file.h"

namespace alona::backup {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t piece_bytes = std::size_t{256} * 1024;

std::unexpected<Error> stopped() {
  return fail(Errc::temporary, "copying to the second target was stopped",
              "`alona backup copy` goes on with it.");
}

// A file that nothing is known of yet is read from the disk and not from memory.
void forget_pages(const fs::path& file) {
  const Fd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
  if (fd.get() >= 0) (void)::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
}

// A new file, synced; gone again when it isn't finished.
class Part {
 public:
  explicit Part(fs::path path) : path_(std::move(path)) {}
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;
  ~Part() {
    if (!kept_ && fd_.get() >= 0) ::unlink(path_.c_str());
  }
  Result<void> begin() {
    ::unlink(path_.c_str());  // of one that was killed
    fd_ = Fd{::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640)};
    return fd_.get() < 0 ? bad("make", errno) : Result<void>{};
  }
  Result<void> put(const void* data, std::size_t bytes) {
    const int error = write_all(fd_.get(), data, bytes);
    return error != 0 ? bad("write", error) : Result<void>{};
  }
  Result<void> sync() { return ::fsync(fd_.get()) != 0 ? bad("sync", errno) : Result<void>{}; }
  Result<void> keep_as(const fs::path& file) {
    give_to_owner_of_folder(path_);
    if (::rename(path_.c_str(), file.c_str()) != 0) return bad("rename", errno);
    kept_ = true;
    return files::sync_folder(file.parent_path());
  }

 private:
  Result<void> bad(std::string_view doing, int error) {
    auto failed = file_error(doing, path_, error);
    if (error == EFBIG)
      failed.error().next =
          "This file system holds no file of 4 GiB or more: format the stick with ext4 or exFAT.";
    if (error == EROFS) failed.error().next = "It is mounted read-only; `dmesg` may say why.";
    if (error == EIO || error == ENODEV)
      failed.error().next = "Was it pulled? Else it may be dying: `dmesg` says more.";
    return failed;
  }
  fs::path path_;
  Fd fd_{-1};
  bool kept_ = false;
};

Result<void> write_copy(Part& part, const BackupSet& own, const Doing& doing) {
  const Fd from{::open(own.file.c_str(), O_RDONLY | O_CLOEXEC)};
  if (from.get() < 0) return file_error("read", own.file, errno);
  std::string piece(piece_bytes, '\0');
  std::uint64_t done = 0;
  while (true) {
    const ssize_t n = ::read(from.get(), piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return file_error("read", own.file, errno);
    if (n == 0) return part.sync();
    done += static_cast<std::uint64_t>(n);
    if (!doing("copying", done, own.bytes)) return stopped();
    if (auto put = part.put(piece.data(), static_cast<std::size_t>(n)); !put) return put;
  }
}

Result<void> encrypt_copy(Part& part, const BackupSet& own, const std::string& passphrase,
                          const Doing& doing) {
  auto done = encrypt_set(
      own, passphrase, {}, [&](const void* data, std::size_t n) { return part.put(data, n); },
      [&](std::uint64_t at, std::uint64_t all) { return doing("encrypting", at, all); });
  if (!done && done.error().code == Errc::temporary) return stopped();
  return done ? part.sync() : done;
}

// It is whole; but is it the one that was to be copied?
Result<void> same_set(const BackupSet& own, const fs::path& file) {
  const auto there = is_encrypted(file) ? look_into_encrypted(file) : look_into_set(file);
  if (!there) return std::unexpected(there.error());
  std::error_code ec;
  if (there->number == own.manifest->number && there->taken == own.manifest->taken &&
      fs::file_size(file, ec) == copy_bytes(own, is_encrypted(file)))
    return {};
  return fail(Errc::corrupt, file.string() + " isn't what was written", "Look for disk errors with `dmesg`.");
}

}  // namespace

fs::path part_of(const fs::path& file) {
  return file.parent_path() / fmt::format(".{}.part", file.filename().string());
}

Result<void> read_copy(const fs::path& file, const std::optional<std::string>& passphrase,
                       const Doing& doing) {
  forget_pages(file);
  const SetProgress progress = [&](std::uint64_t done, std::uint64_t all) {
    return doing("reading back", done, all);
  };
  if (!is_encrypted(file)) {
    auto read = read_set(file, std::nullopt, progress);
    return read ? Result<void>{} : std::unexpected(read.error());
  }
  if (!passphrase)
    return fail(Errc::auth, fmt::format("{} is encrypted", file.string()),
                "Put its passphrase into a file and name that in [backup] passphrase_file.");
  return verify_encrypted(file, *passphrase, progress);
}

Result<void> make_copy(const BackupSet& own, const fs::path& file,
                       const std::optional<std::string>& passphrase, const Doing& doing) {
  Part part{part_of(file)};
  if (auto begun = part.begin(); !begun) return begun;
  const auto written =
      passphrase ? encrypt_copy(part, own, *passphrase, doing) : write_copy(part, own, doing);
  if (!written) return written;
  auto read = read_copy(part_of(file), passphrase, doing);
  if (read) read = same_set(own, part_of(file));
  if (!read) {
    read.error().next =
        "Was it pulled? Else that disk may be dying (`dmesg` says more), or the box's own set is damaged "
        "(`alona backup verify --all`).";
    return with_context("the copy that was just written", read.error());
  }
  return part.keep_as(file);
}

Result<void> put_copy_state(const BackupSet& set) {
  const fs::path file = set.file.string() + ".state";
  Part part{part_of(file)};
  if (auto begun = part.begin(); !begun) return begun;
  const std::string text = state_text(set.state);
  auto done = part.put(text.data(), text.size());
  if (done) done = part.sync();
  if (done) done = part.keep_as(file);
  return done;
}

}  // namespace alona::backup
