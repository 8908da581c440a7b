#include "store/clock_epochs.h"

namespace alona::store {

std::vector<EpochRow> load_epochs(SQLite::Database& db) {
  std::vector<EpochRow> epochs;
  SQLite::Statement rows{
      db,
      "SELECT no, boot, source, begun, mono, ended, shift, truth, settled FROM clock_epoch "
      "ORDER BY no"};
  while (rows.executeStep()) {
    EpochRow e;
    e.no = static_cast<EpochNo>(rows.getColumn(0).getInt());
    e.boot = rows.getColumn(1).getString();
    e.source = static_cast<ClockSource>(rows.getColumn(2).getInt());
    e.begun = utc_ms(rows.getColumn(3).getInt64());
    e.mono = Mono{Ms{rows.getColumn(4).getInt64()}};
    if (!rows.getColumn(5).isNull()) e.ended = utc_ms(rows.getColumn(5).getInt64());
    e.shift = Ms{rows.getColumn(6).getInt64()};
    e.truth = static_cast<Truth>(rows.getColumn(7).getInt());
    e.settled = rows.getColumn(8).getInt() != 0;
    epochs.push_back(std::move(e));
  }
  return epochs;
}

void put_epochs(SQLite::Database& db, const std::vector<EpochRow>& rows) {
  if (rows.empty()) return;
  SQLite::Statement put{
      db,
      "INSERT INTO clock_epoch (no, boot, source, begun, mono, ended, shift, truth, settled) "
      "VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT (no) DO UPDATE SET ended = excluded.ended, "
      "shift = excluded.shift, truth = excluded.truth, settled = max(settled, excluded.settled)"};
  for (const EpochRow& e : rows) {
    put.clearBindings();
    put.bind(1, static_cast<int>(e.no)), put.bind(2, e.boot), put.bind(3, static_cast<int>(e.source));
    put.bind(4, count(e.begun)), put.bind(5, static_cast<std::int64_t>(e.mono.time_since_epoch().count()));
    if (e.ended) put.bind(6, count(*e.ended));
    put.bind(7, static_cast<std::int64_t>(e.shift.count())), put.bind(8, static_cast<int>(e.truth));
    put.bind(9, int{e.settled});
    put.exec(), put.reset();
  }
}

bool may_settle(const EpochRow& epoch, const EpochRow& last) {
  if (epoch.source < ClockSource::visitor || epoch.shift != Ms{0}) return false;
  return epoch.source == ClockSource::ntp || epoch.boot != last.boot;
}

}  // namespace alona::store
