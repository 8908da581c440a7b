#include "store/fill_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "store/database.h"
#include "store/salvage_rows.h"

namespace alona::store {
namespace {

// In this order. Left out on purpose: window (an older one would say less than none), setting and log (of the
// moment), reject (the owner empties it), user and session (below), check_run, chunk.
constexpr auto tables = std::to_array<std::string_view>(
    {"node", "series", "clock_epoch", "event", "error", "presence", "heartbeat", "node_day", "node_boot",
     "power_event", "outage", "write_ledger", "audit", "counter_base"});

std::vector<std::string> columns_of(SQLite::Database& db, std::string_view table) {
  std::vector<std::string> columns;
  SQLite::Statement rows{db, "SELECT name FROM pragma_table_info(?)"};
  rows.bind(1, std::string{table});
  while (rows.executeStep()) columns.push_back(rows.getColumn(0).getString());
  return columns;
}

// Every row that isn't there yet, by its key; how many.
std::uint64_t copy_missing(SQLite::Database& from, SQLite::Database& to, std::string_view table) {
  std::string names, places;
  const auto columns = columns_of(to, table);
  for (const std::string& column : columns) {
    names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", column);
    places += places.empty() ? "?" : ",?";
  }
  RawStatement rows{from.getHandle(), fmt::format("SELECT {} FROM \"{}\"", names, table)};
  RawStatement insert{to.getHandle(),
                      fmt::format("INSERT OR IGNORE INTO \"{}\" ({}) VALUES ({})", table, names, places)};
  std::uint64_t copied = 0;
  while (rows.step_source() == SQLITE_ROW) {
    for (int i = 0; i < static_cast<int>(columns.size()); ++i)
      insert.copy(i + 1, sqlite3_column_value(rows.get(), i));
    insert.run();
    copied += static_cast<std::uint64_t>(sqlite3_changes(to.getHandle()));
  }
  return copied;
}

// Salvage gave nodes and series that it found no name for a made-up one: those that the copy can name get out
// of the way. The node `salvaged`, of series whose own node nobody knew, took the next number, which may be
// that of a node that was lost: it gets one that is free in both, with its series.
void drop_stand_ins(SQLite::Database& from, SQLite::Database& to) {
  RawStatement known_node{from.getHandle(), "SELECT 1 FROM node WHERE no = ?"};
  RawStatement known_series{from.getHandle(), "SELECT 1 FROM series WHERE no = ?"};
  const auto drop = [&](const char* which, RawStatement& known, const char* table) {
    std::vector<std::int64_t> gone;
    RawStatement rows{to.getHandle(), which};
    while (rows.step_source() == SQLITE_ROW) {
      known.bind(1, rows.number(0));
      if (known.step_source() == SQLITE_ROW) gone.push_back(rows.number(0));
      known.reset();
    }
    rows.reset();
    RawStatement remove{to.getHandle(), fmt::format("DELETE FROM {} WHERE no = ?", table)};
    for (const std::int64_t no : gone) remove.bind(1, no), remove.run();
  };
  drop("SELECT no FROM series WHERE unit = '?' AND sensor = 'series-' || no", known_series, "series");
  drop("SELECT no FROM node WHERE id = 'salvaged-' || no", known_node, "node");
  const std::int64_t free = std::max(from.execAndGet("SELECT coalesce(max(no), 0) FROM node").getInt64(),
                                     to.execAndGet("SELECT coalesce(max(no), 0) FROM node").getInt64()) +
                            1;
  to.exec(fmt::format(
      "UPDATE series SET node = {} WHERE unit = '?' AND sensor = 'series-' || no AND node = (SELECT "
      "no FROM node WHERE id = 'salvaged'); UPDATE node SET no = {} WHERE id = 'salvaged'; DELETE FROM "
      "node WHERE id = 'salvaged' AND no NOT IN (SELECT node FROM series)",
      free, free));
}

std::uint64_t lost_of(const SalvageReport& lost, std::string_view table) {
  const auto at = std::ranges::find(lost.tables, table, &SalvagedTable::name);
  return at == lost.tables.end() ? 0 : at->lost;
}

}  // namespace

bool same_life(SQLite::Database& a, SQLite::Database& b) {
  const auto key = [](SQLite::Database& db) {
    SQLite::Statement query{db, "SELECT hex(value) FROM setting WHERE name = 'tail_key'"};
    return query.executeStep() ? query.getColumn(0).getString() : std::string{};
  };
  const std::string one = key(a), other = key(b);
  if (!one.empty() && !other.empty()) return one == other;
  SQLite::Statement nodes{a, "SELECT no, id, created FROM node WHERE id NOT LIKE 'salvaged%'"};
  SQLite::Statement theirs{b, "SELECT 1 FROM node WHERE no = ? AND (id <> ? OR created <> ?)"};
  while (nodes.executeStep()) {
    theirs.bind(1, nodes.getColumn(0).getInt64());
    theirs.bind(2, nodes.getColumn(1).getString());
    theirs.bind(3, nodes.getColumn(2).getInt64());
    const bool another = theirs.executeStep();
    theirs.reset();
    if (another) return false;
  }
  return true;
}

void fill_rows(SQLite::Database& from, SQLite::Database& to, const SalvageReport& lost, FillReport& report) {
  // Who refers to whom is right again at the end, not after each row.
  to.exec("PRAGMA foreign_keys=OFF");
  SQLite::Transaction transaction{to};
  const bool names = lost_of(lost, "node") > 0 || lost_of(lost, "series") > 0;
  if (names) drop_stand_ins(from, to);
  for (const std::string_view table : tables) {
    // Who has lost one of the two may miss the other without knowing.
    const bool named = names && (table == "node" || table == "series");
    if (lost_of(lost, table) == 0 && !named) continue;
    const std::uint64_t rows = copy_missing(from, to, table);
    if (rows > 0) report.tables.push_back({std::string{table}, rows, 0});
  }
  if (lost_of(lost, "user") > 0 && to.execAndGet("SELECT count(*) FROM user").getInt64() == 0)
    report.users = copy_missing(from, to, "user") > 0;
  transaction.commit();
}

}  // namespace alona::store
