#include "node/note_ring.h"

#include <cstring>

namespace alona::node {

struct NoteRing::Head {
  std::int64_t time_ms;
  std::uint32_t seq;
  std::uint16_t name_bytes, text_bytes;
  NoteKind kind;
  bool utc;
};

NoteRing::Head NoteRing::head(std::size_t at) const {
  Head result;
  std::memcpy(&result, memory_.data() + at, sizeof result);  // notes lie at any address
  return result;
}

std::size_t NoteRing::length(std::size_t at) const {
  const Head h = head(at);
  return sizeof h + h.name_bytes + h.text_bytes;
}

void NoteRing::drop_oldest() {
  const std::size_t gone = length(0);
  used_ -= gone;
  --count_;
  std::memmove(memory_.data(), memory_.data() + gone, used_);
}

std::size_t NoteRing::push(const Note& note) {
  const std::size_t size = sizeof(Head) + note.name.size() + note.text.size();
  if (size > memory_.size() || note.name.size() > UINT16_MAX || note.text.size() > UINT16_MAX) return 1;
  std::size_t left = 0;
  for (; memory_.size() - used_ < size; ++left) drop_oldest();
  const Head h{.time_ms = note.time_ms,
               .seq = 0,
               .name_bytes = static_cast<std::uint16_t>(note.name.size()),
               .text_bytes = static_cast<std::uint16_t>(note.text.size()),
               .kind = note.kind,
               .utc = note.utc};
  char* at = memory_.data() + used_;
  std::memcpy(at, &h, sizeof h);
  if (!note.name.empty()) std::memcpy(at + sizeof h, note.name.data(), note.name.size());
  if (!note.text.empty()) std::memcpy(at + sizeof h + note.name.size(), note.text.data(), note.text.size());
  used_ += size;
  ++count_;
  return left;
}

bool NoteRing::find(std::uint32_t seq, Note& out) const {
  for (std::size_t at = 0; at < used_; at += length(at)) {
    const Head h = head(at);
    if (seq == 0 ? h.seq != 0 : h.seq < seq) continue;
    const char* name = memory_.data() + at + sizeof h;
    out = {.kind = h.kind,
           .utc = h.utc,
           .time_ms = h.time_ms,
           .seq = h.seq,
           .name = {name, h.name_bytes},
           .text = {name + h.name_bytes, h.text_bytes}};
    return true;
  }
  return false;
}

void NoteRing::mark_sent(std::uint32_t seq, bool utc, std::int64_t time_ms) {
  for (std::size_t at = 0; at < used_; at += length(at)) {
    Head h = head(at);
    if (h.seq != 0) continue;
    h.seq = seq, h.utc = utc, h.time_ms = time_ms;
    std::memcpy(memory_.data() + at, &h, sizeof h);
    return;
  }
}

void NoteRing::settle(std::uint32_t seq) {
  while (used_ > 0 && head(0).seq != 0 && head(0).seq <= seq) drop_oldest();
}

bool NoteRing::has_unsent(NoteKind kind) const {
  for (std::size_t at = 0; at < used_; at += length(at))
    if (head(at).seq == 0 && head(at).kind == kind) return true;
  return false;
}

}  // namespace alona::node
