#include "alona/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "alona/say.h"

namespace alona {

using namespace std::chrono_literals;

Progress::Progress(For whom)
    : next_(std::chrono::steady_clock::now() + 2s),
      lines_(whom == For::programs),
      shown_(lines_ || ::isatty(STDERR_FILENO) == 1) {}

void Progress::show(std::string_view doing, std::uint64_t done, std::uint64_t all) {
  const auto now = std::chrono::steady_clock::now();
  if (lines_) {
    if (now < next_ && doing == doing_) return;
    next_ = now + 500ms;
    doing_ = doing;
    return say(stderr, fmt::format("progress {} {} {}\n", done, all, doing));
  }
  if (now < next_) return;
  next_ = now + 250ms;
  printed_ = true;
  if (all == 0) return say(stderr, fmt::format("\r\x1b[K{} {}", doing, done));
  constexpr std::size_t width = 30;
  const double part = std::min(1.0, static_cast<double>(done) / static_cast<double>(all));
  const auto full = static_cast<std::size_t>(part * width);
  say(stderr,
      fmt::format("\r\x1b[K{} [{:#<{}}{:.<{}}] {:3.0f} %", doing, "", full, "", width - full, 100 * part));
}

void Progress::clear() {
  if (std::exchange(printed_, false)) say(stderr, "\r\x1b[K");
}

}  // namespace alona
