#include "store/writer.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include "store/checksum_vfs.h"
#include "store/migrate.h"
#include "store/wal_check.h"
#include "store/writer_impl.h"

namespace alona::store {
namespace {

constexpr std::string_view put_node_sql = R"(
  INSERT INTO node (no, id, name, place, created, removed, may_lose, sleep_ms) VALUES (?,?,?,?,?,?,?,?)
  ON CONFLICT (no) DO UPDATE SET name=excluded.name, place=excluded.place, removed=excluded.removed,
    may_lose=excluded.may_lose, sleep_ms=excluded.sleep_ms)";
constexpr std::string_view put_series_sql = R"(
  INSERT INTO series (no, node, sensor, unit, label, decimals) VALUES (?,?,?,?,?,?)
  ON CONFLICT (no) DO UPDATE SET label=excluded.label, decimals=excluded.decimals)";
constexpr std::string_view update_reject_sql = R"(
  UPDATE reject SET count = count + 1, readings = readings + ?3, last = ?4
  WHERE id = (SELECT max(id) FROM reject WHERE topic = ?1 AND reason = ?2 AND first > ?4 - 3600000))";

template <class... Values>
void run(SQLite::Statement& statement, const Values&... values) {
  int at = 0;
  (statement.bind(++at, values), ...);
  statement.exec();
  statement.reset();
}

// SQLiteCpp copies text and blobs it is given by value; within one exec the batch outlives the statement.
void bind_blob(SQLite::Statement& statement, int at, const void* data, std::size_t bytes) {
  statement.bindNoCopy(at, data, static_cast<int>(bytes));
}

}  // namespace

Statements::Statements(SQLite::Database& db)
    : put_node(db, std::string(put_node_sql)),
      put_series(db, std::string(put_series_sql)),
      insert_event(db, "INSERT INTO event (node, ts, flags, type, data, epoch) VALUES (?,?,?,?,?,?)"),
      insert_error(db, "INSERT INTO error (node, ts, flags, code, message, epoch) VALUES (?,?,?,?,?,?)"),
      insert_presence(db, "INSERT INTO presence (node, at, state, last_seen, epoch) VALUES (?,?,?,?,?)"),
      update_reject(db, std::string(update_reject_sql)),
      insert_reject(
          db,
          "INSERT INTO reject (node, topic, reason, detail, payload, payload_bytes, first, last, count, "
          "readings) VALUES (?,?,?,?,?,?,?,?,1,?)") {}

Result<void> Writer::Impl::connect(const std::function<void(const std::string&)>& tell) {
  log.reset();
  statements.reset();
  db.reset();
  auto done = guarded(path, [&]() -> Result<void> {
    db = open_writer(path, vfs);
    if (auto upgraded = upgrade(*db, path, vfs, tell); !upgraded) return upgraded;
    statements = std::make_unique<Statements>(*db);
    return {};
  });
  return done ? *done : std::unexpected(done.error());
}

