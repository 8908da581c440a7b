// After a salvage: what was lost is taken from another copy of the same database, a backup's. Nothing that is
// there is replaced by anything older, and nothing that was removed on purpose returns. One thread, a few
// MiB.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "base/error.h"
#include "store/salvage.h"

namespace alona::store {

struct FillReport {
  std::uint64_t readings = 0;              // taken from the copy
  std::vector<SalvagedTable> tables;       // rows taken (`kept`); of those that had lost some
  bool users = false;                      // all were gone, so the copy's are back: old passwords hold again
  std::uint64_t gaps_filled = 0;           // places of lost chunks that are whole again
  std::uint64_t gaps_left = 0;             // that aren't, or only in part
  [[nodiscard]] std::string text() const;  // for people, one line
};

// `database`: a salvaged one, closed, that nobody else has open; `lost`: its report. `copy`: a whole database
// of this program's version, closed; of the same life as the other, else refused. Done in small transactions,
// each of which leaves the database whole: given up anywhere, what is filled so far stays, and doing it again
// goes on. refused: they aren't copies of one database. temporary: `go_on` said so. disk_full, io.
[[nodiscard]] Result<FillReport> fill_from(const std::filesystem::path& database,
                                           const std::filesystem::path& copy, const SalvageReport& lost,
                                           const std::function<bool()>& go_on);

}  // namespace alona::store
