// Inside the store only: the virtual table `readings(time, node, sensor, value, unit, quality)` over the log
// and the chunks, by the reader's own merge, so that it holds what history shows. Equality of node, sensor
// and unit and bounds of time are pushed down; a row costs nothing that isn't asked for. Belongs to the
// reader's connection; memory: the log's readings of the span, a chunk and a block of rows for each cursor.
#pragma once

#include "store/reading_cursor.h"

namespace alona::store {

struct ReadingsTable {
  ReaderAccess::Impl& reader;
  Damaged damaged;  // what the cursors passed over
};

// Throws SQLite::Exception. `table` outlives the connection's last statement.
void add_readings_table(ReadingsTable& table);

// The earliest time whose text is not less than `text` (`after`: greater), for texts of any kind: times are
// compared as SQL compares them, as text.
[[nodiscard]] UtcMs first_not_before(std::string_view text, bool after);

}  // namespace alona::store
