// The write ledger's values (docs/operations.md, Room on the disk). Plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace alona::store {

// A UTC day's; as an addition: what is written beyond what is kept.
struct WearRow {
  std::int32_t day = 0;
  std::uint64_t process_bytes = 0;
  std::optional<std::uint64_t> device_bytes;  // of the whole disk; nothing: the kernel doesn't tell
  std::uint64_t free_bytes = 0;               // at the last look
};

// Up to where the disk's counter is in the ledger already. `key`: whose counter and of which boot.
struct WearBase {
  std::string key;
  std::uint64_t counter = 0;
};

struct Ledger {
  std::vector<WearRow> days;  // ascending
  WearBase base;
};

}  // namespace alona::store
