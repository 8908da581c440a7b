#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <set>
#include <system_error>

#include "backup/archive.h"
#include "backup/set_file.h"
#include "base/files.h"

namespace alona::backup {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t piece_bytes = std::size_t{256} * 1024;
// A set that claims to hold more than this many times its own length is made to fill a disk.
constexpr std::uint64_t times_larger_max = 200;
constexpr std::uint64_t surely_harmless = std::uint64_t{4} << 30;
constexpr std::uint64_t room_left = std::uint64_t{64} << 20;

std::unexpected<Error> bad(const fs::path& path, std::string_view why) {
  return fail(Errc::corrupt, fmt::format("{} is no whole backup set: {}", path.string(), why),
              "Nothing of it was used. Take another set; `alona backup list` shows them.");
}

// The file up to its seal, for libarchive, and through the seal's hash.
struct In {
  Fd fd;
  std::uint64_t left = 0;
  Sha256 hash{};
  std::string piece = std::string(piece_bytes, '\0');
  int error = 0;

  // 0: the end; below: an error.
  ssize_t more() {
    const std::size_t want = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), left));
    if (want == 0) return 0;
    ssize_t n = 0;
    do {
      n = ::read(fd.get(), piece.data(), want);
    } while (n < 0 && errno == EINTR);
    if (n <= 0) error = n < 0 ? errno : EIO;  // it was longer a moment ago
    if (n <= 0) return -1;
    left -= static_cast<std::uint64_t>(n);
    hash.add({reinterpret_cast<const std::uint8_t*>(piece.data()), static_cast<std::size_t>(n)});
    return n;
  }
  static la_ssize_t read(archive* a, void* self, const void** data) {
    auto* in = static_cast<In*>(self);
    const ssize_t n = in->more();
    if (n < 0) archive_set_error(a, in->error, "%s", std::generic_category().message(in->error).c_str());
    *data = in->piece.data();
    return n;
  }
};

class SetReader {
 public:
  explicit SetReader(const fs::path& path) : path_(path) {}

  Result<void> begin() {
    in_.fd = Fd{::open(path_.c_str(), O_RDONLY | O_CLOEXEC)};
    if (in_.fd.get() < 0) return file_error("read", path_, errno);
    struct stat about{};
    if (::fstat(in_.fd.get(), &about) != 0) return file_error("look at", path_, errno);
    if (!S_ISREG(about.st_mode)) return bad(path_, "it is no file");
    if (about.st_size <= static_cast<off_t>(set_seal_bytes)) return bad(path_, "it is cut off");
    bytes_ = static_cast<std::uint64_t>(about.st_size);
    in_.left = bytes_ - set_seal_bytes;
    std::string seal(set_seal_bytes, '\0');
    if (::pread(in_.fd.get(), seal.data(), seal.size(), static_cast<off_t>(in_.left)) !=
        static_cast<ssize_t>(seal.size()))
      return file_error("read", path_, errno);
    seal_ = std::move(seal);
    // Told now, as it costs nothing: what was cut off or isn't a set needs no reading.
    if (seal_.substr(0, 8 + seal_mark.size()) != set_seal({}).substr(0, 8 + seal_mark.size()))
      return bad(path_, "its end is missing, or it isn't one");
    archive_.reset(archive_read_new());
    archive_read_support_filter_zstd(archive_.get());
    archive_read_support_format_tar(archive_.get());
    if (archive_read_open(archive_.get(), &in_, nullptr, In::read, nullptr) < ARCHIVE_WARN)
      return archive_bad();
    return {};
  }

  Result<Manifest> manifest() {
    auto size = begin_member("MANIFEST");
    if (!size) return std::unexpected(size.error());
    if (*size > manifest_bytes_max) return bad(path_, "its MANIFEST is too long");
    std::string text(static_cast<std::size_t>(*size), '\0');
    if (archive_read_data(archive_.get(), text.data(), text.size()) != static_cast<la_ssize_t>(text.size()))
      return archive_bad();
    auto found = parse_manifest(text);
    if (!found) found.error().what = path_.string() + ": " + found.error().what;
    if (found && found->bytes() > surely_harmless && found->bytes() / times_larger_max > bytes_)
      return bad(path_, "it claims to hold far more than it can");
    return found;
  }

