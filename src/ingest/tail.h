// The last 21,000 messages that came without boot and seq, as packet id and hash, so that what a restarted
// core or broker delivers again is known (docs/protocol.md, "Exactly once"). Owned by Ingest.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "store/rows.h"

namespace alona::ingest {

class Tail {
 public:
  void load(const std::vector<store::TailEntry>& entries);
  void clear();
  void add(const store::TailEntry& entry);
  [[nodiscard]] bool contains(const store::TailEntry& entry) const;
  // Whatever its packet id: for retained copies, which come with one of their own.
  [[nodiscard]] bool contains_hash(std::uint64_t hash) const { return hashes_.contains(hash); }

 private:
  void forget(const store::TailEntry& entry);
  std::vector<store::TailEntry> ring_;
  std::size_t next_ = 0;  // the oldest once the ring is full
  std::unordered_multimap<std::uint64_t, std::uint16_t> hashes_;
};

}  // namespace alona::ingest
