// What to do when the disk fills up, as one pure decision (docs/operations.md, Room on the disk).
#pragma once

#include <cstdint>
#include <string_view>

#include "base/limits.h"

namespace alona::room {

// Each step keeps what the ones before it do. thinning and stopped are the same height: which of the two,
// is a question of whether thinning may bring anything.
enum class Step : std::uint8_t {
  ample,
  low,            // less than 15 % of the disk is free: a person is told
  dropping,       // below the reserve: what may go, goes
  thinning,       // below half of it: the oldest history is thinned, and storing goes on inside the file
  stopped,        // or: no message is taken; broker and nodes keep them
  ballast_given,  // below the ballast's size: no message is taken, and the ballast is the box's to use
};
[[nodiscard]] std::string_view name(Step step);
[[nodiscard]] constexpr bool takes_messages(Step step) { return step < Step::stopped; }

struct Contract {
  std::uint64_t reserve = std::uint64_t{500} << 20;
  std::uint64_t ballast = limits::ballast_bytes;
  int used_max_percent = 85;
};

// The same for a disk of this size: reserve and ballast shrink where they would be a large part of it, so
// that the steps keep their order on every disk.
[[nodiscard]] Contract fitted(Contract wanted, std::uint64_t total);

struct Space {
  std::uint64_t total = 0;
  std::uint64_t free = 0;     // for the core's user
  std::uint64_t ballast = 0;  // that is allocated
};

// Free space as if the ballast were in its place: giving it back changes nothing here.
[[nodiscard]] std::uint64_t room(const Space& space, const Contract& contract);

// `contract`: fitted. A worse step is taken at once; a better one only an eighth above its threshold, so that
// nothing goes to and fro.
[[nodiscard]] Step ladder(const Space& space, const Contract& contract, bool can_thin, Step before);

}  // namespace alona::room
