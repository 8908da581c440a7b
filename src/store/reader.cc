#include "store/reader.h"

#include <sqlite3.h>

#include <fmt/format.h>

#include "base/files.h"
#include "store/checksum_vfs.h"
#include "store/clock_epochs.h"
#include "store/reader_impl.h"
#include "store/wal_check.h"

namespace alona::store {
namespace {

UtcMs time_at(SQLite::Statement& s, int at) { return utc_ms(s.getColumn(at).getInt64()); }
NodeNo node_at(SQLite::Statement& s, int at) { return static_cast<NodeNo>(s.getColumn(at).getInt()); }
std::uint8_t flags_at(SQLite::Statement& s, int at) {
  return static_cast<std::uint8_t>(s.getColumn(at).getInt());
}

// ?1 node or -1 for all, ?2 from, ?3 to, ?4 at most.
void bind_span(SQLite::Statement& s, std::optional<NodeNo> node, UtcMs from, UtcMs to, std::size_t max) {
  s.bind(1, node ? static_cast<int>(*node) : -1);
  s.bind(2, count(from)), s.bind(3, count(to));
  s.bind(4, static_cast<std::int64_t>(max));
}

RejectItem reject_of(SQLite::Statement& s) {
  RejectItem item;
  item.id = s.getColumn(0).getInt64();
  item.row = {s.getColumn(1).getString(),
              s.getColumn(2).getString(),
              s.getColumn(3).getString(),
              s.getColumn(4).getString(),
              s.getColumn(5).getString(),
              static_cast<std::uint32_t>(s.getColumn(6).getInt64()),
              static_cast<std::uint32_t>(s.getColumn(10).getInt64()),
              time_at(s, 8)};
  item.first = time_at(s, 7), item.last = time_at(s, 8);
  item.count = static_cast<std::uint64_t>(s.getColumn(9).getInt64());
  return item;
}

constexpr const char* reject_columns =
    "SELECT id, node, topic, reason, detail, payload, payload_bytes, first, last, count, readings FROM "
    "reject ";

// Where no core has the database, what a killed one left is looked at first: a log that is cut would be a
// shorter history without a word. The lock's file isn't made here: it would be root's, and the core's no
// more.
Result<void> refuse_left_wal(const std::filesystem::path& database) {
  const std::filesystem::path lock = database.string() + ".lock";
  std::error_code ec;
  if (!std::filesystem::exists(lock, ec)) return refuse_damaged_wal(database);
  const auto nobody = files::Lock::take(lock);
  return nobody ? refuse_damaged_wal(database) : Result<void>{};
}

}  // namespace

Result<Reader> Reader::open(const std::filesystem::path& path) {
  if (auto found = check_file(path); !found) return std::unexpected(found.error());
  const auto vfs = checksum_vfs();
  if (!vfs) return std::unexpected(vfs.error());
  if (auto sound = refuse_left_wal(path); !sound) return std::unexpected(sound.error());
  auto impl = std::make_unique<Impl>();
  impl->path = path.string();
  auto opened = guarded(impl->path, [&] {
    impl->db = open_reader(impl->path, *vfs);
    const auto late = [](void* self) {
      return std::chrono::steady_clock::now() > static_cast<Impl*>(self)->deadline ? 1 : 0;
    };
    sqlite3_progress_handler(impl->db->getHandle(), 2000, late, impl.get());
  });
  if (!opened) return std::unexpected(opened.error());
  return Reader{std::move(impl)};
}

Reader::Reader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Reader::Reader(Reader&&) noexcept = default;
Reader& Reader::operator=(Reader&&) noexcept = default;
Reader::~Reader() = default;

void Reader::set_time_limit(Ms limit) { impl_->limit = limit; }

Result<std::vector<NodeRow>> Reader::nodes() {
  return impl_->ask([&] {
    std::vector<NodeRow> rows;
    SQLite::Statement s{
        *impl_->db, "SELECT no, id, name, place, created, removed, may_lose, sleep_ms FROM node ORDER BY no"};
    while (s.executeStep()) {
      rows.push_back({node_at(s, 0), s.getColumn(1).getString(), s.getColumn(2).getString(),
                      s.getColumn(3).getString(), time_at(s, 4), s.getColumn(5).getInt() != 0,
                      s.getColumn(6).getInt() != 0, Ms{s.getColumn(7).getInt64()}});
    }
    return rows;
  });
}

Result<std::vector<SeriesRow>> Reader::series() {
  return impl_->ask([&] {
    std::vector<SeriesRow> rows;
    SQLite::Statement s{*impl_->db, "SELECT no, node, sensor, unit, label, decimals FROM series ORDER BY no"};
    while (s.executeStep()) {
      rows.push_back({static_cast<SeriesNo>(s.getColumn(0).getInt()),
                      node_at(s, 1),
                      s.getColumn(2).getString(),
                      s.getColumn(3).getString(),
                      s.getColumn(4).getString(),
                      {}});
      if (!s.getColumn(5).isNull()) rows.back().decimals = s.getColumn(5).getInt();
    }
    return rows;
  });
}

Result<std::vector<EventRow>> Reader::events(std::optional<NodeNo> node, UtcMs from, UtcMs to,
                                             std::size_t max) {
  return impl_->ask([&] {
    std::vector<EventRow> rows;
    SQLite::Statement s{
        *impl_->db,
        fmt::format("SELECT node, ts + {0}, flags, type, data FROM event WHERE (?1 < 0 OR node = ?1) AND "
                    "ts + {0} >= ?2 AND ts + {0} < ?3 ORDER BY id DESC LIMIT ?4",
                    shift_sql)};
    bind_span(s, node, from, to, max);
    while (s.executeStep()) {
      rows.push_back({node_at(s, 0), time_at(s, 1), flags_at(s, 2), s.getColumn(3).getString(),
                      s.getColumn(4).getString()});
    }
    return rows;
  });
}

Result<std::vector<ErrorRow>> Reader::errors(std::optional<NodeNo> node, UtcMs from, UtcMs to,
                                             std::size_t max) {
  return impl_->ask([&] {
    std::vector<ErrorRow> rows;
    SQLite::Statement s{
        *impl_->db,
        fmt::format("SELECT node, ts + {0}, flags, code, message FROM error WHERE (?1 < 0 OR node = ?1) AND "
                    "ts + {0} >= ?2 AND ts + {0} < ?3 ORDER BY id DESC LIMIT ?4",
                    shift_sql)};
    bind_span(s, node, from, to, max);
    while (s.executeStep()) {
      rows.push_back({node_at(s, 0), time_at(s, 1), flags_at(s, 2), s.getColumn(3).getString(),
                      s.getColumn(4).getString()});
    }
    return rows;
  });
}

Result<std::vector<PresenceRow>> Reader::presence(std::optional<NodeNo> node, UtcMs from, UtcMs to,
                                                  std::size_t max) {
  return impl_->ask([&] {
    std::vector<PresenceRow> rows;
    SQLite::Statement s{
        *impl_->db,
        fmt::format("SELECT node, at + {0}, state, {1} FROM presence WHERE (?1 < 0 OR node = ?1) AND "
                    "at + {0} >= ?2 AND at + {0} < ?3 ORDER BY id DESC LIMIT ?4",
                    shift_sql, last_seen_sql)};
    bind_span(s, node, from, to, max);
    while (s.executeStep()) {
      rows.push_back(
          {node_at(s, 0), time_at(s, 1), static_cast<Presence>(s.getColumn(2).getInt()), time_at(s, 3)});
    }
    return rows;
  });
}

Result<std::vector<RejectItem>> Reader::rejects(std::size_t max, std::optional<std::int64_t> before_id) {
  return impl_->ask([&] {
    std::vector<RejectItem> rows;
    SQLite::Statement s{*impl_->db, std::string(reject_columns) + "WHERE id < ? ORDER BY id DESC LIMIT ?"};
    s.bind(1, before_id.value_or(std::numeric_limits<std::int64_t>::max()));
    s.bind(2, static_cast<std::int64_t>(max));
    while (s.executeStep()) rows.push_back(reject_of(s));
    return rows;
  });
}

Result<std::optional<RejectItem>> Reader::reject(std::int64_t id) {
  return impl_->ask([&]() -> std::optional<RejectItem> {
    SQLite::Statement s{*impl_->db, std::string(reject_columns) + "WHERE id = ?"};
    s.bind(1, id);
    if (!s.executeStep()) return std::nullopt;
    return reject_of(s);
  });
}

std::vector<Start> load_starts(SQLite::Database& db, std::size_t max) {
  std::vector<PowerRow> rows;
  SQLite::Statement s{
      db,
      "SELECT at, kind, boot, clean, cause, last, dark_ms IS NOT NULL FROM power_event ORDER BY "
      "id DESC LIMIT ?"};
  s.bind(1, static_cast<std::int64_t>(2 * max + 1));  // each with its stop, and what stood before
  while (s.executeStep())
    rows.push_back({time_at(s, 0), s.getColumn(1).getInt() == 0, s.getColumn(2).getString(),
                    s.getColumn(3).getInt() != 0, s.getColumn(4).getString(), time_at(s, 5),
                    s.getColumn(6).getInt() != 0});
  return starts_of(rows, load_epochs(db), max);
}

Result<std::vector<Start>> Reader::starts(std::size_t max) {
  return impl_->ask([&] { return load_starts(*impl_->db, max); });
}

Result<std::int64_t> Reader::canary() {
  return impl_->ask([&] { return setting(*impl_->db, canary_setting); });
}

Result<std::optional<UserRow>> Reader::user(const std::string& name) {
  return impl_->ask([&]() -> std::optional<UserRow> {
    SQLite::Statement s{*impl_->db, "SELECT name, password_hash, admin FROM user WHERE name = ?"};
    s.bind(1, name);
    if (!s.executeStep()) return std::nullopt;
    return UserRow{s.getColumn(0).getString(), s.getColumn(1).getString(), s.getColumn(2).getInt() != 0};
  });
}

Result<std::vector<UserRow>> Reader::users() {
  return impl_->ask([&] {
    std::vector<UserRow> all;
    SQLite::Statement s{*impl_->db, "SELECT name, password_hash, admin FROM user ORDER BY name"};
    while (s.executeStep())
      all.push_back({s.getColumn(0).getString(), s.getColumn(1).getString(), s.getColumn(2).getInt() != 0});
    return all;
  });
}

Result<std::optional<SessionRow>> Reader::session(const std::string& token_hash) {
  return impl_->ask([&]() -> std::optional<SessionRow> {
    SQLite::Statement s{*impl_->db, "SELECT token_hash, user, expires FROM session WHERE token_hash = ?"};
    s.bind(1, token_hash);
    if (!s.executeStep()) return std::nullopt;
    return SessionRow{s.getColumn(0).getString(), s.getColumn(1).getString(), time_at(s, 2)};
  });
}

}  // namespace alona::store