  // The next member must be this one; its size.
  Result<std::uint64_t> begin_member(std::string_view name) {
    archive_entry* entry = nullptr;
    const int got = archive_read_next_header(archive_.get(), &entry);
    if (got == ARCHIVE_EOF) return bad(path_, fmt::format("{} is missing", name));
    if (got < ARCHIVE_WARN) return archive_bad();
    const char* path = archive_entry_pathname(entry);
    if (path == nullptr || archive_entry_filetype(entry) != AE_IFREG ||
        archive_entry_hardlink(entry) != nullptr || archive_entry_size_is_set(entry) == 0 ||
        archive_entry_size(entry) < 0)
      return bad(path_, "a member is no plain file");
    const std::string_view whole{path};
    const std::string_view folder = whole.substr(0, whole.find('/'));
    if (folder_.empty() && valid_member(folder)) folder_ = folder;
    if (folder_.empty() || folder != folder_ ||
        whole.substr(std::min(whole.size(), folder.size() + 1)) != name)
      return bad(path_, fmt::format("{} isn't where it should be", name));
    mode_ = archive_entry_perm(entry) & 0777;
    return static_cast<std::uint64_t>(archive_entry_size(entry));
  }

  // Its bytes, piece by piece; fewer or other ones than listed are damage.
  Result<void> member(const Member& wanted,
                      const std::function<Result<void>(const char*, std::size_t)>& take) {
    const auto size = begin_member(wanted.path);
    if (!size) return std::unexpected(size.error());
    if (*size != wanted.bytes) return bad(path_, wanted.path + " has another size than its MANIFEST says");
    Sha256 hash;
    std::uint64_t left = wanted.bytes;
    while (left > 0) {
      const la_ssize_t n =
          archive_read_data(archive_.get(), piece_.data(),
                            static_cast<std::size_t>(std::min<std::uint64_t>(piece_.size(), left)));
      if (n <= 0) return archive_bad();
      left -= static_cast<std::uint64_t>(n);
      hash.add({reinterpret_cast<const std::uint8_t*>(piece_.data()), static_cast<std::size_t>(n)});
      if (auto taken = take(piece_.data(), static_cast<std::size_t>(n)); !taken) return taken;
    }
    if (hash.finish_hex() == wanted.sha256) return {};
    return bad(path_, wanted.path + " isn't what its MANIFEST says");
  }

  // Behind the last member there is nothing but the seal, and that holds.
  Result<void> end() {
    archive_entry* entry = nullptr;
    const int got = archive_read_next_header(archive_.get(), &entry);
    if (got != ARCHIVE_EOF)
      return got < ARCHIVE_WARN ? archive_bad() : bad(path_, "it holds more than it lists");
    ssize_t n = 0;
    while ((n = in_.more()) > 0) {
    }
    if (n < 0) return file_error("read", path_, in_.error);
    if (set_seal(in_.hash.finish()) != seal_) return bad(path_, "its bytes aren't those that were written");
    return {};
  }
  [[nodiscard]] unsigned mode() const { return mode_; }

 private:
  std::unexpected<Error> archive_bad() {
    if (in_.error != 0) return file_error("read", path_, in_.error);
    const char* why = archive_error_string(archive_.get());
    return bad(path_, why != nullptr ? why : "it ends too early");
  }
  const fs::path& path_;
  In in_{Fd{-1}};
  std::uint64_t bytes_ = 0;
  std::string seal_, folder_;
  unsigned mode_ = 0;
  ReadingArchive archive_;
  std::string piece_ = std::string(piece_bytes, '\0');
};

