#include "alona/capture.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "alona/child.h"

namespace alona {

namespace {

constexpr Ms look_each = Ms{250};

// Bytes are there, or the end; false: the time is up, or somebody wants it to end.
bool readable(int fd, std::chrono::steady_clock::time_point deadline, const std::atomic<bool>* stop) {
  while (stop == nullptr || !*stop) {
    const auto left = std::chrono::ceil<Ms>(deadline - std::chrono::steady_clock::now());
    if (left <= Ms{0}) return false;
    pollfd waiting{fd, POLLIN, 0};
    const Ms turn = stop == nullptr ? left : std::min(left, look_each);
    if (::poll(&waiting, 1, static_cast<int>(turn.count())) == 1) return true;
  }
  return false;
}

}  // namespace

Result<Captured> capture(const std::vector<std::string>& arguments, Ms patience, std::size_t bytes_max,
                         const std::atomic<bool>* stop) {
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) return fail(Errc::failed, "cannot make a pipe");
  auto child = Child::start(arguments.front(), arguments, pipe[1]);
  ::close(pipe[1]);
  Captured out;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::array<char, 65'536> piece{};
  while (child && !out.cut) {
    out.cut = !readable(pipe[0], deadline, stop);
    const ssize_t n = out.cut ? 0 : ::read(pipe[0], piece.data(), piece.size());
    if (n <= 0) break;
    out.text.append(piece.data(), static_cast<std::size_t>(n));
    if (out.text.size() <= bytes_max) continue;
    out.text.resize(bytes_max);
    out.cut = true;
  }
  ::close(pipe[0]);
  if (!child) return std::unexpected(child.error());
  if (out.cut) child->stop(Ms{1'000});
  out.exit_code = out.cut ? 0 : child->wait();
  return out;
}

Result<Captured> run_to_end(const std::vector<std::string>& arguments, Ms patience) {
  auto ran = capture(arguments, patience, std::size_t{1} << 20);
  if (!ran) return ran;
  if (ran->cut)
    return fail(Errc::temporary, fmt::format("{} doesn't end, and was ended", fmt::join(arguments, " ")));
  while (ran->text.ends_with('\n')) ran->text.pop_back();
  return ran;
}

}  // namespace alona
