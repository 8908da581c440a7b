// Whether a core that was started turns well: the gate of restore and upgrade. Who is at work on its database
// (a large one takes minutes to be brought to another version) gets the time for it, as long as it is one
// process that goes on; who falls over and begins anew doesn't. One object a start, one thread.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"

namespace alona::backup {

// How a core answers at its socket; nobody there: neither.
struct CoreAnswer {
  bool well = false;
  std::optional<std::int64_t> working;  // it says that it is at work on its database: its process
};

class Gate {
 public:
  enum class State { wait, passed, missed };
  explicit Gate(Mono begun) : begun_(begun), until_(begun + turn_max) {}
  [[nodiscard]] State look(Mono now, const CoreAnswer& answer);

  static constexpr Ms turn_max = std::chrono::seconds{60};  // to turn well, beside its work
  static constexpr Ms work_max = std::chrono::hours{2};

 private:
  Mono begun_, until_;
  std::optional<std::int64_t> worker_;
};

}  // namespace alona::backup
