// Events, errors and heartbeats until the core has them, oldest first, in memory the port gives. They have a
// name and a text of any length, so they lie packed one behind the other; the few kilobytes are moved down
// when one leaves. As in the reading ring, those sent come first and carry their seq.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace alona::node {

enum class NoteKind : std::uint8_t { event, error, heartbeat };

struct Note {
  NoteKind kind = NoteKind::event;
  bool utc = false;
  std::int64_t time_ms = 0;  // UTC if `utc`, else the port's mono_ms
  std::uint32_t seq = 0;     // 0: not sent yet
  std::string_view name;     // an event's type, an error's code
  std::string_view text;     // in the ring's memory until it changes
};

class NoteRing {
 public:
  explicit NoteRing(std::span<char> memory) : memory_(memory) {}
  // The oldest make room. Returns how many left; the note itself is one of them if it could never fit.
  std::size_t push(const Note& note);
  // The first note with this seq or a later one (0: the first unsent). False: there is none.
  bool find(std::uint32_t seq, Note& out) const;
  // The first unsent note goes as message `seq`.
  void mark_sent(std::uint32_t seq, bool utc, std::int64_t time_ms);
  void settle(std::uint32_t seq);
  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] bool has_unsent(NoteKind kind) const;

 private:
  struct Head;
  [[nodiscard]] Head head(std::size_t at) const;
  [[nodiscard]] std::size_t length(std::size_t at) const;
  void drop_oldest();

  std::span<char> memory_;
  std::size_t used_ = 0, count_ = 0;
};

}  // namespace alona::node
