#include "alona/import_input.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>
#include <vector>

#include "alona/cli.h"

namespace alona {
namespace {

constexpr std::size_t block_bytes = 64 * 1024;

std::unexpected<Error> failed(std::string_view doing, const std::string& what, std::string next = {}) {
  const int why = errno;
  const Errc code = why == ENOENT ? Errc::not_found : why == ENOSPC ? Errc::disk_full : Errc::io;
  return fail(code,
              fmt::format("cannot {} {}: {}", doing, printable(what), std::generic_category().message(why)),
              std::move(next));
}

// Memory is what a small box has least of, and /tmp often lies in it.
constexpr const char* spool_folder = "/var/tmp";

}  // namespace

Result<ImportInput> ImportInput::open(const std::string& path) {
  ImportInput input{path == "-" ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC),
                    path == "-" ? "standard input" : path};
  if (input.fd_ < 0) return failed("open", input.name_);
  struct stat facts{};
  if (::fstat(input.fd_, &facts) != 0) return failed("look at", input.name_);
  if (S_ISDIR(facts.st_mode))
    return fail(Errc::usage, printable(path) + " is a folder", "Name a file in it.");
  if (!S_ISREG(facts.st_mode)) {
    if (auto kept = input.keep_pipe(); !kept) return std::unexpected(kept.error());
    return input;
  }
  input.bytes_ = static_cast<std::uint64_t>(facts.st_size);
  return input;
}

ImportInput::ImportInput(ImportInput&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), name_(std::move(other.name_)), bytes_(other.bytes_) {}

ImportInput::~ImportInput() {
  if (fd_ >= 0) ::close(fd_);
}

Result<void> ImportInput::keep_pipe() {
  const int kept = ::open(spool_folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (kept < 0) return failed("keep what comes in", spool_folder, "Save it as a file and import that.");
  std::vector<char> block(block_bytes);
  ssize_t n = 0;
  const auto close_and = [kept](std::unexpected<Error> error) {
    ::close(kept);
    return error;
  };
  while ((n = ::read(fd_, block.data(), block.size())) != 0) {
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return close_and(failed("read", name_));
    for (ssize_t done = 0; done < n;) {
      const ssize_t put = ::write(kept, block.data() + done, static_cast<std::size_t>(n - done));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0)
        return close_and(
            failed("keep what comes in", spool_folder, "Nothing was imported; free some space."));
      done += put;
    }
    bytes_ += static_cast<std::uint64_t>(n);
  }
  ::close(std::exchange(fd_, kept));
  return {};
}

Result<void> ImportInput::read(const std::function<Result<bool>(std::string_view)>& take) const {
  std::vector<char> block(block_bytes);
  for (off_t at = 0;;) {
    const ssize_t n = ::pread(fd_, block.data(), block.size(), at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed("read", name_);
    if (n == 0) return {};
    at += n;
    const auto more = take({block.data(), static_cast<std::size_t>(n)});
    if (!more) return std::unexpected(more.error());
    if (!*more) return {};
  }
}

}  // namespace alona
