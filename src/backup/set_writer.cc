#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "backup/archive.h"
#include "backup/set_file.h"
#include "base/files.h"

namespace alona::backup {
namespace {

namespace fs = std::filesystem;

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// What goes to the file goes through the hash of the seal.
struct Out {
  Fd fd;
  Sha256 hash;
  static ssize_t write(archive* a, void* self, const void* data, std::size_t bytes) {
    auto* out = static_cast<Out*>(self);
    if (const int error = write_all(out->fd.get(), data, bytes); error != 0) {
      archive_set_error(a, error, "%s", std::generic_category().message(error).c_str());
      return -1;
    }
    out->hash.add({static_cast<const std::uint8_t*>(data), bytes});
    return static_cast<ssize_t>(bytes);
  }
};

class SetWriter {
 public:
  SetWriter(fs::path path, std::string folder, UtcMs taken)
      : path_(std::move(path)), folder_(std::move(folder)), taken_(taken) {}

  Result<void> begin() {
    out_.fd = Fd{::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640)};
    if (out_.fd.get() < 0) return file_error("make", path_, errno);
    archive_.reset(archive_write_new());
    archive_write_set_format_pax_restricted(archive_.get());
    archive_write_add_filter_zstd(archive_.get());
    archive_write_set_bytes_in_last_block(archive_.get(), 1);
    return checked(archive_write_open2(archive_.get(), &out_, nullptr, Out::write, nullptr, nullptr));
  }

  Result<void> begin_member(const std::string& name, std::uint64_t bytes, unsigned mode) {
    const Entry entry{archive_entry_new()};
    archive_entry_set_pathname(entry.get(), (folder_ + "/" + name).c_str());
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(bytes));
    archive_entry_set_perm(entry.get(), mode);
    archive_entry_set_mtime(entry.get(),
                            std::chrono::floor<std::chrono::seconds>(taken_).time_since_epoch().count(), 0);
    return checked(archive_write_header(archive_.get(), entry.get()));
  }

  Result<void> data(std::span<const std::uint8_t> bytes) {
    const la_ssize_t put = archive_write_data(archive_.get(), bytes.data(), bytes.size());
    if (put < 0) return checked(ARCHIVE_FATAL);
    if (static_cast<std::size_t>(put) != bytes.size())
      return fail(Errc::io, fmt::format("{} was cut short", path_.string()));
    return {};
  }

  Result<void> end() {
    if (auto closed = checked(archive_write_close(archive_.get())); !closed) return closed;
    const std::string seal = set_seal(out_.hash.finish());
    if (const int error = write_all(out_.fd.get(), seal.data(), seal.size()); error != 0)
      return file_error("write", path_, error);
    if (::fsync(out_.fd.get()) != 0) return file_error("sync", path_, errno);
    // What is read back shall come from the disk.
    (void)::posix_fadvise(out_.fd.get(), 0, 0, POSIX_FADV_DONTNEED);
    return files::sync_folder(path_.parent_path());
  }

 private:
  Result<void> checked(int got) {
    if (got >= ARCHIVE_WARN) return {};
    const int error = archive_errno(archive_.get());
    return file_error("write", path_, error > 0 ? error : EIO);
  }
  fs::path path_;
  std::string folder_;
  UtcMs taken_;
  Out out_{Fd{-1}, {}};
  WritingArchive archive_;
};

Result<void> put_source(SetWriter& writer, const Source& source,
                        const std::function<bool(std::uint64_t)>& more) {
  const Member& member = source.member;
  if (auto begun = writer.begin_member(member.path, member.bytes, source.mode); !begun) return begun;
  if (!source.read) return writer.data(bytes_of(source.text));
  std::uint64_t bytes = 0;
  Sha256 hash;
  auto read = source.read([&](std::span<const std::uint8_t> piece) -> Result<void> {
    bytes += piece.size();
    if (bytes > member.bytes) return {};  // told below
    hash.add(piece);
    if (!more(piece.size())) return fail(Errc::temporary, "the backup was stopped", "Start it again later.");
    return writer.data(piece);
  });
  if (!read) return read;
  if (bytes == member.bytes && hash.finish_hex() == member.sha256) return {};
  return fail(Errc::io, fmt::format("{} changed while it was backed up", member.path),
              "Start the backup again.");
}

Result<void> write_members(SetWriter& writer, const Manifest& manifest, const std::vector<Source>& sources,
                           const SetProgress& progress) {
  const std::string text = encode(manifest);
  if (auto put = writer.begin_member("MANIFEST", text.size(), 0600); !put) return put;
  if (auto put = writer.data(bytes_of(text)); !put) return put;
  std::uint64_t done = 0;
  const std::uint64_t all = manifest.bytes();
  for (const Source& source : sources) {
    auto put = put_source(writer, source, [&](std::uint64_t n) { return progress(done += n, all); });
    if (!put) return put;
  }
  return writer.end();
}

}  // namespace

Result<void> measure(Source& source, const std::function<bool()>& go_on) {
  Sha256 hash;
  source.member.bytes = 0;
  const auto add = [&](std::span<const std::uint8_t> piece) -> Result<void> {
    hash.add(piece);
    source.member.bytes += piece.size();
    if (go_on()) return {};
    return fail(Errc::temporary, "the backup was stopped", "Start it again later.");
  };
  if (auto read = source.read ? source.read(add) : add(bytes_of(source.text)); !read) return read;
  source.member.sha256 = hash.finish_hex();
  return {};
}

Result<void> write_set(const fs::path& path, const std::string& folder, const Manifest& manifest,
                       const std::vector<Source>& sources, const SetProgress& progress) {
  SetWriter writer{path, folder, manifest.taken};
  auto done = writer.begin();
  if (!done) return done;  // there may be another's file of that name
  done = write_members(writer, manifest, sources, progress);
  std::error_code ec;
  if (!done) fs::remove(path, ec);
  return done;
}

}  // namespace alona::backup
