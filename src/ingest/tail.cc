#include "ingest/tail.h"

#include <algorithm>

namespace alona::ingest {
namespace {

constexpr std::size_t bucket_count = 16'384;  // a power of two near the number of messages

}  // namespace

Tail::Tail() : buckets_(bucket_count) {}

// The packet id takes part: a hash alone would put all that a sensor says into one bucket, when it says the
// same for years.
std::size_t Tail::bucket_of(std::uint64_t hash, std::uint16_t packet_id) {
  return (hash ^ packet_id) & (bucket_count - 1);
}

void Tail::clear() {
  ring_.clear();
  next_ = 0;
  std::ranges::fill(buckets_, Bucket{});
}

void Tail::load(const std::vector<store::TailEntry>& entries) {
  clear();
  for (const store::TailEntry& entry : entries) add(entry);
}

void Tail::add(const store::TailEntry& entry) {
  const Slot slot{entry.hash, entry.packet_id, none};
  const auto at = static_cast<Index>(next_);
  if (ring_.size() < limits::tail_messages) {
    ring_.push_back(slot);
  } else {
    forget_oldest();
    ring_[at] = slot;
  }
  next_ = (next_ + 1) % limits::tail_messages;
  Bucket& bucket = buckets_[bucket_of(entry.hash, entry.packet_id)];
  if (bucket.oldest == none) {
    bucket.oldest = at;
  } else {
    ring_[bucket.youngest].next = at;
  }
  bucket.youngest = at;
}

void Tail::forget_oldest() {
  const Slot& slot = ring_[next_];
  Bucket& bucket = buckets_[bucket_of(slot.hash, slot.packet_id)];
  bucket.oldest = slot.next;
  if (bucket.oldest == none) bucket.youngest = none;
}

bool Tail::contains(const store::TailEntry& entry) const {
  Index at = buckets_[bucket_of(entry.hash, entry.packet_id)].oldest;
  while (at != none) {
    const Slot& slot = ring_[at];
    if (slot.hash == entry.hash && slot.packet_id == entry.packet_id) return true;
    at = slot.next;
  }
  return false;
}

bool Tail::contains_hash(std::uint64_t hash) const {
  return std::ranges::find(ring_, hash, &Slot::hash) != ring_.end();
}

}  // namespace alona::ingest
