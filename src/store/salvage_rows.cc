#include "store/salvage_rows.h"

#include <SQLiteCpp/SQLiteCpp.h>

#include <algorithm>

namespace alona::store {
namespace {

// One by one at first, for a row whose blob alone is damaged has neighbours to keep.
constexpr std::int64_t steps_of_one = 64;

bool readable(RawStatement& from, std::int64_t number) {
  from.reset();
  from.bind(1, number);
  const int got = from.step_source();
  from.reset();
  return got == SQLITE_ROW || got == SQLITE_DONE;
}

// The lowest number above `at` from which on rows can be read again; last + 1: none. Between two places that
// can't be read, more than steps_of_one apart, some that could be may be passed over.
std::int64_t next_readable(RawStatement& from, std::int64_t at, std::int64_t last) {
  std::int64_t bad = at;
  for (std::int64_t by = 1; by <= steps_of_one; ++by, ++bad) {
    if (at + by > last) return last + 1;
    if (readable(from, at + by)) return at + by;
  }
  std::int64_t good = last + 1;
  for (std::int64_t by = 2 * steps_of_one; at + by <= last; by *= 2) {
    if (readable(from, at + by)) {
      good = at + by;
      break;
    }
    bad = at + by;
  }
  while (good - bad > 1) {
    const std::int64_t middle = bad + (good - bad) / 2;
    (readable(from, middle) ? good : bad) = middle;
  }
  return good;
}

}  // namespace

RawStatement::RawStatement(sqlite3* db, const std::string& sql) : db_(db) {
  if (sqlite3_prepare_v2(db, sql.c_str(), static_cast<int>(sql.size()), &statement_, nullptr) != SQLITE_OK)
    throw SQLite::Exception(db, sqlite3_extended_errcode(db));
}

int RawStatement::step_source() {
  const int got = sqlite3_step(statement_);
  if (got == SQLITE_NOMEM || got == SQLITE_INTERRUPT || got == SQLITE_BUSY || got == SQLITE_MISUSE)
    throw SQLite::Exception(db_, sqlite3_extended_errcode(db_));
  return got;
}

void RawStatement::run() {
  const int got = sqlite3_step(statement_);
  if (got != SQLITE_ROW && got != SQLITE_DONE) {
    const SQLite::Exception why(db_, sqlite3_extended_errcode(db_));
    sqlite3_reset(statement_);
    throw why;
  }
  sqlite3_reset(statement_);
}

void walk_numbered(RawStatement& from, std::int64_t last, const std::function<void()>& take,
                   const std::function<void(std::int64_t, std::int64_t)>& lost) {
  std::int64_t at = 0;
  while (true) {
    from.reset();
    from.bind(1, at);
    int got = SQLITE_ROW;
    while ((got = from.step_source()) == SQLITE_ROW) {
      at = from.number(0) + 1;
      take();
    }
    from.reset();
    if (got == SQLITE_DONE || at > last) return;
    const std::int64_t next = next_readable(from, at, last);
    lost(at, std::min(next - 1, last));
    at = next;
  }
}

bool walk_keyed(RawStatement& forward, RawStatement& backward,
                const std::function<void(RawStatement&)>& take) {
  for (RawStatement* rows : {&forward, &backward}) {
    int got = SQLITE_ROW;
    while ((got = rows->step_source()) == SQLITE_ROW) take(*rows);
    rows->reset();
    if (got == SQLITE_DONE) return rows == &forward;
  }
  return false;
}

}  // namespace alona::store
