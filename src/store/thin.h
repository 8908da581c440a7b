// Thinning: where more than three readings of a series fall into ten minutes, three rows stay for them, with
// flag::thinned: the least value at minute 2:30, the mean at 5:00, the greatest at 7:30 of the ten. What is
// thinned stays what it is, and so do readings that are implausible or excluded by hand, which count for
// none of the three. Whoever sums up rows asks `weight`: then mean and count come out right, from rows as
// from a chunk's header. Pure.
#pragma once

#include "store/chunk.h"

namespace alona::store {

// For how many readings a row counts in sums: a reading for 1; of three thinned rows the mean for all 3.
[[nodiscard]] constexpr std::uint32_t weight(std::int64_t ts, std::uint8_t flags) {
  if ((flags & flag::thinned) == 0) return 1;
  constexpr std::int64_t width = Ms{limits::thin_bucket}.count();
  const std::int64_t at = (ts % width + width) % width;
  return at == width / 2 ? 3 : 0;
}

// The ten minutes that a time lies in, numbered.
[[nodiscard]] std::int64_t thin_bucket_of(std::int64_t ts);

// Replaces `out`. `shared_head`, `shared_tail`: the first or last ten minutes go on in another chunk; they
// stay as they are.
void thin(const Columns& in, bool shared_head, bool shared_tail, Columns& out);

}  // namespace alona::store
