#include "backup/tar_writer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/files.h"

namespace alona::backup {

ssize_t TarWriter::Out::write(archive* a, void* self, const void* data, std::size_t bytes) {
  auto* out = static_cast<Out*>(self);
  if (const int error = write_all(out->fd.get(), data, bytes); error != 0) {
    archive_set_error(a, error, "%s", std::generic_category().message(error).c_str());
    return -1;
  }
  out->hash.add({static_cast<const std::uint8_t*>(data), bytes});
  return static_cast<ssize_t>(bytes);
}

Result<void> TarWriter::begin() {
  out_.fd = Fd{::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640)};
  if (out_.fd.get() < 0) return file_error("make", path_, errno);
  archive_.reset(archive_write_new());
  archive_write_set_format_pax_restricted(archive_.get());
  archive_write_add_filter_zstd(archive_.get());
  archive_write_set_bytes_in_last_block(archive_.get(), 1);
  return checked(archive_write_open2(archive_.get(), &out_, nullptr, Out::write, nullptr, nullptr));
}

Result<void> TarWriter::begin_member(const std::string& name, std::uint64_t bytes, unsigned mode) {
  const Entry entry{archive_entry_new()};
  archive_entry_set_pathname(entry.get(), (folder_ + "/" + name).c_str());
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(bytes));
  archive_entry_set_perm(entry.get(), mode);
  archive_entry_set_mtime(entry.get(),
                          std::chrono::floor<std::chrono::seconds>(taken_).time_since_epoch().count(), 0);
  return checked(archive_write_header(archive_.get(), entry.get()));
}

Result<void> TarWriter::data(std::span<const std::uint8_t> bytes) {
  const la_ssize_t put = archive_write_data(archive_.get(), bytes.data(), bytes.size());
  if (put < 0) return checked(ARCHIVE_FATAL);
  if (static_cast<std::size_t>(put) != bytes.size())
    return fail(Errc::io, fmt::format("{} was cut short", path_.string()));
  return {};
}

Result<void> TarWriter::close() { return checked(archive_write_close(archive_.get())); }

Result<void> TarWriter::append(std::string_view bytes) {
  const int error = write_all(out_.fd.get(), bytes.data(), bytes.size());
  return error == 0 ? Result<void>{} : file_error("write", path_, error);
}

Result<void> TarWriter::sync() {
  if (::fsync(out_.fd.get()) != 0) return file_error("sync", path_, errno);
  // What is read back shall come from the disk.
  (void)::posix_fadvise(out_.fd.get(), 0, 0, POSIX_FADV_DONTNEED);
  return files::sync_folder(path_.parent_path());
}

Result<void> TarWriter::checked(int got) {
  if (got >= ARCHIVE_WARN) return {};
  const int error = archive_errno(archive_.get());
  return file_error("write", path_, error > 0 ? error : EIO);
}

}  // namespace alona::backup
