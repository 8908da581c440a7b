#include "node/reading_ring.h"

#include <algorithm>

namespace alona::node {

void ReadingRing::drop(std::size_t count) {
  first_ = (first_ + count) % slots_.size();
  size_ -= count;
  sent_ -= std::min(sent_, count);
}

std::size_t ReadingRing::push(const ReadingSlot& slot) {
  std::size_t left = 0;
  if (size_ == slots_.size()) {
    left = sent_ > 0 ? group(0) : 1;
    drop(left);
  }
  at(size_++) = slot;
  return left;
}

void ReadingRing::mark_sent(std::size_t count, std::uint32_t seq) {
  for (std::size_t i = 0; i < count; ++i) at(sent_ + i).seq = seq;
  sent_ += count;
}

std::size_t ReadingRing::settle(std::uint32_t seq) {
  const std::size_t count = find(seq + 1);
  drop(count);
  return count;
}

std::size_t ReadingRing::find(std::uint32_t seq) const {
  std::size_t low = 0, high = sent_;
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (at(middle).seq < seq)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

std::size_t ReadingRing::group(std::size_t index) const {
  std::size_t count = 1;
  while (index + count < size_ && at(index + count).seq == at(index).seq) ++count;
  return count;
}

}  // namespace alona::node
