// Inside the store only: the small tables of fill_from, and whether two databases are copies of one. Throws
// SQLite::Exception.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include "store/fill.h"

namespace alona::store {

// Both have the same key, or none has another, and a number never means two nodes.
[[nodiscard]] bool same_life(SQLite::Database& a, SQLite::Database& b);

// Rows of the tables that lost some; the names of nodes and series first, for what else is taken refers to
// them.
void fill_rows(SQLite::Database& from, SQLite::Database& to, const SalvageReport& lost, FillReport& report);

}  // namespace alona::store
