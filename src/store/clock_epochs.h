// Inside the store only: table clock_epoch, the stretches between two changes of the core's clock. Throws
// SQLite::Exception.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <string_view>
#include <vector>

#include "store/rows.h"

namespace alona::store {

// In SQL, for tables with a column `epoch`: what must be added to a row's time. And the time at which a node
// of a row of `presence` was heard last (0: never): one that was taken before its stretch began isn't of its
// clock.
inline constexpr std::string_view shift_sql =
    "coalesce((SELECT shift FROM clock_epoch WHERE clock_epoch.no = epoch), 0)";
inline constexpr std::string_view last_seen_sql =
    "last_seen + coalesce((SELECT shift FROM clock_epoch WHERE clock_epoch.no = epoch AND last_seen > 0 "
    "AND last_seen >= begun), 0)";

[[nodiscard]] std::vector<EpochRow> load_epochs(SQLite::Database& db);     // ascending
void put_epochs(SQLite::Database& db, const std::vector<EpochRow>& rows);  // new or changed

// Whether nothing can move that stretch any more, so that its readings may be sealed as epoch 0: its source
// was trusted, it isn't shifted, and either NTP said so or its boot is over (`last` is the newest stretch).
// A visitor's word may still be corrected by NTP within the same boot.
[[nodiscard]] bool may_settle(const EpochRow& epoch, const EpochRow& last);

}  // namespace alona::store
