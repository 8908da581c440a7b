// The last 21,000 messages that came without boot and seq, as packet id and hash, so that what a restarted
// core or broker delivers again is known (docs/protocol.md, "Exactly once"). Owned by Ingest.
#pragma once

#include <cstdint>
#include <vector>

#include "base/limits.h"
#include "store/rows.h"

namespace alona::ingest {

class Tail {
 public:
  Tail();
  void load(const std::vector<store::TailEntry>& entries);
  void clear();
  void add(const store::TailEntry& entry);
  [[nodiscard]] bool contains(const store::TailEntry& entry) const;
  // Whatever its packet id: for retained copies, which come with one of their own. They come once a connect,
  // so it may look at all.
  [[nodiscard]] bool contains_hash(std::uint64_t hash) const;

 private:
  // A hash table whose buckets are queues through the ring: the oldest message is always the first of its
  // bucket, so that forgetting it costs nothing, however often a sensor says the same.
  using Index = std::uint16_t;
  static constexpr Index none = 0xFFFF;
  static_assert(limits::tail_messages < none);
  struct Slot {
    std::uint64_t hash;
    std::uint16_t packet_id;
    Index next;  // the next younger of its bucket
  };
  struct Bucket {
    Index oldest = none;
    Index youngest = none;
  };
  [[nodiscard]] static std::size_t bucket_of(std::uint64_t hash, std::uint16_t packet_id);
  void forget_oldest();

  std::vector<Slot> ring_;
  std::size_t next_ = 0;  // the oldest once the ring is full
  std::vector<Bucket> buckets_;
};

}  // namespace alona::ingest
