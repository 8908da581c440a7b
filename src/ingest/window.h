// Exactly once by boot and seq (docs/protocol.md, "Exactly once"): what of one boot's messages is settled,
// and whether a message that arrives now is new. A value; owned by the node it belongs to.
#pragma once

#include "protocol/message.h"
#include "store/rows.h"

namespace alona::ingest {

enum class Verdict { fresh, repeat, beyond };

struct Judged {
  Verdict verdict = Verdict::fresh;
  std::uint32_t lost = 0;  // messages that the node gave up and that never came
};

// Judges and takes note: a fresh message is settled from now on, everything below its low as well. `beyond`:
// further ahead than the window is long; nothing changes but what low says.
[[nodiscard]] Judged judge(store::WindowRow& window, const protocol::Stamp::Sequence& sequence);

}  // namespace alona::ingest
