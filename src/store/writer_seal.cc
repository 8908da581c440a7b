// Sealing: the oldest readings leave the log of commits for chunks, a slice at a time between two commits. A
// pass takes the commits up to a cut: their readings go, series by series, over what is sealed already; then
// the commits are dropped. Each slice is a transaction. Readings that lie in both places for a while are the
// same there, and what is still in the log counts as the newer; so a pass may end anywhere and begin anew.
#include <algorithm>

#include "store/writer_impl.h"

namespace alona::store {
namespace {

using Deadline = std::chrono::steady_clock::time_point;
bool over(Deadline deadline) { return std::chrono::steady_clock::now() >= deadline; }

// The last commit that may leave: with it `wanted` readings or half of the pages do, and nothing that isn't
// folded yet.
std::int64_t find_cut(SQLite::Database& db, const HotLog& log, std::int64_t wanted) {
  const std::int64_t last = setting(db, "folded");
  std::int64_t cut = 0;
  std::int64_t readings = 0;
  for (const LogEntry& entry : log.entries()) {
    const std::uint64_t pages = entry.at.page - log.entries().front().at.page;
    if (entry.id > last || readings >= wanted || pages > limits::log_pages_max / 2) break;
    cut = entry.id;
    readings += entry.readings;
  }
  return cut;
}

// The columns' pieces of at most a chunk's length: full ones and a rest where history grows at its end, else
// equal.
std::vector<std::size_t> pieces(std::size_t n, bool growing) {
  const std::size_t full = limits::chunk_readings_max;
  const std::size_t parts = (n + full - 1) / full;
  std::vector<std::size_t> sizes;
  for (std::size_t left = n; left > 0; left -= sizes.back()) {
    const std::size_t even = (left + parts - sizes.size() - 1) / (parts - sizes.size());
    sizes.push_back(growing ? std::min(full, left) : even);
  }
  return sizes;
}

// One step in the index for each series.
bool has_chunks(SQLite::Database& db, EpochNo epoch) {
  SQLite::Statement any{
      db,
      "SELECT EXISTS (SELECT 1 FROM series JOIN chunk ON chunk.series = series.no WHERE chunk.epoch = ?)"};
  any.bind(1, static_cast<int>(epoch));
  return any.executeStep() && any.getColumn(0).getInt() != 0;
}

void append(Columns& to, const Columns& more) {
  to.ts.insert(to.ts.end(), more.ts.begin(), more.ts.end());
  to.values.insert(to.values.end(), more.values.begin(), more.values.end());
  to.flags.insert(to.flags.end(), more.flags.begin(), more.flags.end());
}

void put_heartbeat(SQLite::Statement& insert, const HeartbeatRow& h) {
  insert.clearBindings();
  insert.bind(1, static_cast<int>(h.node)), insert.bind(2, count(h.ts));
  insert.bind(3, h.uptime_s), insert.bind(4, h.rssi_dbm), insert.bind(5, h.firmware);
  if (h.heap_bytes) insert.bind(6, *h.heap_bytes);
  if (h.lost) insert.bind(7, *h.lost);
  if (h.battery_v) insert.bind(8, *h.battery_v);
  insert.bind(9, h.reset);
  insert.exec(), insert.reset();
}

}  // namespace

// Where that stretch's readings go: to those settled for ever once nothing can move it any more, as else a
// box that starts each day would have its history in as many pieces. A stretch of which a part lies apart
// goes on so: what is written over that part must lie with it, or the old would be taken for the later.
EpochNo Writer::Impl::sealed_as(EpochNo epoch) {
  if (epoch == EpochNo{} || apart.contains(epoch)) return epoch;
  const auto it = epochs.find(epoch);
  if (it == epochs.end()) return epoch;
  if (!it->second.settled && (!may_settle(it->second, epochs.rbegin()->second) || has_chunks(*db, epoch))) {
    apart.insert(epoch);
    return epoch;
  }
  it->second.settled = true;
  return EpochNo{};
}

bool Writer::settled(EpochNo epoch) const {
  const auto it = impl_->epochs.find(epoch);
  return it != impl_->epochs.end() && it->second.settled;
}

// Decodes commits of the pass until the deadline; true: all of them.
bool Writer::Impl::seal_load(Deadline deadline) {
  const auto& entries = log->entries();
  auto entry = std::ranges::upper_bound(entries, sealing->loaded, {}, &LogEntry::id);
  for (; entry != entries.end() && entry->id <= sealing->cut; ++entry) {
    // What is damaged is told when it is dropped.
    (void)for_each_reading(entry->id, log->read(*entry), [&](const ReadingRow& r) {
      sealing->todo[{r.series, sealed_as(r.epoch)}].push_back(r);
    });
    sealing->loaded = entry->id;
    if (over(deadline)) return false;
  }
  return true;
}

// One series' readings over its chunks.
Result<void> Writer::Impl::seal_series(Shelf& shelf, SeriesNo series, std::vector<ReadingRow>& rows) {
  settle(rows);
  Columns older, merged;
  std::span<const ReadingRow> left{rows};
  while (!left.empty()) {
    auto place = shelf.place_of(series, left.front().ts);
    const auto next = place ? shelf.start_after(series, place->start) : std::nullopt;
    const auto end = std::ranges::find_if(left, [&](const ReadingRow& r) { return next && r.ts >= *next; });
    const auto group = left.first(static_cast<std::size_t>(end - left.begin()));
    left = left.subspan(group.size());
    const bool growing = place && !next && group.front().ts > place->end;
    if (growing) {
      if (auto sealed = seal_onto_end(shelf, series, group); !sealed) return sealed;
      continue;
    }
    if (place && !shelf.read(sealing->codec, series, *place, older)) {
      shelf.set_aside(*place);
      place.reset();
    }
    if (!place) older = {};
    lay_over(older, group, merged);
    if (place) shelf.remove(*place);
    if (auto put = put_pieces(shelf, series, merged, !next); !put) return put;
  }
  return {};
}

Result<void> Writer::Impl::put_pieces(Shelf& shelf, SeriesNo series, const Columns& columns, bool growing) {
  std::size_t at = 0;
  for (const std::size_t n : pieces(columns.ts.size(), growing)) {
    auto chunk = sealing->codec.encode(series, part_of(columns, at, n));
    if (!chunk) return std::unexpected(chunk.error());
    shelf.put(series, *chunk);
    at += n;
  }
  return {};
}

// Readings later than all that is sealed, together with the last chunks as long as those aren't more than
// twice as long as what has gathered. So a reading is written again only as often as its chunk's length has
// grown by half, not at each pass.
Result<void> Writer::Impl::seal_onto_end(Shelf& shelf, SeriesNo series, std::span<const ReadingRow> group) {
  Columns older, gathered;
  lay_over({}, group, gathered);
  while (const auto last = shelf.place_of(series, utc_ms(gathered.ts.front()))) {
    if (last->end >= utc_ms(gathered.ts.front()) || last->count >= limits::chunk_readings_max ||
        last->count > 2 * gathered.ts.size()) {
      break;
    }
    if (!shelf.read(sealing->codec, series, *last, older)) {
      shelf.set_aside(*last);
      continue;
    }
    shelf.remove(*last);
    append(older, gathered);
    std::swap(older, gathered);
  }
  return put_pieces(shelf, series, gathered, true);
}

// As many series as fit before the deadline, at least one.
Result<void> Writer::Impl::seal_some_series(Deadline deadline) {
  SQLite::Transaction transaction{*db, SQLite::TransactionBehavior::IMMEDIATE};
  {
    Shelf shelf{*db};
    do {
      auto next = sealing->todo.begin();
      shelf.of_epoch(next->first.second);
      if (auto sealed = seal_series(shelf, next->first.first, next->second); !sealed) return sealed;
      sealing->todo.erase(next);
    } while (!sealing->todo.empty() && !over(deadline));
  }
  keep_settled();
  transaction.commit();
  return {};
}

void Writer::Impl::keep_settled() {
  std::vector<EpochRow> rows;
  for (const auto& [no, row] : epochs) {
    if (row.settled && !settled_kept.contains(no)) rows.push_back(row);
  }
  put_epochs(*db, rows);
  for (const EpochRow& row : rows) settled_kept.insert(row.no);
}

// Drops commits whose readings are sealed; their heartbeats go to a table. True: all of them.
bool Writer::Impl::seal_drop(Deadline deadline) {
  SQLite::Transaction transaction{*db, SQLite::TransactionBehavior::IMMEDIATE};
  std::int64_t dropped = 0;
  std::int64_t gone = 0;
  {
    SQLite::Statement heartbeat{
        *db,
        "INSERT INTO heartbeat (node, ts, uptime_s, rssi_dbm, firmware, heap_bytes, lost, battery_v, reset) "
        "VALUES (?,?,?,?,?,?,?,?,?)"};
    Batch batch;
    for (const LogEntry& entry : log->entries()) {
      if (entry.id > sealing->cut || (dropped != 0 && over(deadline))) break;
      dropped = entry.id;
      gone += entry.readings;
      const auto whole = decode_commit(entry.id, log->read(entry), batch);
      if (!whole || entry.after_loss) note_loss(entry);
      if (!whole) continue;
      for (const HeartbeatRow& h : batch.heartbeats) put_heartbeat(heartbeat, h);
    }
    if (dropped != 0) log->drop_to(dropped);
  }
  transaction.commit();
  hot_readings -= gone;
  return log->entries().empty() || log->entries().front().id > sealing->cut;
}

// Commits that can't be read any more leave a gap behind that says so.
void Writer::Impl::note_loss(const LogEntry& entry) {
  const auto& entries = log->entries();
  const auto at = std::ranges::lower_bound(entries, entry.id, {}, &LogEntry::id);
  const UtcMs since = at == entries.begin() ? entry.received : std::prev(at)->received;
  SQLite::Statement put{*db, "INSERT INTO outage (cause, since, until) VALUES ('damaged', ?, ?)"};
  put.bind(1, count(since)), put.bind(2, count(entry.received));
  put.exec();
}

// Fills in those that are sealed, under whichever stretch of the core's clock: a file that was
// exported from here says true times. Late readings come in runs: a chunk is decoded once for all of its own.
void Writer::Impl::look_up_sealed(const MissingReadings& missing) {
  if (missing.empty()) return;
  Shelf shelf{*db};
  std::unique_ptr<ChunkCodec> codec;
  Columns columns;
  std::int64_t decoded = 0;  // the chunk that `columns` holds
  for (auto begin = missing.begin(); begin != missing.end();) {
    const SeriesNo series = begin->first.first;
    const auto end = missing.upper_bound({series, UtcMs::max()});
    // Of the same time the later stretch counts, as for readers.
    for (const EpochNo epoch : shelf.epochs(series)) {
      shelf.of_epoch(epoch);
      for (auto it = begin; it != end; ++it) {
        const std::int64_t ts = add_within(count(it->first.second), -shifts.of(epoch));
        const auto place = shelf.place_of(series, utc_ms(ts));
        if (!place || ts < count(place->start) || ts > count(place->end)) continue;
        if (!codec) codec = std::make_unique<ChunkCodec>();
        if (place->id != decoded && !shelf.read(*codec, series, *place, columns)) columns = {};
        decoded = place->id;
        const auto at = std::ranges::lower_bound(columns.ts, ts);
        if (at == columns.ts.end() || *at != ts) continue;
        const auto n = static_cast<std::size_t>(at - columns.ts.begin());
        *it->second = ReadingRow{series, utc_ms(ts), columns.values[n], columns.flags[n], epoch};
      }
    }
    begin = end;
  }
}

bool Writer::sealing() const { return impl_->sealing != nullptr; }
bool Writer::wants_sealing() const {
  return !sealing() && impl_->log &&
         (impl_->hot_readings > static_cast<std::int64_t>(limits::hot_readings_max) ||
          impl_->log->pages() > limits::log_pages_max);
}

Result<bool> Writer::seal_some(Ms budget, std::size_t hot_readings_max) {
  Impl& i = *impl_;
  if (i.outcome_unknown || !i.log)
    return fail(Errc::outcome_unknown, i.path + ": an earlier commit's outcome is unknown");
  const Deadline deadline = std::chrono::steady_clock::now() + budget;
  auto done = guarded(i.path, [&]() -> Result<bool> {
    if (!i.sealing) {
      if (i.hot_readings <= static_cast<std::int64_t>(hot_readings_max) &&
          i.log->pages() <= limits::log_pages_max) {
        return false;
      }
      const std::int64_t cut = find_cut(*i.db, *i.log, static_cast<std::int64_t>(hot_readings_max / 2));
      if (cut == 0) return false;
      if (!i.tail_commits.empty() && i.tail_commits.front().first <= cut) i.keep_tail();
      i.sealing = std::make_unique<Sealing>();
      i.sealing->cut = cut;
    }
    Sealing& pass = *i.sealing;
    if (!pass.all_loaded) {
      pass.all_loaded = i.seal_load(deadline);
    } else if (!pass.todo.empty()) {
      if (auto sealed = i.seal_some_series(deadline); !sealed) return std::unexpected(sealed.error());
    } else if (i.seal_drop(deadline)) {
      i.sealing.reset();
    }
    return true;
  });
  if (done && *done) return *done;
  i.sealing.reset();
  if (done) return std::unexpected(done->error());  // of the codec: what it began is rolled back
  i.outcome_unknown = true;
  return std::unexpected(done.error());
}

}  // namespace alona::store