Result<Writer> Writer::open(const std::filesystem::path& path, Open how, const std::string& base_vfs,
                            const std::function<void(const std::string&)>& tell) {
  const auto found = check_file(path);
  if (!found && !(found.error().code == Errc::not_found && how == Open::create)) {
    return std::unexpected(found.error());
  }
  if (auto folder = files::make_folder(path.parent_path(), 0750); !folder)
    return std::unexpected(folder.error());
  auto lock = files::Lock::take(path.string() + ".lock");
  if (!lock) return std::unexpected(lock.error());
  const auto vfs = checksum_vfs(base_vfs);
  if (!vfs) return std::unexpected(vfs.error());
  if (auto sound = refuse_damaged_wal(path); !sound) return std::unexpected(sound.error());
  auto impl = std::make_unique<Impl>(Impl{.path = path.string(), .vfs = *vfs, .lock = std::move(*lock)});
  if (auto opened = impl->connect(tell); !opened) return std::unexpected(opened.error());
  // The new name must survive a power cut as well as what is in the file.
  if (auto synced = files::sync_folder(path.parent_path()); !synced) return std::unexpected(synced.error());
  Writer writer{std::move(impl)};
  // Also finds out the commit to go on from, so that a command may commit without asking for the state.
  if (auto state = writer.load(); !state) return std::unexpected(state.error());
  sqlite3_db_config(writer.impl_->db->getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
  return writer;
}

Writer::Writer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Writer::Writer(Writer&&) noexcept = default;
Writer& Writer::operator=(Writer&&) noexcept = default;
Writer::~Writer() = default;

void Writer::Impl::write_rows(const Batch& batch) {
  Statements& s = *statements;
  for (const NodeRow& n : batch.nodes) {
    run(s.put_node, static_cast<int>(n.no), n.id, n.name, n.place, count(n.created), int{n.removed},
        int{n.may_lose}, static_cast<std::int64_t>(n.sleep.count()));
  }
  for (const SeriesRow& r : batch.series) {
    if (r.decimals) {
      run(s.put_series, static_cast<int>(r.no), static_cast<int>(r.node), r.sensor, r.unit, r.label,
          *r.decimals);
    } else {
      s.put_series.bind(6);  // NULL
      run(s.put_series, static_cast<int>(r.no), static_cast<int>(r.node), r.sensor, r.unit, r.label);
    }
  }
  // What the core has timed goes with its clock.
  const auto epoch_of = [&](std::uint8_t flags) {
    const bool by_node = static_cast<TimeQuality>(flags & flag::quality_mask) == TimeQuality::node;
    return by_node ? 0 : static_cast<int>(batch.epoch);
  };
  for (const EventRow& e : batch.events) {
    run(s.insert_event, static_cast<int>(e.node), count(e.ts), int{e.flags}, e.type, e.data,
        epoch_of(e.flags));
  }
  for (const ErrorRow& e : batch.errors) {
    run(s.insert_error, static_cast<int>(e.node), count(e.ts), int{e.flags}, e.code, e.message,
        epoch_of(e.flags));
  }
  for (const PresenceRow& p : batch.presence) {
    run(s.insert_presence, static_cast<int>(p.node), count(p.at), static_cast<int>(p.state),
        count(p.last_seen), static_cast<int>(batch.epoch));
  }
  for (const RejectRow& r : batch.rejects) {
    run(s.update_reject, r.topic, r.reason, static_cast<std::int64_t>(r.readings), count(r.at));
    if (db->getChanges() > 0) continue;
    bind_blob(s.insert_reject, 5, r.payload.data(), r.payload.size());
    s.insert_reject.bind(1, r.node), s.insert_reject.bind(2, r.topic), s.insert_reject.bind(3, r.reason);
    s.insert_reject.bind(4, r.detail), s.insert_reject.bind(6, static_cast<std::int64_t>(r.payload_bytes));
    s.insert_reject.bind(7, count(r.at)), s.insert_reject.bind(8, count(r.at));
    s.insert_reject.bind(9, static_cast<std::int64_t>(r.readings));
    s.insert_reject.exec();
    s.insert_reject.reset();
  }
  for (const AuditRow& a : batch.audit) {
    SQLite::Statement put{*db, "INSERT INTO audit (at, who, what) VALUES (?,?,?)"};
    run(put, count(a.at), a.who, a.what);
  }
  for (const BaseRow& b : batch.bases) {
    SQLite::Statement put{*db, "INSERT INTO counter_base VALUES (?,?,?,?,?,?,?)"};
    if (b.undoes) put.bind(7, *b.undoes);
    run(put, b.id, static_cast<int>(b.series), count(b.at), static_cast<int>(batch.epoch), b.base, b.before);
  }
  if (!batch.rejects.empty()) trim_rejects();
  if (batch.canary) put_setting(*db, canary_setting, *batch.canary);
  for (const BootRow& b : batch.boots) put_boot(b, batch.epoch);
}

void Writer::Impl::write_clock(std::int64_t commit, const Batch& batch) {
  put_epochs(*db, batch.epochs);
  if (batch.true_time) {
    put_setting(*db, "floor", count(batch.received));
    put_setting(*db, "floor_at", commit);
  }
  if (batch.sessions_by != Ms{0}) {
    SQLite::Statement move{*db, "UPDATE session SET expires = expires + ?"};
    move.bind(1, static_cast<std::int64_t>(batch.sessions_by.count()));
    move.exec();
  }
}

void Writer::Impl::note_epochs(const std::vector<EpochRow>& rows) {
  for (const EpochRow& row : rows) {
    const bool settled = row.settled || epochs[row.no].settled;
    epochs[row.no] = row;
    epochs[row.no].settled = settled;
    shifts.set(row.no, row.shift);
  }
}

// The oldest leave first; how many have left is kept, so that none goes uncounted.
void Writer::Impl::trim_rejects() {
  SQLite::Statement size{*db, "SELECT count(*), coalesce(sum(length(payload)), 0) FROM reject"};
  size.executeStep();
  if (size.getColumn(0).getInt64() <= static_cast<std::int64_t>(limits::reject_rows_max) &&
      size.getColumn(1).getInt64() <= static_cast<std::int64_t>(limits::reject_bytes_max)) {
    return;
  }
  size.reset();
  // A tenth at a time, so that the next thousand needn't.
  const auto leave = static_cast<std::int64_t>(limits::reject_rows_max / 10);
  db->exec(fmt::format(
      "INSERT INTO setting VALUES ('rejects_dropped', (SELECT coalesce(sum(count), 0) FROM (SELECT "
      "count FROM reject ORDER BY id LIMIT {0}))) ON CONFLICT (name) DO UPDATE SET value = value + "
      "excluded.value; DELETE FROM reject WHERE id IN (SELECT id FROM reject ORDER BY id LIMIT {0})",
      leave));
}

Result<Receipt> Writer::commit(const Batch& batch) {
  return impl_->commit(batch, [] { return Result<void>{}; });
}

Result<Receipt> Writer::Impl::commit(const Batch& batch, const std::function<Result<void>()>& before) {
  Impl& i = *this;
  if (i.outcome_unknown || !i.log)
    return fail(Errc::outcome_unknown, i.path + ": an earlier commit's outcome is unknown");
  // A canary alone leaves its one row and no record: in a house that measures nothing the log would only
  // grow.
  const bool logged = !batch.only_canary() || batch.true_time || batch.sessions_by != Ms{0};
  const std::int64_t id = i.last_commit + (logged ? 1 : 0);
  const CommitRecord record = encode_commit(id, batch);
  bool appended = false, committing = false;
  auto done = guarded(i.path, [&]() -> Result<void> {
    SQLite::Transaction transaction{*i.db, SQLite::TransactionBehavior::IMMEDIATE};
    if (auto first = before(); !first) return first;
    i.write_rows(batch);
    i.write_clock(id, batch);
    if (logged) {
      appended = true;
      i.log->append(id, batch, record);
    }
    committing = true;
    transaction.commit();
    return {};
  });
  if (done && !*done) return std::unexpected(done->error());
  if (!done) {
    // Before COMMIT began, the rollback is certain. After it, the frames may or may not be on disk.
    i.outcome_unknown = committing;
    if (appended && !committing) i.log->undo();
    if (committing) done.error().code = Errc::outcome_unknown;
    return std::unexpected(done.error());
  }
  if (!logged) return Receipt{id};
  i.last_commit = id;
  i.hot_readings += static_cast<std::int64_t>(batch.readings.size());
  i.note_epochs(batch.epochs);
  i.pending.add(id, batch, i.shifts);
  i.note_tail(id, batch.tail.size(), batch.tail_emptied);
  return Receipt{id};
}

Result<void> Writer::reopen() {
  auto opened = impl_->connect();
  if (opened) sqlite3_db_config(impl_->db->getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
  if (opened) impl_->outcome_unknown = false;
  return opened;
}

Result<void> Writer::put_user(const UserRow& user) {
  return guarded(impl_->path, [&] {
    SQLite::Transaction transaction{*impl_->db, SQLite::TransactionBehavior::IMMEDIATE};
    SQLite::Statement end{*impl_->db, "DELETE FROM session WHERE user = ?"};
    run(end, user.name);
    SQLite::Statement put{*impl_->db,
                          "INSERT INTO user VALUES (?,?,?) ON CONFLICT (name) DO UPDATE SET "
                          "password_hash=excluded.password_hash, admin=excluded.admin"};
    run(put, user.name, user.password_hash, int{user.admin});
    transaction.commit();
  });
}

Result<void> Writer::remove_user(const std::string& name) {
  bool known = false, others = false;
  auto removed = guarded(impl_->path, [&] {
    SQLite::Transaction transaction{*impl_->db, SQLite::TransactionBehavior::IMMEDIATE};
    SQLite::Statement look{*impl_->db,
                           "SELECT EXISTS (SELECT 1 FROM user WHERE name = ?1),"
                           " EXISTS (SELECT 1 FROM user WHERE name <> ?1 AND admin)"};
    look.bind(1, name);
    look.executeStep();
    known = look.getColumn(0).getInt() != 0, others = look.getColumn(1).getInt() != 0;
    look.reset();
    if (!known || !others) return;
    SQLite::Statement end{*impl_->db, "DELETE FROM session WHERE user = ?"};
    run(end, name);
    SQLite::Statement gone{*impl_->db, "DELETE FROM user WHERE name = ?"};
    run(gone, name);
    transaction.commit();
  });
  if (!removed) return removed;
  if (!known) return fail(Errc::not_found, "there is no user of this name", "Look at the list of users.");
  if (!others)
    return fail(Errc::refused, "the last admin can't be removed",
                "Nobody could change anything here any more. Add another user first.");
  return {};
}

Result<void> Writer::put_session(const SessionRow& session) {
  return guarded(impl_->path, [&] {
    SQLite::Statement put{*impl_->db, "INSERT OR REPLACE INTO session VALUES (?,?,?)"};
    run(put, session.token_hash, session.user, count(session.expires));
  });
}

Result<void> Writer::end_session(const std::string& token_hash) {
  return guarded(impl_->path, [&] {
    SQLite::Statement end{*impl_->db, "DELETE FROM session WHERE token_hash = ?"};
    run(end, token_hash);
  });
}

}  // namespace alona::store
