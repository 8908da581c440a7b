// What the box itself went through: starts, stops, outages, boots of nodes; and heartbeats, thinned. Rare and
// small rows, each table with an end.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>

#include "store/writer_impl.h"

namespace alona::store {
namespace {
constexpr std::int64_t hour_ms = 3'600'000;
constexpr std::int64_t day_ms = 24 * hour_ms;

void put_alive(SQLite::Database& db, UtcMs at, bool trusted) {
  put_setting(db, "alive", count(at));
  put_setting(db, "alive_trusted", trusted ? 1 : 0);
}

void trim(SQLite::Database& db, const char* table) {
  db.exec(fmt::format("DELETE FROM {0} WHERE id <= (SELECT max(id) FROM {0}) - {1}", table,
                      limits::diary_rows_max));
}

struct Ended {
  bool any = false, clean = false;
  std::string boot;
  UtcMs last{};
};

// How the run before this one ended, by the last event and the last sign of life.
Ended last_run(SQLite::Database& db, UtcMs floor) {
  Ended ended{.last = std::max(floor, utc_ms(setting(db, "alive")))};
  SQLite::Statement row{db, "SELECT at, kind, boot FROM power_event ORDER BY id DESC LIMIT 1"};
  if (!row.executeStep()) return ended;
  ended.any = true;
  ended.clean = row.getColumn(1).getInt() == 1;
  ended.boot = row.getColumn(2).getString();
  ended.last = std::max(ended.last, utc_ms(row.getColumn(0).getInt64()));
  return ended;
}

void put_event(SQLite::Database& db, UtcMs at, int kind, const std::string& boot, bool clean,
               const char* cause, UtcMs last, std::optional<Ms> dark) {
  SQLite::Statement put{
      db, "INSERT INTO power_event (at, kind, boot, clean, cause, last, dark_ms) VALUES (?,?,?,?,?,?,?)"};
  put.bind(1, count(at)), put.bind(2, kind), put.bind(3, boot), put.bind(4, int{clean});
  put.bind(5, cause), put.bind(6, count(last));
  if (dark) put.bind(7, static_cast<std::int64_t>(dark->count()));
  put.exec();
}

}  // namespace

Result<Writer::Started> Writer::note_start(const RunStart& start) {
  return guarded(impl_->path, [&] {
    SQLite::Database& db = *impl_->db;
    SQLite::Transaction transaction{db, SQLite::TransactionBehavior::IMMEDIATE};
    const Ended before = last_run(db, start.floor);
    const bool last_trusted = setting(db, "alive_trusted") != 0;
    const bool known = start.trusted && last_trusted && start.at >= before.last;
    // The same boot without a stop: the core ended by itself. A stop before a new boot: it was shut down.
    const bool cut = before.any && !before.clean && before.boot != start.boot;
    const bool first = !before.any && before.last == UtcMs{};
    put_event(db, start.at, 0, start.boot, before.clean,
              first ? ""
              : cut ? "power"
                    : "core",
              before.last, known ? std::optional{start.at - before.last} : std::nullopt);
    const Started started{db.getLastInsertRowid(), last_trusted};
    SQLite::Statement close{db, "UPDATE outage SET until = max(since, ?) WHERE until IS NULL"};
    close.bind(1, count(before.last));
    close.exec();
    put_alive(db, start.at, start.trusted);
    trim(db, "power_event");
    transaction.commit();
    return started;
  });
}

Result<void> Writer::settle_start(const Started& started, UtcMs at) {
  return guarded(impl_->path, [&] {
    SQLite::Statement settle{*impl_->db,
                             "UPDATE power_event SET at = ?2, dark_ms = CASE WHEN ?3 THEN ?2 - last END "
                             "WHERE id = ?1 AND ?2 >= last"};
    settle.bind(1, started.event), settle.bind(2, count(at)), settle.bind(3, int{started.last_trusted});
    settle.exec();
  });
}

Result<void> Writer::note_stop(const std::string& boot, UtcMs at, bool trusted) {
  return guarded(impl_->path, [&] {
    SQLite::Transaction transaction{*impl_->db, SQLite::TransactionBehavior::IMMEDIATE};
    put_event(*impl_->db, at, 1, boot, true, "", at, std::nullopt);
    put_alive(*impl_->db, at, trusted);
    transaction.commit();
  });
}

Result<void> Writer::note_alive(UtcMs at, bool trusted) {
  return guarded(impl_->path, [&] {
    SQLite::Transaction transaction{*impl_->db, SQLite::TransactionBehavior::IMMEDIATE};
    put_alive(*impl_->db, at, trusted);
    transaction.commit();
  });
}

Result<std::int64_t> Writer::put_outage(std::string_view cause, UtcMs since, std::optional<UtcMs> until) {
  return guarded(impl_->path, [&] {
    SQLite::Transaction transaction{*impl_->db, SQLite::TransactionBehavior::IMMEDIATE};
    SQLite::Statement put{*impl_->db, "INSERT INTO outage (cause, since, until) VALUES (?,?,?)"};
    put.bind(1, std::string(cause)), put.bind(2, count(since));
    if (until) put.bind(3, count(std::max(since, *until)));
    put.exec();
    const std::int64_t id = impl_->db->getLastInsertRowid();
    trim(*impl_->db, "outage");
    transaction.commit();
    return id;
  });
}

Result<void> Writer::end_outage(std::int64_t outage, UtcMs until) {
  return guarded(impl_->path, [&] {
    SQLite::Statement end{*impl_->db, "UPDATE outage SET until = max(since, ?2) WHERE id = ?1"};
    end.bind(1, outage), end.bind(2, count(until));
    end.exec();
  });
}

void Writer::Impl::put_boot(const BootRow& row, EpochNo epoch) {
  SQLite::Statement put{*db, "INSERT OR IGNORE INTO node_boot (node, at, boot, epoch) VALUES (?,?,?,?)"};
  put.bind(1, static_cast<int>(row.node)), put.bind(2, count(row.at)),
      put.bind(3, static_cast<std::int64_t>(row.boot)), put.bind(4, static_cast<int>(epoch));
  put.exec();
  SQLite::Statement drop{
      *db,
      "DELETE FROM node_boot WHERE node = ?1 AND at < (SELECT at FROM node_boot WHERE node "
      "= ?1 ORDER BY at DESC LIMIT 1 OFFSET ?2)"};
  drop.bind(1, static_cast<int>(row.node)), drop.bind(2, limits::node_boots_max - 1);
  drop.exec();
}

namespace {

// The node's heartbeats in [from, to): the last of each hour stays and takes over the others' extremes.
void thin_stretch(SQLite::Database& db, int node, std::int64_t from, std::int64_t to) {
  struct Hour {
    std::int64_t hour = 0, keep = 0;
  };
  std::vector<Hour> hours;
  SQLite::Statement many{db,
                         "SELECT ts / 3600000, max(id) FROM heartbeat WHERE node = ? AND ts >= ? AND ts < ? "
                         "GROUP BY 1 HAVING count(*) > 1"};
  many.bind(1, node), many.bind(2, from), many.bind(3, to);
  while (many.executeStep()) hours.push_back({many.getColumn(0).getInt64(), many.getColumn(1).getInt64()});
  many.reset();
  SQLite::Statement gather{db, R"(
    UPDATE heartbeat SET (rssi_dbm, battery_v, heap_bytes, lost) = (
      SELECT min(rssi_dbm), min(battery_v), min(heap_bytes), max(lost) FROM heartbeat
      WHERE node = ?1 AND ts >= ?2 AND ts < ?3) WHERE id = ?4)"};
  SQLite::Statement drop{db, "DELETE FROM heartbeat WHERE node = ?1 AND ts >= ?2 AND ts < ?3 AND id <> ?4"};
  for (const Hour& h : hours) {
    for (SQLite::Statement* s : {&gather, &drop}) {
      s->bind(1, node), s->bind(2, h.hour * hour_ms), s->bind(3, (h.hour + 1) * hour_ms), s->bind(4, h.keep);
      s->exec(), s->reset();
    }
  }
}

// The day of the first heartbeat at or after `from`; none: the latest time there is.
std::int64_t day_with_heartbeats(SQLite::Database& db, std::int64_t from) {
  SQLite::Statement first{
      db,
      "SELECT min((SELECT min(ts) FROM heartbeat WHERE heartbeat.node = node.no AND ts >= ?1)) FROM node"};
  first.bind(1, from);
  if (!first.executeStep() || first.getColumn(0).isNull()) return std::numeric_limits<std::int64_t>::max();
  return first.getColumn(0).getInt64() / day_ms * day_ms;
}

// Whole days only. A heartbeat that lies in the log of commits comes here when its commit is sealed, so the
// pass never goes beyond the log's first.
std::int64_t thin_to(const HotLog& log, UtcMs now) {
  UtcMs end = now - limits::heartbeats_whole;
  for (const LogEntry& entry : log.entries()) end = std::min(end, entry.first);
  return count(end) / day_ms * day_ms;
}

}  // namespace

// A day of all nodes is one transaction: some thousand rows at most of a house, found by their index.
Result<bool> Writer::thin_heartbeats(UtcMs now, Ms budget) {
  if (impl_->outcome_unknown)
    return fail(Errc::outcome_unknown, impl_->path + ": an earlier commit's outcome is unknown");
  return guarded(impl_->path, [&] {
    SQLite::Database& db = *impl_->db;
    const auto deadline = std::chrono::steady_clock::now() + budget;
    const std::int64_t to = thin_to(*impl_->log, now);
    const std::int64_t from = setting(db, "heartbeats_thinned");
    if (from >= to) return false;
    std::int64_t day = day_with_heartbeats(db, from);
    while (day < to) {
      SQLite::Transaction transaction{db, SQLite::TransactionBehavior::IMMEDIATE};
      std::vector<int> nodes;
      SQLite::Statement all{db, "SELECT no FROM node"};
      while (all.executeStep()) nodes.push_back(all.getColumn(0).getInt());
      all.reset();
      for (const int node : nodes) thin_stretch(db, node, day, day + day_ms);
      put_setting(db, "heartbeats_thinned", day + day_ms);
      transaction.commit();
      day = day_with_heartbeats(db, day + day_ms);
      if (std::chrono::steady_clock::now() >= deadline) break;
    }
    if (day < to) return true;
    put_setting(db, "heartbeats_thinned", to);
    return false;
  });
}

}  // namespace alona::store
