#include "ops/pace.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <thread>

#include "base/files.h"

namespace alona::ops {
namespace {

using std::chrono::nanoseconds;
using namespace std::chrono_literals;

// The kernel's clock of waiting is as coarse as its turns; shorter pieces tell nothing.
constexpr nanoseconds piece_min = 4ms;
constexpr nanoseconds pause_max = 100ms;

// proc(5), /proc/PID/schedstat: nanoseconds on a processor, nanoseconds waiting for one, turns.
std::optional<nanoseconds> waited_for_processor() {
  const auto text = files::read("/proc/thread-self/schedstat", 200);
  if (!text) return {};
  const std::size_t at = text->find(' ');
  if (at == std::string::npos) return {};
  nanoseconds::rep waited = 0;
  const char* begin = text->c_str() + at + 1;
  if (std::from_chars(begin, text->c_str() + text->size(), waited).ec != std::errc{}) return {};
  return nanoseconds{waited};
}

}  // namespace

nanoseconds pause_after(nanoseconds took, nanoseconds waited) {
  if (waited * 10 < took) return 0ns;
  return std::min(took * 4, pause_max);
}

Pace::Pace() : begun_(std::chrono::steady_clock::now()), waited_(waited_for_processor()) {}

void Pace::step() {
  if (!waited_) return;
  const auto took = std::chrono::steady_clock::now() - begun_;
  if (took < piece_min) return;
  const auto waited = waited_for_processor();
  const nanoseconds pause = waited ? pause_after(took, *waited - *waited_) : 0ns;
  if (pause > 0ns) std::this_thread::sleep_for(pause);
  begun_ = std::chrono::steady_clock::now();
  waited_ = waited_for_processor();
}

}  // namespace alona::ops
