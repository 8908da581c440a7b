// Writing what a set holds below a folder, and reading one whole.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <set>
#include <system_error>

#include "backup/archive.h"
#include "backup/changes.h"
#include "backup/set_file.h"
#include "backup/set_stream.h"
#include "base/files.h"

namespace alona::backup {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t room_left = std::uint64_t{64} << 20;

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

// One pass over the set: each member compared, and written where that is asked for. Of changes and their base
// the database is made on the way, so that both are known to fit.
class Reading {
 public:
  Reading(const fs::path& path, Unpacked* unpacked, const SetProgress& progress)
      : path_(path), stream_(path), unpacked_(unpacked), progress_(progress) {}

  Result<Manifest> run() {
    if (auto begun = stream_.begin(); !begun) return std::unexpected(begun.error());
    auto manifest = stream_.manifest();
    if (!manifest) return manifest;
    all_ = manifest->bytes();
    if (auto begun = unpacked_ != nullptr ? unpacked_->begin(all_) : Result<void>{}; !begun)
      return std::unexpected(begun.error());
    for (const Member& member : manifest->members) {
      const bool filled = manifest->base && member.path == changes_member;
      if (auto read = filled ? database(*manifest, member) : one(member, member.path, {}); !read)
        return std::unexpected(read.error());
    }
    if (auto end = stream_.end(); !end) return std::unexpected(end.error());
    if (auto end = unpacked_ != nullptr ? unpacked_->end() : Result<void>{}; !end)
      return std::unexpected(end.error());
    return manifest;
  }

 private:
  Result<void> database(const Manifest& manifest, const Member& changes) {
    Filling filling{path_, manifest};
    if (auto begun = filling.begin(); !begun) return begun;
    auto read = one(changes, manifest.whole.path, [&](std::span<char> piece) { return filling.fill(piece); });
    return read ? filling.end() : read;
  }

  // `change`: what each piece goes through before it is written.
  Result<void> one(const Member& member, const std::string& name,
                   const std::function<Result<void>(std::span<char>)>& change) {
    bool begun = false;
    const auto begin_file = [&] {
      return unpacked_ == nullptr || std::exchange(begun, true) ? Result<void>{}
                                                                : unpacked_->begin_file(name, stream_.mode());
    };
    auto read = stream_.member(member, [&](std::span<char> piece) -> Result<void> {
      done_ += piece.size();
      if (!progress_(done_, all_))
        return fail(Errc::temporary, "reading the set was stopped", "Do it again.");
      if (auto changed = change ? change(piece) : Result<void>{}; !changed) return changed;
      if (auto file = begin_file(); !file) return file;
      return unpacked_ == nullptr ? Result<void>{} : unpacked_->data(piece.data(), piece.size());
    });
    if (read) read = begin_file();  // of an empty one
    return read && unpacked_ != nullptr ? unpacked_->end_file() : read;
  }

  const fs::path& path_;
  SetStream stream_;
  Unpacked* unpacked_;
  const SetProgress& progress_;
  std::uint64_t done_ = 0, all_ = 0;
};

}  // namespace

Result<Manifest> look_into_set(const fs::path& path) {
  SetStream stream{path};
  if (auto begun = stream.begin(); !begun) return std::unexpected(begun.error());
  return stream.manifest();
}

Result<Manifest> read_set(const fs::path& path, const std::optional<fs::path>& into,
                          const SetProgress& progress) {
  if (!into) return Reading{path, nullptr, progress}.run();
  std::error_code ec;
  if (fs::exists(fs::symlink_status(*into, ec)))
    return fail(Errc::refused, fmt::format("{} exists already", into->string()),
                "Name a folder that isn't there yet.");
  Unpacked unpacked{*into};
  auto read = Reading{path, &unpacked, progress}.run();
  if (!read) fs::remove_all(*into, ec);
  return read;
}

}  // namespace alona::backup
