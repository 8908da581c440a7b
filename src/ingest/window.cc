#include "ingest/window.h"

namespace alona::ingest {
namespace {

// Moves the window's beginning up to `acked`; gives the number of messages passed over that never came.
std::uint32_t advance_to(store::WindowRow& window, std::uint32_t acked) {
  if (acked <= window.acked) return 0;
  const std::uint32_t by = acked - window.acked;
  std::uint32_t settled = 0;
  for (std::uint32_t i = 0; i < std::min(by, limits::window_length); ++i) settled += window.beyond[i] ? 1 : 0;
  window.beyond = by >= limits::window_length ? decltype(window.beyond){} : window.beyond >> by;
  window.acked = acked;
  return by - settled;
}

void settle_contiguous(store::WindowRow& window) {
  std::uint32_t run = 0;
  while (run < limits::window_length && window.beyond[run]) ++run;
  if (run == 0) return;
  window.beyond >>= run;
  window.acked += run;
}

}  // namespace

Judged judge(store::WindowRow& window, const protocol::Stamp::Sequence& sequence) {
  Judged judged;
  judged.lost = advance_to(window, sequence.low - 1);
  settle_contiguous(window);
  if (sequence.seq <= window.acked) {
    judged.verdict = Verdict::repeat;
    return judged;
  }
  const std::uint32_t bit = sequence.seq - window.acked - 1;
  if (bit >= limits::window_length) {
    judged.verdict = Verdict::beyond;
  } else if (window.beyond[bit]) {
    judged.verdict = Verdict::repeat;
  } else {
    window.beyond.set(bit);
    settle_contiguous(window);
  }
  return judged;
}

}  // namespace alona::ingest
