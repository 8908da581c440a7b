#include "store/sql.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "store/sql_table.h"

namespace alona::store {
namespace {

constexpr int value_bytes_max = 16 * 1024 * 1024;  // a query's zeroblob must not take the box's memory
constexpr int statement_bytes_max = 1024 * 1024;

// What only tells how things are.
constexpr auto harmless_pragmas = std::to_array<std::string_view>(
    {"table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo", "foreign_key_list",
     "collation_list", "function_list", "compile_options", "database_list"});

struct Deed {
  int code;
  std::string_view name;
};
constexpr auto deeds = std::to_array<Deed>({{SQLITE_INSERT, "INSERT"},
                                            {SQLITE_UPDATE, "UPDATE"},
                                            {SQLITE_DELETE, "DELETE"},
                                            {SQLITE_ATTACH, "ATTACH"},
                                            {SQLITE_DETACH, "DETACH"},
                                            {SQLITE_TRANSACTION, "a transaction"},
                                            {SQLITE_SAVEPOINT, "SAVEPOINT"},
                                            {SQLITE_ALTER_TABLE, "ALTER TABLE"},
                                            {SQLITE_REINDEX, "REINDEX"},
                                            {SQLITE_ANALYZE, "ANALYZE"}});

struct Statement {
  sqlite3_stmt* raw = nullptr;
  Statement() = default;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement() { sqlite3_finalize(raw); }
};

SqlValue value_at(sqlite3_stmt* s, int i) {
  SqlValue value;
  const auto bytes = [&](const void* data) {
    const auto n = static_cast<std::size_t>(sqlite3_column_bytes(s, i));
    return n == 0 ? std::string_view{} : std::string_view{static_cast<const char*>(data), n};
  };
  switch (sqlite3_column_type(s, i)) {
    case SQLITE_INTEGER:
      return {.kind = SqlValue::Kind::integer, .integer = sqlite3_column_int64(s, i)};
    case SQLITE_FLOAT:
      return {.kind = SqlValue::Kind::real, .real = sqlite3_column_double(s, i)};
    case SQLITE_TEXT:
      return {.kind = SqlValue::Kind::text, .text = bytes(sqlite3_column_text(s, i))};
    case SQLITE_BLOB:
      return {.kind = SqlValue::Kind::blob, .text = bytes(sqlite3_column_blob(s, i))};
    default:
      return value;
  }
}

}  // namespace

struct Sql::Impl {
  explicit Impl(Reader opened, const std::atomic<bool>& until)
      : reader(std::move(opened)), access(ReaderAccess::impl(reader)), table{access, {}}, cancel(until) {}
  Reader reader;
  ReaderAccess::Impl& access;
  ReadingsTable table;
  const std::atomic<bool>& cancel;
  std::string refused;  // what the authorizer kept from being done

  int authorize(int code, std::string_view first, std::string_view second);
  [[nodiscard]] Error failed(int code) const;
  [[nodiscard]] Result<void> whole();
  [[nodiscard]] Result<void> run_one(sqlite3_stmt* statement, const SqlSink& sink) const;
};

int Sql::Impl::authorize(int code, std::string_view first, std::string_view second) {
  switch (code) {
    case SQLITE_SELECT:
    case SQLITE_RECURSIVE:
      return SQLITE_OK;
    case SQLITE_READ: {
      const bool secret =
          (first == "user" && second == "password_hash") || (first == "session" && second == "token_hash");
      return secret ? SQLITE_IGNORE : SQLITE_OK;
    }
    case SQLITE_FUNCTION:
      if (second != "load_extension") return SQLITE_OK;
      refused = "load_extension";
      return SQLITE_DENY;
    case SQLITE_PRAGMA:
      if (std::ranges::find(harmless_pragmas, first) != harmless_pragmas.end()) return SQLITE_OK;
      refused = fmt::format("PRAGMA {}", first);
      return SQLITE_DENY;
    default: {
      const auto deed = std::ranges::find(deeds, code, &Deed::code);
      // SQLite asks for a CREATE or DROP first as a change of its own table of contents.
      const bool of_schema = first.starts_with("sqlite_");
      refused = deed == deeds.end() || of_schema ? "changing what tables there are" : std::string(deed->name);
      return SQLITE_DENY;
    }
  }
}

Error Sql::Impl::failed(int code) const {
  const std::string what = sqlite3_errmsg(access.db->getHandle());
  if (cancel.load()) return {Errc::closed, "it was ended; what was printed is incomplete", ""};
  if (!refused.empty()) {
    return {Errc::refused, fmt::format("{} is refused: `alona sql` only reads", refused),
            "What changes something has a command of its own: `alona --help`."};
  }
  if (code == SQLITE_READONLY || what.ends_with("may not be modified"))
    return {Errc::refused, "this would change something: `alona sql` only reads", ""};
  if (code == SQLITE_ERROR || code == SQLITE_RANGE || code == SQLITE_MISMATCH)
    return {Errc::usage, "SQL: " + what,
            "`alona sql --help` has examples; PRAGMA table_list names the tables."};
  return sqlite_error(SQLite::Exception(access.db->getHandle(), code), access.path);
}

Result<void> Sql::Impl::run_one(sqlite3_stmt* statement, const SqlSink& sink) const {
  const int n = sqlite3_column_count(statement);
  std::vector<std::string> names;
  names.reserve(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) names.emplace_back(sqlite3_column_name(statement, i));
  if (n > 0) sink.columns(names);
  std::vector<SqlValue> values(static_cast<std::size_t>(n));
  int step = 0;
  while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
    for (int i = 0; i < n; ++i) values[static_cast<std::size_t>(i)] = value_at(statement, i);
    if (!sink.row(values)) break;
  }
  if (n > 0) sink.end();
  return step == SQLITE_ROW || step == SQLITE_DONE ? Result<void>{} : std::unexpected(failed(step));
}

