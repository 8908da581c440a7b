// What is known of the database's own health, and how it is asked for.
#include <sqlite3.h>

#include "store/check.h"
#include "store/reader_impl.h"
#include "store/writer_impl.h"

namespace alona::store {
namespace {

void put_text(SQLite::Database& db, const char* name, const std::string& text) {
  SQLite::Statement put{db, "INSERT OR REPLACE INTO setting VALUES (?,?)"};
  put.bind(1, name), put.bind(2, text);
  put.exec();
}

std::string text_of(SQLite::Database& db, const char* name) {
  SQLite::Statement query{db, "SELECT value FROM setting WHERE name = ?"};
  query.bind(1, name);
  return query.executeStep() ? query.getColumn(0).getString() : std::string{};
}

std::optional<CheckRow> last_check(SQLite::Database& db, const char* kind) {
  SQLite::Statement rows{db,
                         "SELECT at, whole, detail FROM check_run WHERE kind = ? ORDER BY id DESC LIMIT 1"};
  rows.bind(1, kind);
  if (!rows.executeStep()) return std::nullopt;
  return CheckRow{utc_ms(rows.getColumn(0).getInt64()), kind, rows.getColumn(1).getInt() != 0,
                  rows.getColumn(2).getString()};
}

}  // namespace

Result<void> Writer::check_start() {
  sqlite3_db_config(impl_->db->getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  auto sound = store::check_start(*impl_->db, impl_->path);
  if (sound) sqlite3_db_config(impl_->db->getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
  return sound;
}

Result<void> Writer::note_salvage(const SalvageNote& note) {
  return guarded(impl_->path, [&] {
    SQLite::Transaction transaction{*impl_->db, SQLite::TransactionBehavior::IMMEDIATE};
    SQLite::Statement at{*impl_->db, "INSERT OR REPLACE INTO setting VALUES ('salvaged_at', ?)"};
    at.bind(1, count(note.at));
    at.exec();
    put_text(*impl_->db, "salvaged_kept_as", note.kept_as);
    put_text(*impl_->db, "salvaged_why", note.why);
    put_text(*impl_->db, "salvaged_report", note.report);
    transaction.commit();
  });
}

Result<void> Writer::put_check(const CheckRow& check, const std::vector<std::int64_t>& damaged_chunks) {
  if (check.unsealed > 0) impl_->unsealed_from = 0;
  return guarded(impl_->path, [&] {
    SQLite::Transaction transaction{*impl_->db, SQLite::TransactionBehavior::IMMEDIATE};
    SQLite::Statement put{*impl_->db, "INSERT INTO check_run (at, kind, whole, detail) VALUES (?,?,?,?)"};
    put.bind(1, count(check.at)), put.bind(2, check.kind), put.bind(3, int{check.whole}),
        put.bind(4, check.detail);
    put.exec();
    impl_->db->exec("DELETE FROM check_run WHERE id <= (SELECT max(id) FROM check_run) - 100");
    SQLite::Statement aside{*impl_->db, "UPDATE chunk SET damaged = 1 WHERE id = ?"};
    for (const std::int64_t id : damaged_chunks) aside.bind(1, id), aside.exec(), aside.reset();
    transaction.commit();
  });
}

Result<Proof> Reader::proof() {
  return impl_->ask([&] {
    SQLite::Database& db = *impl_->db;
    Proof proof;
    proof.upgraded_at = setting(db, "upgraded_at");
    if (const std::int64_t at = setting(db, "salvaged_at"); at != 0) {
      proof.salvaged = SalvageNote{utc_ms(at), text_of(db, "salvaged_kept_as"), text_of(db, "salvaged_why"),
                                   text_of(db, "salvaged_report")};
    }
    proof.quick = last_check(db, "quick"), proof.full = last_check(db, "full");
    SQLite::Statement rows{
        db, "SELECT series, min(start), max(end), count(*) FROM chunk WHERE damaged = 1 GROUP BY series"};
    while (rows.executeStep()) {
      proof.damage.push_back({static_cast<SeriesNo>(rows.getColumn(0).getInt()),
                              utc_ms(rows.getColumn(1).getInt64()), utc_ms(rows.getColumn(2).getInt64()),
                              static_cast<std::uint64_t>(rows.getColumn(3).getInt64())});
    }
    return proof;
  });
}

}  // namespace alona::store
