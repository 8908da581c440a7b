#include "store/sql_table.h"

#include <array>
#include <new>
#include <string>

#include "store/reading_text.h"

namespace alona::store {
namespace {

enum Column : int { col_time, col_node, col_sensor, col_value, col_unit, col_quality };
constexpr const char* declaration =
    "CREATE TABLE readings(time TEXT, node TEXT, sensor TEXT, value REAL, unit TEXT, quality TEXT)";

struct Table : sqlite3_vtab {
  explicit Table(ReadingsTable& of) : sqlite3_vtab{}, table(of) {}
  ReadingsTable& table;
};
struct Cursor : sqlite3_vtab_cursor {
  Cursor() : sqlite3_vtab_cursor{} {}
  std::optional<ReadingCursor> rows;
};
Table& table_of(sqlite3_vtab* t) { return *static_cast<Table*>(t); }
Cursor& cursor_of(sqlite3_vtab_cursor* c) { return *static_cast<Cursor*>(c); }

int say(sqlite3_vtab* table, int code, const char* what) {
  sqlite3_free(table->zErrMsg);
  table->zErrMsg = sqlite3_mprintf("%s", what);
  return code;
}

// C calls us: no exception may pass.
template <class Work>
int fenced(sqlite3_vtab* table, Work&& work) {
  try {
    work();
    return SQLITE_OK;
  } catch (const SQLite::Exception& e) {
    return say(table, e.getErrorCode() > 0 ? e.getErrorCode() : SQLITE_ERROR, e.what());
  } catch (const std::bad_alloc&) {
    return SQLITE_NOMEM;
  }
}

int connect(sqlite3* db, void* of, int, const char* const*, sqlite3_vtab** out, char**) {
  sqlite3_vtab_config(db, SQLITE_VTAB_DIRECTONLY);
  if (const int declared = sqlite3_declare_vtab(db, declaration); declared != SQLITE_OK) return declared;
  auto* table = new (std::nothrow) Table{*static_cast<ReadingsTable*>(of)};
  if (table == nullptr) return SQLITE_NOMEM;
  *out = table;
  return SQLITE_OK;
}

int disconnect(sqlite3_vtab* table) {
  delete static_cast<Table*>(table);
  return SQLITE_OK;
}

// ---- which constraints are worth pushing down: a letter each, in the order of their values ----

char letter_of(int column, int op) {
  const bool equal = op == SQLITE_INDEX_CONSTRAINT_EQ;
  if (equal && column == col_node) return 'n';
  if (equal && column == col_sensor) return 's';
  if (equal && column == col_unit) return 'u';
  if (column != col_time) return 0;
  switch (op) {
    case SQLITE_INDEX_CONSTRAINT_EQ:
      return '=';
    case SQLITE_INDEX_CONSTRAINT_GT:
      return '>';
    case SQLITE_INDEX_CONSTRAINT_GE:
      return 'g';
    case SQLITE_INDEX_CONSTRAINT_LT:
      return '<';
    case SQLITE_INDEX_CONSTRAINT_LE:
      return 'l';
    default:
      return 0;
  }
}

// Rows come by node, sensor, unit, time; what is held equal may be left out of ORDER BY.
bool in_our_order(const sqlite3_index_info& info, const std::string& letters) {
  constexpr std::array order{col_node, col_sensor, col_unit, col_time};
  constexpr std::string_view held = "nsu=";
  std::size_t at = 0;
  for (int i = 0; i < info.nOrderBy; ++i) {
    const auto& wanted = info.aOrderBy[i];
    while (at < order.size() && order[at] != wanted.iColumn && letters.find(held[at]) != std::string::npos)
      ++at;
    if (wanted.desc != 0 || at == order.size() || order[at] != wanted.iColumn) return false;
    ++at;
  }
  return true;
}

int best_index(sqlite3_vtab*, sqlite3_index_info* info) {
  std::string letters;
  double rows = 1e8;
  for (int i = 0; i < info->nConstraint; ++i) {
    const auto& constraint = info->aConstraint[i];
    const char letter = letter_of(constraint.iColumn, constraint.op);
    // Another collation, such as NOCASE, finds more than equal bytes.
    if (letter == 0 || constraint.usable == 0 ||
        sqlite3_stricmp(sqlite3_vtab_collation(info, i), "BINARY") != 0)
      continue;
    letters += letter;
    info->aConstraintUsage[i].argvIndex = static_cast<int>(letters.size());
    rows /= letter == '=' ? 1e4 : 10;
  }
  info->idxStr = sqlite3_mprintf("%s", letters.c_str());
  if (info->idxStr == nullptr) return SQLITE_NOMEM;
  info->needToFreeIdxStr = 1;
  info->orderByConsumed = in_our_order(*info, letters) ? 1 : 0;
  info->estimatedCost = rows + 1000;  // even a narrow question reads the log
  info->estimatedRows = static_cast<sqlite3_int64>(rows);
  return SQLITE_OK;
}

void narrow(CursorFilter& filter, char letter, const std::string& text) {
  const auto from = [&](bool after) { filter.from = std::max(filter.from, first_not_before(text, after)); };
  const auto to = [&](bool after) { filter.to = std::min(filter.to, first_not_before(text, after)); };
  switch (letter) {
    case 'n':
      filter.node = text;
      break;
    case 's':
      filter.sensor = text;
      break;
    case 'u':
      filter.unit = text;
      break;
    case '>':
      return from(true);
    case 'g':
      return from(false);
    case '<':
      return to(false);
    case 'l':
      return to(true);
    default:
      from(false), to(true);
  }
}

int filter(sqlite3_vtab_cursor* c, int, const char* letters, int n, sqlite3_value** values) {
  return fenced(c->pVtab, [&] {
    CursorFilter filter;
    for (int i = 0; i < n; ++i) {
      const int type = sqlite3_value_type(values[i]);
      // Nothing equals NULL, and a blob comes after every text: SQLite itself sees to both.
      if (type == SQLITE_NULL || type == SQLITE_BLOB) continue;
      const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(values[i]));
      if (text != nullptr)
        narrow(filter, letters[i], {text, static_cast<std::size_t>(sqlite3_value_bytes(values[i]))});
    }
    ReadingsTable& table = table_of(c->pVtab).table;
    cursor_of(c).rows.emplace(table.reader, std::move(filter), table.damaged);
    cursor_of(c).rows->begin();
  });
}

// ---- rows ----

int open(sqlite3_vtab*, sqlite3_vtab_cursor** out) {
  auto* cursor = new (std::nothrow) Cursor;
  if (cursor == nullptr) return SQLITE_NOMEM;
  *out = cursor;
  return SQLITE_OK;
}

int close(sqlite3_vtab_cursor* cursor) {
  delete static_cast<Cursor*>(cursor);
  return SQLITE_OK;
}

int next(sqlite3_vtab_cursor* c) {
  return fenced(c->pVtab, [&] { cursor_of(c).rows->next(); });
}

int eof(sqlite3_vtab_cursor* c) { return !cursor_of(c).rows || cursor_of(c).rows->at_end() ? 1 : 0; }

void give(sqlite3_context* to, const std::string& text) {
  sqlite3_result_text(to, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
}

int column(sqlite3_vtab_cursor* c, sqlite3_context* to, int n) {
  const ReadingCursor& rows = *cursor_of(c).rows;
  switch (n) {
    case col_time:
      give(to, iso8601(rows.row().ts));
      break;
    case col_node:
      give(to, rows.series().node);
      break;
    case col_sensor:
      give(to, rows.series().sensor);
      break;
    case col_value:
      sqlite3_result_double(to, rows.row().value);
      break;
    case col_unit:
      give(to, rows.series().unit);
      break;
    default:
      give(to, quality_text(rows.row().flags));
  }
  return SQLITE_OK;
}

// The same for the same reading, whichever cursor finds it: an OR counts each row once by it.
int rowid(sqlite3_vtab_cursor* c, sqlite3_int64* out) {
  constexpr int time_bits = 43;  // until the year 2248
  const ReadingCursor& rows = *cursor_of(c).rows;
  *out = static_cast<std::int64_t>(rows.row().series) << time_bits |
         (count(rows.row().ts) & ((std::int64_t{1} << time_bits) - 1));
  return SQLITE_OK;
}

// No xCreate: it exists by its name alone, and nothing of it lies in the file. No xUpdate: it can't be
// changed.
constexpr sqlite3_module make_module() {
  sqlite3_module m{};
  m.iVersion = 1;
  m.xConnect = connect, m.xBestIndex = best_index, m.xDisconnect = disconnect;
  m.xOpen = open, m.xClose = close, m.xFilter = filter, m.xNext = next, m.xEof = eof;
  m.xColumn = column, m.xRowid = rowid;
  return m;
}
constexpr sqlite3_module module = make_module();

}  // namespace

UtcMs first_not_before(std::string_view text, bool after) {
  constexpr std::int64_t year_0_ms = -62'167'219'200'000, year_9999_end_ms = 253'402'300'800'000;
  std::int64_t low = year_0_ms, high = year_9999_end_ms;  // the answer is in [low, high]
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    const int order = iso8601(utc_ms(middle)).compare(text);
    if (order < 0 || (after && order == 0))
      low = middle + 1;
    else
      high = middle;
  }
  if (low == year_0_ms) return UtcMs::min();
  return low == year_9999_end_ms ? UtcMs::max() : utc_ms(low);
}

void add_readings_table(ReadingsTable& table) {
  sqlite3* db = table.reader.db->getHandle();
  const int made = sqlite3_create_module_v2(db, "readings", &module, &table, nullptr);
  if (made != SQLITE_OK) throw SQLite::Exception(db, made);
}

}  // namespace alona::store
