#include "alona/capture.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "alona/child.h"

namespace alona {

Result<Captured> capture(const std::vector<std::string>& arguments, Ms patience, std::size_t bytes_max) {
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) return fail(Errc::failed, "cannot make a pipe");
  auto child = Child::start(arguments.front(), arguments, pipe[1]);
  ::close(pipe[1]);
  Captured out;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::array<char, 65'536> piece{};
  while (child) {
    const auto left = std::chrono::ceil<Ms>(deadline - std::chrono::steady_clock::now());
    pollfd waiting{pipe[0], POLLIN, 0};
    out.cut = left <= Ms{0} || ::poll(&waiting, 1, static_cast<int>(left.count())) != 1;
    const ssize_t n = out.cut ? 0 : ::read(pipe[0], piece.data(), piece.size());
    if (n <= 0) break;
    out.text.append(piece.data(), static_cast<std::size_t>(n));
    if (out.text.size() <= bytes_max) continue;
    out.text.resize(bytes_max);
    out.cut = true;
    break;
  }
  ::close(pipe[0]);
  if (!child) return std::unexpected(child.error());
  if (out.cut) child->stop(Ms{1'000});
  out.exit_code = out.cut ? 0 : child->wait();
  return out;
}

}  // namespace alona
