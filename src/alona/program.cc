#include "alona/program.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "alona/child.h"

namespace alona {

Output::Output() : fd_(::memfd_create("output", MFD_CLOEXEC)) {}
Output::~Output() {
  if (fd_ >= 0) ::close(fd_);
}

std::string Output::text() const {
  constexpr off_t most = 16'384;
  const off_t bytes = ::lseek(fd_, 0, SEEK_END);
  std::string text(static_cast<std::size_t>(std::clamp<off_t>(bytes, 0, most)), '\0');
  const ssize_t n = ::pread(fd_, text.data(), text.size(), std::max<off_t>(bytes - most, 0));
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

Result<Ran> run_program(const std::vector<std::string>& command, std::chrono::seconds at_most) {
  const Output output;
  auto child = Child::start(command.front(), command, output.fd());
  if (!child) return std::unexpected(child.error());
  const auto deadline = std::chrono::steady_clock::now() + at_most;
  while (!child->ended()) {
    if (std::chrono::steady_clock::now() > deadline)
      return fail(Errc::temporary, fmt::format("{} {} doesn't end", command[0], command[1]));
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
  return Ran{child->wait(), output.text()};
}

}  // namespace alona
