// Inside the store only: table clock_epoch, the stretches between two changes of the core's clock. Throws
// SQLite::Exception.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <vector>

#include "store/rows.h"

namespace alona::store {

[[nodiscard]] std::vector<EpochRow> load_epochs(SQLite::Database& db);     // ascending
void put_epochs(SQLite::Database& db, const std::vector<EpochRow>& rows);  // new or changed

// Whether nothing can move that stretch any more, so that its readings may be sealed as epoch 0: its source
// was trusted, it isn't shifted, and either NTP said so or its boot is over (`last` is the newest stretch).
// A visitor's word may still be corrected by NTP within the same boot.
[[nodiscard]] bool may_settle(const EpochRow& epoch, const EpochRow& last);

}  // namespace alona::store
