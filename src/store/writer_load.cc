// What is known at the last commit: tables as of the last fold, and the commits since.
#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <unordered_map>

#include "store/commit_record.h"
#include "store/pack.h"
#include "store/writer_impl.h"

namespace alona::store {
namespace {

// The key of the tail's hashes: made once, in the file, so that what it says stays true after a restart.
HashKey tail_key(SQLite::Database& db) {
  SQLite::Statement query{db, "SELECT value FROM setting WHERE name = 'tail_key'"};
  HashKey key{};
  if (query.executeStep() && query.getColumn(0).getBytes() == static_cast<int>(key.size())) {
    std::ranges::copy(blob(query.getColumn(0)), key.begin());
    return key;
  }
  key = random_hash_key();
  SQLite::Statement put{db, "INSERT OR REPLACE INTO setting VALUES ('tail_key', ?)"};
  put.bind(1, key.data(), static_cast<int>(key.size()));
  put.exec();
  return key;
}

void load_catalog(SQLite::Database& db, State& state) {
  SQLite::Statement node{
      db, "SELECT no, id, name, place, created, removed, may_lose, interval, sleep_ms FROM node ORDER BY no"};
  while (node.executeStep()) {
    const auto no = static_cast<NodeNo>(node.getColumn(0).getInt());
    state.nodes.push_back({no, node.getColumn(1).getString(), node.getColumn(2).getString(),
                           node.getColumn(3).getString(), utc_ms(node.getColumn(4).getInt64()),
                           node.getColumn(5).getInt() != 0, node.getColumn(6).getInt() != 0,
                           Ms{node.getColumn(8).getInt64()}});
    if (!node.getColumn(7).isNull()) state.interval[no] = Ms{node.getColumn(7).getInt64()};
  }
  SQLite::Statement series{db,
                           "SELECT no, node, sensor, unit, label, decimals, last_ts, last_value, last_flags, "
                           "last_epoch FROM series "
                           "ORDER BY no"};
  while (series.executeStep()) {
    SeriesRow row{static_cast<SeriesNo>(series.getColumn(0).getInt()),
                  static_cast<NodeNo>(series.getColumn(1).getInt()),
                  series.getColumn(2).getString(),
                  series.getColumn(3).getString(),
                  series.getColumn(4).getString(),
                  {}};
    if (!series.getColumn(5).isNull()) row.decimals = series.getColumn(5).getInt();
    if (!series.getColumn(6).isNull()) {
      state.last[row.no] = {utc_ms(series.getColumn(6).getInt64()), series.getColumn(7).getDouble(),
                            static_cast<std::uint8_t>(series.getColumn(8).getInt()),
                            static_cast<EpochNo>(series.getColumn(9).getInt())};
    }
    state.series.push_back(std::move(row));
  }
  SQLite::Statement presence{
      db,
      fmt::format("SELECT node, at + {}, state, {} FROM presence WHERE id IN (SELECT max(id) FROM presence "
                  "GROUP BY node)",
                  shift_sql, last_seen_sql)};
  while (presence.executeStep()) {
    const auto no = static_cast<NodeNo>(presence.getColumn(0).getInt());
    state.presence[no] = {no, utc_ms(presence.getColumn(1).getInt64()),
                          static_cast<Presence>(presence.getColumn(2).getInt()),
                          utc_ms(presence.getColumn(3).getInt64())};
  }
}

void load_bases(SQLite::Database& db, State& state) {
  SQLite::Statement base{db, fmt::format("SELECT id, series, at + {}, epoch, base, before, undoes "
                                         "FROM counter_base ORDER BY id",
                                         shift_sql)};
  while (base.executeStep()) {
    state.bases.push_back({base.getColumn(0).getInt64(),
                           static_cast<SeriesNo>(base.getColumn(1).getInt()),
                           utc_ms(base.getColumn(2).getInt64()),
                           static_cast<EpochNo>(base.getColumn(3).getInt()),
                           base.getColumn(4).getDouble(),
                           base.getColumn(5).getDouble(),
                           {}});
    if (!base.getColumn(6).isNull()) state.bases.back().undoes = base.getColumn(6).getInt64();
  }
}

using Windows = std::map<std::pair<NodeNo, std::uint32_t>, Pending::Window>;

Windows load_windows(SQLite::Database& db) {
  Windows windows;
  SQLite::Statement query{db, "SELECT node, boot, acked, beyond, seen FROM window"};
  while (query.executeStep()) {
    WindowRow row{static_cast<NodeNo>(query.getColumn(0).getInt()),
                  static_cast<std::uint32_t>(query.getColumn(1).getInt64()),
                  static_cast<std::uint32_t>(query.getColumn(2).getInt64()),
                  {}};
    const auto bits = blob(query.getColumn(3));
    for (std::size_t i = 0; i < std::min(row.beyond.size(), 8 * bits.size()); ++i) {
      row.beyond[i] = (bits[i / 8] >> (i % 8) & 1) != 0;
    }
    windows[{row.node, row.boot}] = {row, query.getColumn(4).getInt64()};
  }
  return windows;
}

Error log_damaged(const std::string& path) {
  return {Errc::corrupt, path + ": pages of the newest commits are damaged",
          "The file is damaged. Leave it as it is and restore the newest backup."};
}

// The last boots of each node, oldest first.
std::vector<WindowRow> last_boots(const Windows& windows) {
  std::vector<const Pending::Window*> by_age;
  for (const auto& [key, window] : windows) by_age.push_back(&window);
  std::ranges::sort(by_age, {}, &Pending::Window::seen);
  std::map<NodeNo, std::size_t> boots;
  std::vector<WindowRow> rows;
  for (auto it = by_age.rbegin(); it != by_age.rend(); ++it) {
    if (++boots[(*it)->row.node] <= limits::boots_per_node) rows.push_back((*it)->row);
  }
  std::ranges::reverse(rows);
  return rows;
}

// The tail as it was at commit 'tail_at', when sealing moved it out of the log's way.
std::vector<TailEntry> kept_tail(SQLite::Database& db) {
  std::vector<TailEntry> tail;
  SQLite::Statement query{db, "SELECT value FROM setting WHERE name = 'tail'"};
  if (!query.executeStep()) return tail;
  Unpacker u{blob(query.getColumn(0))};
  while (!u.at_end()) {
    const std::uint16_t packet_id = u.u16();
    tail.push_back({packet_id, u.u64() & tail_hash_mask});
  }
  return tail;
}

void append_tail(std::vector<TailEntry>& tail, const Batch& batch) {
  if (batch.tail_emptied) tail.clear();
  tail.insert(tail.end(), batch.tail.begin(), batch.tail.end());
  if (tail.size() > 2 * limits::tail_messages) {
    tail.erase(tail.begin(), tail.end() - static_cast<std::ptrdiff_t>(limits::tail_messages));
  }
}

std::vector<CountRow> counts_of_day(SQLite::Database& db, std::int32_t day, const Pending& pending) {
  std::map<NodeNo, CountRow> counts;
  SQLite::Statement query{
      db,
      "SELECT node, stored, rejected, repeated, corrected, lost, events, heartbeats FROM node_day "
      "WHERE day = ?"};
  query.bind(1, day);
  while (query.executeStep()) {
    const auto field = [&](int at) { return static_cast<std::uint32_t>(query.getColumn(at).getInt64()); };
    const auto no = static_cast<NodeNo>(query.getColumn(0).getInt());
    counts[no] = {no, day, field(1), field(2), field(3), field(4), field(5), field(6), field(7)};
  }
  for (const auto& [key, row] : pending.counts) {
    if (key.second != day) continue;
    CountRow& to = counts[key.first];
    to.node = key.first;
    to.day = day;
    add_counts(to, row);
  }
  std::vector<CountRow> rows;
  rows.reserve(counts.size());
  for (const auto& [no, row] : counts) rows.push_back(row);
  return rows;
}

}  // namespace

void add_counts(CountRow& to, const CountRow& delta) {
  to.stored += delta.stored;
  to.rejected += delta.rejected;
  to.repeated += delta.repeated;
  to.corrected += delta.corrected;
  to.lost += delta.lost;
  to.events += delta.events;
  to.heartbeats += delta.heartbeats;
}

void Pending::add(std::int64_t commit, const Batch& batch, const ClockShifts& shifts) {
  for (const CountRow& c : batch.counts) {
    CountRow& to = counts[{c.node, c.day}];
    to.node = c.node;
    to.day = c.day;
    add_counts(to, c);
  }
  for (const WindowRow& w : batch.windows) windows[{w.node, w.boot}] = {w, commit};
  for (const ReadingRow& r : batch.readings) {
    LastReading& to = last[r.series];
    if (shifts.true_time(r) >= shifts.true_time(to.epoch, to.ts)) to = {r.ts, r.value, r.flags, r.epoch};
  }
}

// Which commits still hold the tail, so that the next start reads back only so far.
void Writer::Impl::note_tail(std::int64_t commit, std::size_t entries, bool emptied) {
  if (emptied) {
    tail_commits.clear();
    tail_size = 0;
  }
  if (entries == 0 && !emptied) return;
  tail_commits.emplace_back(commit, entries);
  tail_size += entries;
  while (tail_size - tail_commits.front().second >= limits::tail_messages) {
    tail_size -= tail_commits.front().second;
    tail_commits.pop_front();
  }
}

Result<State> Writer::load() {
  Impl& i = *impl_;
  State state;
  Batch batch;
  Result<void> damage;
  auto loaded = guarded(i.path, [&] {
    state.tail_key = tail_key(*i.db);
    const std::int64_t folded = setting(*i.db, "folded");
    const std::int64_t tail_from = setting(*i.db, "tail_from");
    state.floor = utc_ms(setting(*i.db, "floor"));
    state.canary = setting(*i.db, canary_setting);
    const std::int64_t floor_at = setting(*i.db, "floor_at");
    state.epochs = load_epochs(*i.db);
    i.epochs.clear();
    i.shifts = {};
    i.note_epochs(state.epochs);
    i.settled_kept.clear();
    i.apart.clear();
    for (const EpochRow& row : state.epochs) {
      if (row.settled) i.settled_kept.insert(row.no);
    }
    load_catalog(*i.db, state);
    load_bases(*i.db, state);
    const std::int64_t tail_at = setting(*i.db, "tail_at");
    state.tail = kept_tail(*i.db);
    Windows windows = load_windows(*i.db);
    i.pending = {};
    i.tail_commits.clear();
    i.tail_size = 0;
    i.note_tail(tail_at, state.tail.size(), false);
    i.last_commit = folded;
    i.sealing.reset();
    i.hot_readings = 0;
    const std::int64_t needed = std::min(tail_from == 0 ? folded + 1 : tail_from, folded + 1);
    i.log.emplace(*i.db, [&](const LogWalk& walk) {
      const std::int64_t id = walk.entry().id;
      i.hot_readings += walk.entry().readings;
      i.last_commit = std::max(i.last_commit, id);
      if (!damage || id < needed) return;
      damage = decode_commit(id, walk.record(), batch);
      if (walk.entry().after_loss && id > needed) damage = std::unexpected(log_damaged(i.path));
      if (!damage) return;
      if (id > tail_at) {
        append_tail(state.tail, batch);
        i.note_tail(id, batch.tail.size(), batch.tail_emptied);
      }
      if (id > floor_at) state.floor = std::max(state.floor, batch.received);
      if (id > folded) i.pending.add(id, batch, i.shifts);
    });
    if (i.log->lost_at_end()) damage = std::unexpected(log_damaged(i.path));
    for (const auto& [key, window] : i.pending.windows) windows[key] = window;
    for (const auto& [series, last] : i.pending.last) {
      auto& to = state.last[series];
      if (i.shifts.true_time(last.epoch, last.ts) >= i.shifts.true_time(to.epoch, to.ts)) to = last;
    }
    for (auto& [series, last] : state.last) last.ts = i.shifts.true_time(last.epoch, last.ts);
    state.windows = last_boots(windows);
    state.readings_stored = static_cast<std::uint64_t>(
        i.db->execAndGet("SELECT coalesce(sum(stored), 0) FROM node_day").getInt64());
    for (const auto& [key, row] : i.pending.counts) state.readings_stored += row.stored;
    state.counts_today = counts_of_day(*i.db, utc_day(state.floor), i.pending);
  });
  if (!loaded) return std::unexpected(loaded.error());
  if (!damage) return std::unexpected(damage.error());
  if (state.tail.size() > limits::tail_messages) {
    state.tail.erase(state.tail.begin(),
                     state.tail.end() - static_cast<std::ptrdiff_t>(limits::tail_messages));
  }
  return state;
}

// A tail of large batches would keep millions of readings from being sealed.
void Writer::Impl::keep_tail() {
  std::vector<TailEntry> tail = kept_tail(*db);
  const std::int64_t from = std::max(tail_commits.front().first, setting(*db, "tail_at") + 1);
  Batch batch;
  for (const LogEntry& entry : log->entries()) {
    if (entry.id >= from && decode_commit(entry.id, log->read(entry), batch)) append_tail(tail, batch);
  }
  const std::size_t excess = tail.size() > limits::tail_messages ? tail.size() - limits::tail_messages : 0;
  tail.erase(tail.begin(), tail.begin() + static_cast<std::ptrdiff_t>(excess));
  std::vector<std::uint8_t> bytes;
  Packer p{bytes};
  for (const TailEntry& t : tail) p.u16(t.packet_id), p.u64(t.hash);
  SQLite::Transaction transaction{*db, SQLite::TransactionBehavior::IMMEDIATE};
  SQLite::Statement put{*db, "INSERT OR REPLACE INTO setting VALUES ('tail', ?)"};
  put.bindNoCopy(1, bytes.data(), static_cast<int>(bytes.size()));
  put.exec();
  put_setting(*db, "tail_at", last_commit);
  put_setting(*db, "tail_from", last_commit);
  transaction.commit();
  tail_commits = {{last_commit, tail.size()}};
  tail_size = tail.size();
}

Result<void> Writer::fold(const std::map<NodeNo, Ms>& intervals, UtcMs floor) {
  Impl& i = *impl_;
  if (i.outcome_unknown)
    return fail(Errc::outcome_unknown, i.path + ": an earlier commit's outcome is unknown");
  auto done = guarded(i.path, [&] {
    SQLite::Database& db = *i.db;
    SQLite::Transaction transaction{db, SQLite::TransactionBehavior::IMMEDIATE};
    SQLite::Statement day{db, R"(
      INSERT INTO node_day VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT (node, day) DO UPDATE SET
        stored = stored + excluded.stored, rejected = rejected + excluded.rejected,
        repeated = repeated + excluded.repeated, corrected = corrected + excluded.corrected,
        lost = lost + excluded.lost, events = events + excluded.events, heartbeats = heartbeats + excluded.heartbeats)"};
    for (const auto& [key, c] : i.pending.counts) {
      int at = 0;
      day.bind(++at, static_cast<int>(c.node)), day.bind(++at, c.day);
      for (const std::uint32_t n :
           {c.stored, c.rejected, c.repeated, c.corrected, c.lost, c.events, c.heartbeats}) {
        day.bind(++at, static_cast<std::int64_t>(n));
      }
      day.exec(), day.reset();
    }
    SQLite::Statement put{db, "INSERT OR REPLACE INTO window VALUES (?,?,?,?,?)"};
    SQLite::Statement drop{
        db,
        "DELETE FROM window WHERE node = ?1 AND seen < (SELECT seen FROM window WHERE node = ?1 ORDER "
        "BY seen DESC LIMIT 1 OFFSET 3)"};
    static_assert(limits::boots_per_node == 4);
    for (const auto& [key, window] : i.pending.windows) {
      std::array<std::uint8_t, limits::window_length / 8> bits{};
      for (std::size_t bit = 0; bit < limits::window_length; ++bit) {
        if (window.row.beyond[bit])
          bits[bit / 8] = static_cast<std::uint8_t>(bits[bit / 8] | 1u << (bit % 8));
      }
      put.bind(1, static_cast<int>(window.row.node)), put.bind(2, static_cast<std::int64_t>(window.row.boot));
      put.bind(3, static_cast<std::int64_t>(window.row.acked)),
          put.bind(4, bits.data(), static_cast<int>(bits.size()));
      put.bind(5, window.seen);
      put.exec(), put.reset();
      drop.bind(1, static_cast<int>(window.row.node));
      drop.exec(), drop.reset();
    }
    SQLite::Statement last{
        db,
        "UPDATE series SET last_ts = ?2, last_value = ?3, last_flags = ?4, last_epoch = ?5 WHERE no = ?1 AND "
        "coalesce(last_ts + coalesce((SELECT shift FROM clock_epoch WHERE clock_epoch.no = last_epoch), 0), "
        "?6) <= ?6"};
    for (const auto& [series, reading] : i.pending.last) {
      last.bind(1, static_cast<int>(series)), last.bind(2, count(reading.ts));
      last.bind(3, reading.value), last.bind(4, int{reading.flags});
      last.bind(5, static_cast<int>(reading.epoch));
      last.bind(6, count(i.shifts.true_time(reading.epoch, reading.ts)));
      last.exec(), last.reset();
    }
    SQLite::Statement interval{db, "UPDATE node SET interval = ?2 WHERE no = ?1 AND interval IS NOT ?2"};
    for (const auto& [node, learned] : intervals) {
      interval.bind(1, static_cast<int>(node)), interval.bind(2, static_cast<std::int64_t>(learned.count()));
      interval.exec(), interval.reset();
    }
    put_setting(db, "folded", i.last_commit);
    put_setting(db, "tail_from", i.tail_commits.empty() ? 0 : i.tail_commits.front().first);
    put_setting(db, "floor", count(floor));
    put_setting(db, "floor_at", i.last_commit);
    i.fold_wear();
    transaction.commit();
  });
  // Folding twice would count twice: after a failure nobody may go on before load() has looked.
  if (!done) i.outcome_unknown = true;
  if (done) i.pending = {}, i.wear.clear();
  return done;
}

Result<std::vector<std::optional<ReadingRow>>> Writer::known(const std::vector<ReadingRow>& readings) {
  std::vector<std::optional<ReadingRow>> found(readings.size());
  if (readings.empty()) return found;
  struct KeyHash {
    std::size_t operator()(const std::pair<SeriesNo, UtcMs>& key) const {
      return static_cast<std::size_t>(key.first) * 0x9E3779B97F4A7C15u ^
             static_cast<std::size_t>(count(key.second));
    }
  };
  std::unordered_map<std::pair<SeriesNo, UtcMs>, std::optional<ReadingRow>, KeyHash> wanted;
  for (const ReadingRow& r : readings) wanted.emplace(std::pair{r.series, r.ts}, std::nullopt);
  // The later commit counts; what isn't in the log any more may be sealed.
  const auto span = std::ranges::minmax(readings, {}, &ReadingRow::ts);
  Result<void> damage;
  auto looked = guarded(impl_->path, [&] {
    const ClockShifts& shifts = impl_->shifts;
    const UtcMs first = utc_ms(add_within(count(span.min.ts), -shifts.most()));
    const UtcMs last = utc_ms(add_within(count(span.max.ts), -shifts.least()));
    for (const LogEntry& entry : impl_->log->entries()) {
      if (entry.readings == 0 || entry.last < first || entry.first > last) continue;
      damage = for_each_reading(entry.id, impl_->log->read(entry), [&](const ReadingRow& r) {
        if (const auto it = wanted.find({r.series, shifts.true_time(r)}); it != wanted.end()) it->second = r;
      });
      if (!damage) return;
    }
    MissingReadings missing;
    for (auto& [key, value] : wanted) {
      if (!value) missing.emplace(key, &value);
    }
    impl_->look_up_sealed(missing);
  });
  if (!looked) return std::unexpected(looked.error());
  if (!damage) return std::unexpected(damage.error());
  for (std::size_t i = 0; i < readings.size(); ++i) found[i] = wanted[{readings[i].series, readings[i].ts}];
  return found;
}

}  // namespace alona::store