// Members below a folder that is ours alone, so nothing in it can lead elsewhere.
class Unpacked {
 public:
  explicit Unpacked(fs::path into) : into_(std::move(into)) {}
  Result<void> begin(std::uint64_t bytes) {
    std::error_code ec;
    const auto room = fs::space(into_.parent_path(), ec);
    if (!ec && room.available < bytes + room_left)
      return fail(Errc::disk_full,
                  fmt::format("there is no room to unpack {} MiB below {}", bytes >> 20,
                              into_.parent_path().string()),
                  "Make room on this disk, then do it again.");
    if (::mkdir(into_.c_str(), 0700) != 0) return file_error("make the folder", into_, errno);
    folders_.insert(into_.parent_path());
    folders_.insert(into_);
    return {};
  }
  Result<void> begin_file(const std::string& member, unsigned mode) {
    file_ = into_ / member;
    for (fs::path below = fs::path{member}.parent_path(); !below.empty(); below = below.parent_path())
      folders_.insert(into_ / below);
    if (auto made = files::make_folder(file_.parent_path(), 0700); !made) return made;
    fd_ = Fd{::open(file_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
    if (fd_.get() < 0) return file_error("make", file_, errno);
    if (::fchmod(fd_.get(), mode) != 0) return file_error("set the mode of", file_, errno);
    return {};
  }
  Result<void> data(const char* bytes, std::size_t n) {
    const int error = write_all(fd_.get(), bytes, n);
    return error == 0 ? Result<void>{} : file_error("write", file_, error);
  }
  Result<void> end_file() {
    if (::fsync(fd_.get()) != 0) return file_error("sync", file_, errno);
    fd_ = Fd{-1};
    return {};
  }
  Result<void> end() {
    for (const fs::path& folder : folders_) {
      if (auto synced = files::sync_folder(folder); !synced) return synced;
    }
    return {};
  }

 private:
  fs::path into_, file_;
  std::set<fs::path> folders_;
  Fd fd_{-1};
};

Result<Manifest> read_through(const fs::path& path, Unpacked* unpacked, const SetProgress& progress) {
  SetReader reader{path};
  if (auto begun = reader.begin(); !begun) return std::unexpected(begun.error());
  auto manifest = reader.manifest();
  if (!manifest) return manifest;
  const std::uint64_t all = manifest->bytes();
  if (unpacked != nullptr) {
    if (auto begun = unpacked->begin(all); !begun) return std::unexpected(begun.error());
  }
  std::uint64_t done = 0;
  for (const Member& member : manifest->members) {
    bool begun = false;
    auto read = reader.member(member, [&](const char* data, std::size_t n) -> Result<void> {
      done += n;
      if (!progress(done, all)) return fail(Errc::temporary, "reading the set was stopped", "Do it again.");
      if (unpacked == nullptr) return {};
      if (!std::exchange(begun, true)) {
        if (auto made = unpacked->begin_file(member.path, reader.mode()); !made) return made;
      }
      return unpacked->data(data, n);
    });
    if (read && unpacked != nullptr && !begun) read = unpacked->begin_file(member.path, reader.mode());
    if (read && unpacked != nullptr) read = unpacked->end_file();
    if (!read) return std::unexpected(read.error());
  }
  if (auto end = reader.end(); !end) return std::unexpected(end.error());
  if (unpacked != nullptr) {
    if (auto end = unpacked->end(); !end) return std::unexpected(end.error());
  }
  return manifest;
}

}  // namespace

Result<Manifest> look_into_set(const fs::path& path) {
  SetReader reader{path};
  if (auto begun = reader.begin(); !begun) return std::unexpected(begun.error());
  return reader.manifest();
}

Result<Manifest> read_set(const fs::path& path, const std::optional<fs::path>& into,
                          const SetProgress& progress) {
  if (!into) return read_through(path, nullptr, progress);
  std::error_code ec;
  if (fs::exists(fs::symlink_status(*into, ec)))
    return fail(Errc::refused, fmt::format("{} exists already", into->string()),
                "Name a folder that isn't there yet.");
  Unpacked unpacked{*into};
  auto read = read_through(path, &unpacked, progress);
  if (!read) fs::remove_all(*into, ec);
  return read;
}

}  // namespace alona::backup
