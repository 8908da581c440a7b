#include "ingest/tail.h"

namespace alona::ingest {

void Tail::clear() {
  ring_.clear();
  next_ = 0;
  hashes_.clear();
}

void Tail::load(const std::vector<store::TailEntry>& entries) {
  clear();
  for (const store::TailEntry& entry : entries) add(entry);
}

void Tail::add(const store::TailEntry& entry) {
  if (ring_.size() < limits::tail_messages) {
    ring_.push_back(entry);
  } else {
    forget(ring_[next_]);
    ring_[next_] = entry;
    next_ = (next_ + 1) % limits::tail_messages;
  }
  hashes_.emplace(entry.hash, entry.packet_id);
}

void Tail::forget(const store::TailEntry& entry) {
  const auto [begin, end] = hashes_.equal_range(entry.hash);
  for (auto it = begin; it != end; ++it) {
    if (it->second == entry.packet_id) {
      hashes_.erase(it);
      return;
    }
  }
}

bool Tail::contains(const store::TailEntry& entry) const {
  const auto [begin, end] = hashes_.equal_range(entry.hash);
  for (auto it = begin; it != end; ++it) {
    if (it->second == entry.packet_id) return true;
  }
  return false;
}

}  // namespace alona::ingest
