// Readings until the core has them, oldest first, in memory the port gives. Those sent come first: a sent
// reading carries the seq of its message, readings of one message lie side by side, and seq only rises. 24
// bytes a reading: 64 KiB hold 2,730.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace alona::node {

struct ReadingSlot {
  std::int64_t time_ms = 0;  // UTC if `utc`, else the port's mono_ms
  double value = 0;
  std::uint32_t seq = 0;  // 0: not sent yet
  std::uint16_t sensor = 0;
  bool utc = false;
};
static_assert(sizeof(ReadingSlot) == 24);

class ReadingRing {
 public:
  explicit ReadingRing(std::span<ReadingSlot> memory) : slots_(memory) {}
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t sent() const { return sent_; }
  [[nodiscard]] std::size_t capacity() const { return slots_.size(); }
  // `index` counts from the oldest.
  [[nodiscard]] ReadingSlot& at(std::size_t index) { return slots_[(first_ + index) % slots_.size()]; }
  [[nodiscard]] const ReadingSlot& at(std::size_t index) const {
    return slots_[(first_ + index) % slots_.size()];
  }

  // Full: the oldest makes room, with all of its message if it was sent. Returns how many left.
  std::size_t push(const ReadingSlot& slot);
  // The next `count` unsent ones go as message `seq`.
  void mark_sent(std::size_t count, std::uint32_t seq);
  // Drops what was sent as `seq` or earlier. Returns how many.
  std::size_t settle(std::uint32_t seq);
  // Index of the first sent reading with this seq or a later one; sent() if there is none.
  [[nodiscard]] std::size_t find(std::uint32_t seq) const;
  // How many lie side by side from `index` with the same seq.
  [[nodiscard]] std::size_t group(std::size_t index) const;

 private:
  void drop(std::size_t count);

  std::span<ReadingSlot> slots_;
  std::size_t first_ = 0, size_ = 0, sent_ = 0;
};

}  // namespace alona::node