// Nobody should take what is left of a damaged history for all of it.
Result<void> Sql::Impl::whole() {
  const Damaged damaged = std::exchange(table.damaged, {});
  if (damaged.stretches == 0) return {};
  return fail(Errc::corrupt,
              fmt::format("parts of the history are damaged, the first from {} on; the answer is of the rest",
                          iso8601(damaged.first)),
              "The newest proven backup may have them.");
}

Result<Sql> Sql::open(const std::filesystem::path& path, const std::atomic<bool>& cancel) {
  auto reader = Reader::open(path);
  if (!reader) return std::unexpected(reader.error());
  auto impl = std::make_unique<Impl>(std::move(*reader), cancel);
  auto made = guarded(path.string(), [&] {
    sqlite3* db = impl->access.db->getHandle();
    add_readings_table(impl->table);
    // Its columns are declared at the first use, by what the authorizer would take for a change.
    impl->access.db->exec("SELECT 1 FROM readings LIMIT 0");
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, value_bytes_max);
    sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, statement_bytes_max);
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_progress_handler(
        db, 2000, [](void* flag) { return static_cast<const std::atomic<bool>*>(flag)->load() ? 1 : 0; },
        const_cast<std::atomic<bool>*>(&cancel));
    sqlite3_set_authorizer(
        db,
        [](void* self, int code, const char* first, const char* second, const char*, const char*) {
          const auto text = [](const char* t) {
            return t == nullptr ? std::string_view{} : std::string_view{t};
          };
          return static_cast<Impl*>(self)->authorize(code, text(first), text(second));
        },
        impl.get());
  });
  if (!made) return std::unexpected(made.error());
  return Sql{std::move(impl)};
}

Result<void> Sql::run(std::string_view text, const SqlSink& sink) {
  if (text.size() > static_cast<std::size_t>(statement_bytes_max))
    return fail(Errc::usage, "the statement is longer than 1 MiB");
  const std::string whole{text};
  const char* rest = whole.c_str();
  const char* const end = rest + whole.size();
  while (rest < end) {
    impl_->refused.clear();
    Statement statement;
    const int prepared = sqlite3_prepare_v2(impl_->access.db->getHandle(), rest, static_cast<int>(end - rest),
                                            &statement.raw, &rest);
    if (prepared != SQLITE_OK) return std::unexpected(impl_->failed(prepared));
    if (statement.raw == nullptr) {
      if (rest < end && *rest == '\0') return fail(Errc::usage, "there is a NUL byte in it");
      continue;  // blank, or a comment
    }
    if (auto ran = impl_->run_one(statement.raw, sink); !ran) return ran;
  }
  return impl_->whole();
}

bool Sql::complete(const std::string& text) { return sqlite3_complete(text.c_str()) != 0; }

Sql::Sql(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Sql::Sql(Sql&&) noexcept = default;
Sql& Sql::operator=(Sql&&) noexcept = default;
Sql::~Sql() = default;

}  // namespace alona::store
