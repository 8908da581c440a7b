#include "backup/set_stream.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "backup/changes.h"

namespace alona::backup {
namespace {

namespace fs = std::filesystem;
// A set that claims to hold more than this many times its own length is made to fill a disk.
constexpr std::uint64_t times_larger_max = 200;
constexpr std::uint64_t surely_harmless = std::uint64_t{4} << 30;

// Where nothing has changed a day's set holds zeros; how many of them its base bounds.
std::uint64_t packed_bytes(const Manifest& m) { return m.bytes() - (m.base ? m.whole.bytes : 0); }

}  // namespace

std::unexpected<Error> no_whole_set(const fs::path& path, std::string_view why) {
  return fail(Errc::corrupt, fmt::format("{} is no whole backup set: {}", path.string(), why),
              "Nothing of it was used. Take another set; `alona backup list` shows them.");
}

ssize_t SetStream::In::more() {
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

la_ssize_t SetStream::In::read(archive* a, void* self, const void** data) {
  auto* in = static_cast<In*>(self);
  const ssize_t n = in->more();
  if (n < 0) archive_set_error(a, in->error, "%s", std::generic_category().message(in->error).c_str());
  *data = in->piece.data();
  return n;
}

Result<void> SetStream::begin() {
  in_.fd = Fd{::open(path_.c_str(), O_RDONLY | O_CLOEXEC)};
  if (in_.fd.get() < 0) return file_error("read", path_, errno);
  struct stat about{};
  if (::fstat(in_.fd.get(), &about) != 0) return file_error("look at", path_, errno);
  if (!S_ISREG(about.st_mode)) return no_whole_set(path_, "it is no file");
  if (about.st_size <= static_cast<off_t>(set_seal_bytes)) return no_whole_set(path_, "it is cut off");
  bytes_ = static_cast<std::uint64_t>(about.st_size);
  in_.left = bytes_ - set_seal_bytes;
  std::string seal(set_seal_bytes, '\0');
  if (::pread(in_.fd.get(), seal.data(), seal.size(), static_cast<off_t>(in_.left)) !=
      static_cast<ssize_t>(seal.size()))
    return file_error("read", path_, errno);
  seal_ = std::move(seal);
  // Told now, as it costs nothing: what was cut off or isn't a set needs no reading.
  if (seal_.substr(0, 8 + seal_mark.size()) != set_seal({}).substr(0, 8 + seal_mark.size()))
    return no_whole_set(path_, "its end is missing, or it isn't one");
  archive_.reset(archive_read_new());
  archive_read_support_filter_zstd(archive_.get());
  archive_read_support_format_tar(archive_.get());
  if (archive_read_open(archive_.get(), &in_, nullptr, In::read, nullptr) < ARCHIVE_WARN)
    return archive_bad();
  return {};
}

Result<Manifest> SetStream::manifest() {
  auto size = next_member("MANIFEST");
  if (!size) return std::unexpected(size.error());
  if (*size > manifest_bytes_max) return no_whole_set(path_, "its MANIFEST is too long");
  std::string text(static_cast<std::size_t>(*size), '\0');
  if (archive_read_data(archive_.get(), text.data(), text.size()) != static_cast<la_ssize_t>(text.size()))
    return archive_bad();
  auto found = parse_manifest(text);
  if (!found) found.error().what = path_.string() + ": " + found.error().what;
  if (found && packed_bytes(*found) > surely_harmless && packed_bytes(*found) / times_larger_max > bytes_)
    return no_whole_set(path_, "it claims to hold far more than it can");
  return found;
}

Result<std::uint64_t> SetStream::next_member(std::string_view name) {
  archive_entry* entry = nullptr;
  const int got = archive_read_next_header(archive_.get(), &entry);
  if (got == ARCHIVE_EOF) return no_whole_set(path_, fmt::format("{} is missing", name));
  if (got < ARCHIVE_WARN) return archive_bad();
  const char* path = archive_entry_pathname(entry);
  if (path == nullptr || archive_entry_filetype(entry) != AE_IFREG ||
      archive_entry_hardlink(entry) != nullptr || archive_entry_size_is_set(entry) == 0 ||
      archive_entry_size(entry) < 0)
    return no_whole_set(path_, "a member is no plain file");
  const std::string_view whole{path};
  const std::string_view folder = whole.substr(0, whole.find('/'));
  if (folder_.empty() && valid_member(folder)) folder_ = folder;
  if (folder_.empty() || folder != folder_ || whole.substr(std::min(whole.size(), folder.size() + 1)) != name)
    return no_whole_set(path_, fmt::format("{} isn't where it should be", name));
  mode_ = archive_entry_perm(entry) & 0777;
  return static_cast<std::uint64_t>(archive_entry_size(entry));
}

Result<void> SetStream::begin_member(const Member& wanted) {
  const auto size = next_member(wanted.path);
  if (!size) return std::unexpected(size.error());
  if (*size != wanted.bytes)
    return no_whole_set(path_, wanted.path + " has another size than its MANIFEST says");
  member_ = wanted, left_ = wanted.bytes, hash_ = {};
  return {};
}

Result<std::size_t> SetStream::data(std::span<char> room) {
  std::size_t got = 0;
  while (left_ > 0 && got < room.size()) {
    const la_ssize_t n =
        archive_read_data(archive_.get(), room.data() + got,
                          static_cast<std::size_t>(std::min<std::uint64_t>(room.size() - got, left_)));
    if (n <= 0) return archive_bad();
    left_ -= static_cast<std::uint64_t>(n), got += static_cast<std::size_t>(n);
  }
  hash_.add({reinterpret_cast<const std::uint8_t*>(room.data()), got});
  return got;
}

Result<void> SetStream::end_member() {
  while (left_ > 0) {
    if (auto passed = data(piece_); !passed) return std::unexpected(passed.error());
  }
  if (hash_.finish_hex() == member_.sha256) return {};
  return no_whole_set(path_, member_.path + " isn't what its MANIFEST says");
}

Result<void> SetStream::member(const Member& wanted,
                               const std::function<Result<void>(std::span<char>)>& take) {
  if (auto begun = begin_member(wanted); !begun) return begun;
  while (left_ > 0) {
    const auto n = data(piece_);
    if (!n) return std::unexpected(n.error());
    if (auto taken = take(std::span{piece_}.first(*n)); !taken) return taken;
  }
  return end_member();
}

Result<void> SetStream::end() {
  archive_entry* entry = nullptr;
  const int got = archive_read_next_header(archive_.get(), &entry);
  if (got != ARCHIVE_EOF)
    return got < ARCHIVE_WARN ? Result<void>{archive_bad()}
                              : no_whole_set(path_, "it holds more than it lists");
  ssize_t n = 0;
  while ((n = in_.more()) > 0) {
  }
  if (n < 0) return file_error("read", path_, in_.error);
  if (set_seal(in_.hash.finish()) != seal_)
    return no_whole_set(path_, "its bytes aren't those that were written");
  return {};
}

std::unexpected<Error> SetStream::archive_bad() {
  if (in_.error != 0) return file_error("read", path_, in_.error);
  const char* why = archive_error_string(archive_.get());
  return no_whole_set(path_, why != nullptr ? why : "it ends too early");
}

}  // namespace alona::backup
