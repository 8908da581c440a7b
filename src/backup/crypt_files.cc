// Passphrases from files, and encrypted sets as plain files.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "backup/archive.h"
#include "backup/crypt.h"
#include "base/files.h"

namespace alona::backup {
namespace {
namespace fs = std::filesystem;
constexpr std::size_t passphrase_file_bytes_max = 4096;
}  // namespace

Result<Passphrase> read_passphrase(const fs::path& file) {
  auto text = files::read(file, passphrase_file_bytes_max);
  if (!text) {
    text.error().code = Errc::config;
    text.error().next = "[backup] passphrase_file names it: its first line is the passphrase.";
    return std::unexpected(text.error());
  }
  text->resize(std::min(text->find('\n'), text->size()));
  constexpr const char* blank = " \t\r";
  const std::size_t first = text->find_first_not_of(blank);
  Passphrase found;
  if (first != std::string::npos) found.text = text->substr(first, text->find_last_not_of(blank) - first + 1);
  const auto chars = std::ranges::count_if(found.text, [](char c) { return (c & 0xC0) != 0x80; });
  if (static_cast<std::size_t>(chars) < passphrase_chars_min)
    return fail(Errc::config,
                fmt::format("the passphrase in {} is shorter than {} characters", file.string(),
                            passphrase_chars_min),
                "Write a longer one into its first line: five or six words that nobody would guess.");
  struct stat about{};
  if (::stat(file.c_str(), &about) == 0 && (about.st_mode & S_IROTH) != 0)
    found.warning = fmt::format("{} can be read by everybody on this box: `sudo chmod o-r {}`", file.string(),
                                file.string());
  return found;
}

Result<void> decrypt_to(const fs::path& file, const std::string& passphrase, const fs::path& out,
                        const SetProgress& progress) {
  std::error_code ec;
  if (fs::exists(fs::symlink_status(out, ec)))
    return fail(Errc::refused, fmt::format("{} exists already", out.string()),
                "Name a file that isn't there yet.");
  const fs::path part = out.string() + ".part";
  ::unlink(part.c_str());  // of one that was killed
  const Fd fd{::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
  if (fd.get() < 0) return file_error("make", part, errno);
  auto done = decrypt_set(
      file, passphrase,
      [&](const void* data, std::size_t n) -> Result<void> {
        const int error = write_all(fd.get(), data, n);
        return error == 0 ? Result<void>{} : file_error("write", part, error);
      },
      progress);
  if (done && ::fsync(fd.get()) != 0) done = file_error("sync", part, errno);
  if (done && ::rename(part.c_str(), out.c_str()) != 0) done = file_error("rename", part, errno);
  if (!done) {
    ::unlink(part.c_str());
    return done;
  }
  return files::sync_folder(out.parent_path());
}

namespace {

Result<fs::path> decrypted(const fs::path& path, const std::string& passphrase, const fs::path& scratch) {
  std::string name = path.filename().string();
  if (name.ends_with(crypt_suffix)) name.resize(name.size() - crypt_suffix.size());
  fs::path out = scratch / name;
  std::error_code ec;
  fs::remove(out, ec);  // of one that was killed
  auto done = decrypt_to(path, passphrase, out, [](std::uint64_t, std::uint64_t) { return true; });
  if (!done) return std::unexpected(done.error());
  return out;
}

// A set is read with the one that it builds on beside it.
Result<void> bring_base(const fs::path& plain, const fs::path& folder, const std::string& passphrase) {
  const auto manifest = look_into_set(plain);
  if (!manifest || !manifest->base) return {};  // what is wrong with it is told when it is read
  const fs::path base = folder / manifest->base->set, encrypted = base.string() + std::string{crypt_suffix};
  std::error_code ec;
  if (fs::exists(encrypted, ec)) {
    if (auto done = decrypted(encrypted, passphrase, plain.parent_path()); !done)
      return with_context("the set that it builds on", done.error());
  } else if (fs::exists(base, ec)) {
    fs::create_symlink(fs::absolute(base), plain.parent_path() / base.filename(), ec);
  }
  return {};
}

}  // namespace

Result<fs::path> plain_set(const fs::path& path, const std::optional<std::string>& passphrase,
                           const fs::path& scratch) {
  if (!is_encrypted(path)) return path;
  if (!passphrase)
    return fail(Errc::auth, fmt::format("{} is encrypted", path.string()),
                "Put its passphrase into a file and name that in [backup] passphrase_file.");
  if (auto made = files::make_folder(scratch, 0700); !made) return std::unexpected(made.error());
  auto plain = decrypted(path, *passphrase, scratch);
  if (!plain) return plain;
  if (auto base = bring_base(*plain, path.parent_path(), *passphrase); !base)
    return std::unexpected(base.error());
  return plain;
}

}  // namespace alona::backup
