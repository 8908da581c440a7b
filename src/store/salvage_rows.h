// Inside the store only: reading rows around damage. Throws SQLite::Exception for what isn't damage (no
// memory, given up) and for every failure of the fresh database.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace alona::store {

class RawStatement {
 public:
  RawStatement(sqlite3* db, const std::string& sql);
  ~RawStatement() { sqlite3_finalize(statement_); }
  RawStatement(const RawStatement&) = delete;
  RawStatement& operator=(const RawStatement&) = delete;

  [[nodiscard]] sqlite3_stmt* get() const { return statement_; }
  void bind(int at, std::int64_t value) { sqlite3_bind_int64(statement_, at, value); }
  void copy(int at, sqlite3_value* value) { sqlite3_bind_value(statement_, at, value); }
  // SQLITE_ROW, SQLITE_DONE, or damage.
  [[nodiscard]] int step_source();
  void run();  // of the fresh database: steps once, and resets
  void reset() { sqlite3_reset(statement_); }
  [[nodiscard]] std::int64_t number(int at) const { return sqlite3_column_int64(statement_, at); }

 private:
  sqlite3* db_;
  sqlite3_stmt* statement_ = nullptr;
};

// `from` selects rows of a table with numbers, the number first, those from ?1 on, ascending. `take`: each
// that can be read. `lost`: stretches of numbers in between, both ends in; where the end is unknown, the last
// known.
void walk_numbered(RawStatement& from, std::int64_t last, const std::function<void()>& take,
                   const std::function<void(std::int64_t, std::int64_t)>& lost);

// From the front until damage, then from the back. False: there was some.
bool walk_keyed(RawStatement& forward, RawStatement& backward,
                const std::function<void(RawStatement&)>& take);

}  // namespace alona::store
