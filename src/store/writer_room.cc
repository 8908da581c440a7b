// The writer's part in keeping room on the disk: the ledger of what was written, and rows that may go.
#include <fmt/format.h>

#include "store/writer_impl.h"

namespace alona::store {
namespace {

std::int64_t pragma(SQLite::Database& db, const char* text) { return db.execAndGet(text).getInt64(); }

// The oldest rejects leave as they do in trim_rejects: how many have left is kept.
constexpr std::string_view drop_rejects_sql = R"(
  INSERT INTO setting VALUES ('rejects_dropped', (SELECT coalesce(sum(count), 0) FROM
    (SELECT count FROM reject ORDER BY id LIMIT {0})))
    ON CONFLICT (name) DO UPDATE SET value = value + excluded.value;
  DELETE FROM reject WHERE id IN (SELECT id FROM reject ORDER BY id LIMIT {0}))";

}  // namespace

Result<Ledger> Writer::ledger(int days) {
  return guarded(impl_->path, [&] {
    SQLite::Database& db = *impl_->db;
    Ledger ledger;
    SQLite::Statement rows{db,
                           "SELECT day, process_bytes, device_bytes, free_bytes FROM (SELECT * FROM "
                           "write_ledger ORDER BY day DESC LIMIT ?) ORDER BY day"};
    rows.bind(1, days);
    const auto bytes = [&](int at) { return static_cast<std::uint64_t>(rows.getColumn(at).getInt64()); };
    while (rows.executeStep()) {
      ledger.days.push_back({rows.getColumn(0).getInt(), bytes(1), {}, bytes(3)});
      if (!rows.getColumn(2).isNull()) ledger.days.back().device_bytes = bytes(2);
    }
    SQLite::Statement key{db, "SELECT value FROM setting WHERE name = 'wear_key'"};
    if (key.executeStep()) ledger.base.key = key.getColumn(0).getString();
    ledger.base.counter = static_cast<std::uint64_t>(setting(db, "wear_counter"));
    return ledger;
  });
}

void Writer::note_wear(const std::vector<WearRow>& more, const WearBase& base) {
  for (const WearRow& row : more) {
    WearRow& to = impl_->wear[row.day];
    to.day = row.day;
    to.process_bytes += row.process_bytes;
    if (row.device_bytes) to.device_bytes = to.device_bytes.value_or(0) + *row.device_bytes;
    to.free_bytes = row.free_bytes;
  }
  impl_->wear_base = base;
}

void Writer::Impl::fold_wear() {
  if (wear.empty()) return;
  SQLite::Statement put{*db, R"(
    INSERT INTO write_ledger VALUES (?,?,?,?) ON CONFLICT (day) DO UPDATE SET
      process_bytes = process_bytes + excluded.process_bytes,
      device_bytes = CASE WHEN excluded.device_bytes IS NULL THEN device_bytes
                     ELSE coalesce(device_bytes, 0) + excluded.device_bytes END,
      free_bytes = excluded.free_bytes)"};
  for (const auto& [day, row] : wear) {
    put.clearBindings();
    put.bind(1, day), put.bind(2, static_cast<std::int64_t>(row.process_bytes));
    if (row.device_bytes) put.bind(3, static_cast<std::int64_t>(*row.device_bytes));
    put.bind(4, static_cast<std::int64_t>(row.free_bytes));
    put.exec(), put.reset();
  }
  db->exec(fmt::format("DELETE FROM write_ledger WHERE day < {}",
                       wear.rbegin()->first - limits::ledger_days_kept));
  SQLite::Statement base{*db, "INSERT OR REPLACE INTO setting VALUES ('wear_key', ?1), ('wear_counter', ?2)"};
  base.bind(1, wear_base.key), base.bind(2, static_cast<std::int64_t>(wear_base.counter));
  base.exec();
}

Result<bool> Writer::drop_some(UtcMs heartbeats_before) {
  return guarded(impl_->path, [&] {
    SQLite::Database& db = *impl_->db;
    SQLite::Transaction transaction{db, SQLite::TransactionBehavior::IMMEDIATE};
    // By id, which is the order of sealing: the first that is young ends it.
    SQLite::Statement old{db,
                          "DELETE FROM heartbeat WHERE ts < ?1 AND id IN (SELECT id FROM heartbeat ORDER BY "
                          "id LIMIT ?2)"};
    old.bind(1, count(heartbeats_before)), old.bind(2, static_cast<std::int64_t>(limits::room_rows_dropped));
    int gone = old.exec();
    if (gone == 0) {
      db.exec(fmt::format(drop_rejects_sql, limits::room_rows_dropped));
      gone = db.getChanges();
    }
    transaction.commit();
    return gone > 0;
  });
}

Result<std::uint64_t> Writer::reusable_bytes() {
  return guarded(impl_->path, [&] {
    return static_cast<std::uint64_t>(pragma(*impl_->db, "PRAGMA freelist_count") *
                                      pragma(*impl_->db, "PRAGMA page_size"));
  });
}

}  // namespace alona::store
