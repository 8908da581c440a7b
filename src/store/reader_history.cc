#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>

#include "store/bucketer.h"
#include "store/commit_record.h"
#include "store/gap_witness.h"
#include "store/reader_impl.h"

namespace alona::store {
namespace {

HeartbeatRow heartbeat_of(NodeNo node, SQLite::Statement& s) {
  HeartbeatRow h{.node = node,
                 .ts = utc_ms(s.getColumn(0).getInt64()),
                 .uptime_s = s.getColumn(1).getInt64(),
                 .rssi_dbm = s.getColumn(2).getInt(),
                 .firmware = s.getColumn(3).getString(),
                 .reset = s.getColumn(7).getString()};
  if (!s.getColumn(4).isNull()) h.heap_bytes = s.getColumn(4).getInt64();
  if (!s.getColumn(5).isNull()) h.lost = s.getColumn(5).getInt64();
  if (!s.getColumn(6).isNull()) h.battery_v = s.getColumn(6).getDouble();
  return h;
}

constexpr std::int64_t log_look = 64;  // commits between two looks at the clock

class ToBuckets final : public MergeSink {
 public:
  ToBuckets(Bucketer& bucketer, GapFinder& finder) : bucketer_(bucketer), finder_(finder) {}
  bool take(const Slice& slice) override {
    bucketer_.add(slice);
    finder_.slice(slice.ts, slice.flags);
    return true;
  }
  bool take_whole(const ChunkHead& chunk) override {
    if (!bucketer_.add_whole(chunk)) return false;
    finder_.whole(chunk.start, chunk.end, chunk.count);
    return true;
  }
  void gap(UtcMs from, UtcMs to) override { finder_.damaged(from, to); }

 private:
  Bucketer& bucketer_;
  GapFinder& finder_;
};

class ToExport final : public MergeSink {
 public:
  ToExport(const std::function<bool(const NamedReading&)>& sink, std::vector<Gap>& gaps)
      : sink_(sink), gaps_(gaps) {}
  NamedReading named;  // of the series that comes
  bool take(const Slice& slice) override {
    for (std::size_t i = 0; i < slice.ts.size(); ++i) {
      named.ts = utc_ms(slice.ts[i]), named.value = slice.values[i], named.flags = slice.flags[i];
      if (!sink_(named)) return false;
    }
    return true;
  }
  void gap(UtcMs from, UtcMs to) override { gaps_.push_back({from, to, ""}); }

 private:
  const std::function<bool(const NamedReading&)>& sink_;
  std::vector<Gap>& gaps_;
};

}  // namespace

// What a progress handler does within a statement.
void Reader::Impl::end_if_late() const {
  if (std::chrono::steady_clock::now() > deadline) throw SQLite::Exception("too late", SQLITE_INTERRUPT);
}

// What the log of commits holds of these series, settled. Damaged commits are passed over, and told to `gap`.
void Reader::Impl::scan_hot(Newer& newer, const ClockShifts& shifts, UtcMs from, UtcMs to,
                            const std::function<void(UtcMs, UtcMs)>& gap) {
  const auto take = [&](const ReadingRow& r) {
    const UtcMs ts = shifts.true_time(r);
    if (ts < from || ts >= to) return;
    if (const auto it = newer.find(r.series); it != newer.end())
      it->second.push_back({r.series, ts, r.value, r.flags, r.epoch});
  };
  // As the clock said it then, whichever clock that was.
  const UtcMs first = utc_ms(add_within(count(from), -shifts.most()));
  const UtcMs last = utc_ms(add_within(count(to), -shifts.least()));
  LogWalk walk{*db};
  end_if_late();
  UtcMs before = UtcMs::max();
  bool damaged = false;
  while (walk.next()) {
    const LogEntry& entry = walk.entry();
    if (entry.id % log_look == 0) end_if_late();
    if (entry.after_loss || damaged) gap(std::min(before, entry.received), entry.received);
    before = entry.received;
    const bool asked = entry.readings > 0 && entry.last >= first && entry.first < last;
    damaged = asked && !for_each_reading(entry.id, walk.record(), take);
  }
  if (walk.lost() || damaged) gap(before, UtcMs::max());
  for (auto& [series, of_series] : newer) settle(of_series);
}

SeriesMerge Reader::Impl::merge(const ClockShifts& shifts) {
  if (!codec) codec = std::make_unique<ChunkCodec>();
  return {*db, *codec, shifts};
}

Result<void> Reader::Impl::scan_commits(const std::function<bool(const LogEntry&)>& asked,
                                        const std::function<void(const Batch&)>& take) {
  Batch batch;
  LogWalk walk{*db};
  while (walk.next()) {
    if (walk.entry().id % log_look == 0) end_if_late();
    if (!asked(walk.entry())) continue;
    if (auto read = decode_commit(walk.entry().id, walk.record(), batch); !read) return read;
    take(batch);
  }
  return {};
}

Result<History> Reader::history(const HistoryQuery& query) {
  auto all = histories({query});
  if (!all) return std::unexpected(all.error());
  return std::move(all->front());
}

Result<std::vector<History>> Reader::histories(const std::vector<HistoryQuery>& queries) {
  Newer newer;
  UtcMs from = UtcMs::max(), to = UtcMs::min();
  for (const HistoryQuery& query : queries) {
    newer[query.series];
    from = std::min(from, query.from);
    to = std::max(to, query.to);
  }
  std::vector<History> histories;
  auto read = impl_->ask([&]() -> Result<void> {
    SQLite::Transaction one_moment{*impl_->db};
    std::vector<Stretch> of_log;
    const ClockShifts shifts{*impl_->db};
    GapWitness witness{*impl_->db, shifts};
    SeriesMerge merge = impl_->merge(shifts);
    impl_->scan_hot(newer, shifts, from, to,
                    [&](UtcMs since, UtcMs until) { of_log.push_back({since, until}); });
    for (const HistoryQuery& query : queries) {
      Bucketer bucketer{query};
      GapFinder finder{query.from, query.to};
      for (const Stretch& lost : of_log) finder.damaged(lost.from, lost.to);
      ToBuckets sink{bucketer, finder};
      merge.run(query.series, newer[query.series], query.from, query.to, sink);
      histories.push_back(bucketer.finish());
      witness.tell(query, finder, histories.back());
    }
    return {};
  });
  if (!read) return std::unexpected(read.error());
  if (!*read) return std::unexpected(read->error());
  return histories;
}

// Series by series: one decoded chunk and what is newer lie in memory, whatever the span.
Result<void> Reader::export_readings(const ExportFilter& filter,
                                     const std::function<bool(const NamedReading&)>& sink) {
  impl_->deadline = std::chrono::steady_clock::time_point::max();
  const UtcMs from = filter.from.value_or(UtcMs::min()), to = filter.to.value_or(UtcMs::max());
  auto done = guarded(impl_->path, [&]() -> Result<void> {
    SQLite::Transaction one_moment{*impl_->db};
    SQLite::Statement series{
        *impl_->db,
        "SELECT series.no, node.id, sensor, unit FROM series JOIN node ON node.no = series.node "
        "WHERE (?1 = '' OR node.id = ?1) AND (?2 = '' OR sensor = ?2) ORDER BY 2, 3, 4"};
    series.bind(1, filter.node), series.bind(2, filter.sensor);
    std::vector<std::pair<SeriesNo, NamedReading>> wanted;
    Newer newer;
    while (series.executeStep()) {
      const auto no = static_cast<SeriesNo>(series.getColumn(0).getInt());
      wanted.push_back({no,
                        {{},
                         series.getColumn(1).getString(),
                         series.getColumn(2).getString(),
                         series.getColumn(3).getString(),
                         0,
                         0}});
      newer[no];
    }
    std::vector<Gap> damaged;
    const auto note = [&](UtcMs since, UtcMs until) {
      if (since < to && until >= from) damaged.push_back({since, until, ""});
    };
    const ClockShifts shifts{*impl_->db};
    SeriesMerge merge = impl_->merge(shifts);
    impl_->scan_hot(newer, shifts, from, to, note);
    ToExport to_export{sink, damaged};
    for (auto& one : wanted) {
      to_export.named = std::move(one.second);
      if (!merge.run(one.first, newer[one.first], from, to, to_export)) return {};
    }
    if (damaged.empty()) return {};
    return fail(
        Errc::corrupt,
        fmt::format("{} stretches of the history are damaged, the first from {} on; everything else was "
                    "exported",
                    damaged.size(), iso8601(damaged.front().from)),
        "The newest proven backup may have them.");
  });
  if (!done) return std::unexpected(done.error());
  return *done;
}

Result<std::vector<HeartbeatRow>> Reader::heartbeats(NodeNo node, UtcMs from, UtcMs to, std::size_t max) {
  std::vector<HeartbeatRow> found;
  auto read = impl_->ask([&] {
    SQLite::Transaction one_moment{*impl_->db};
    SQLite::Statement rows{
        *impl_->db,
        "SELECT ts, uptime_s, rssi_dbm, firmware, heap_bytes, lost, battery_v, reset FROM heartbeat "
        "WHERE node = ? AND ts >= ? AND ts < ? ORDER BY ts"};
    rows.bind(1, static_cast<int>(node)), rows.bind(2, count(from)), rows.bind(3, count(to));
    while (rows.executeStep()) found.push_back(heartbeat_of(node, rows));
    return impl_->scan_commits([&](const LogEntry& entry) { return entry.last >= from && entry.first < to; },
                               [&](const Batch& batch) {
                                 for (const HeartbeatRow& h : batch.heartbeats) {
                                   if (h.node == node && h.ts >= from && h.ts < to) found.push_back(h);
                                 }
                               });
  });
  if (!read) return std::unexpected(read.error());
  if (!*read) return std::unexpected(read->error());
  if (found.size() > max) found.erase(found.begin(), found.end() - static_cast<std::ptrdiff_t>(max));
  return found;
}

Result<std::vector<DayCount>> Reader::counts(NodeNo node, std::int32_t from_day, std::int32_t to_day) {
  std::map<std::int32_t, CountRow> days;
  const auto add = [&](const CountRow& c) {
    if (c.node != node || c.day < from_day || c.day > to_day) return;
    CountRow& to = days[c.day];
    to.node = node, to.day = c.day;
    to.stored += c.stored, to.rejected += c.rejected, to.repeated += c.repeated, to.corrected += c.corrected;
    to.lost += c.lost, to.events += c.events, to.heartbeats += c.heartbeats;
  };
  auto read = impl_->ask([&]() -> Result<void> {
    SQLite::Transaction one_moment{*impl_->db};
    SQLite::Statement folded{
        *impl_->db,
        "SELECT day, stored, rejected, repeated, corrected, lost, events, heartbeats FROM node_day "
        "WHERE node = ? AND day BETWEEN ? AND ?"};
    folded.bind(1, static_cast<int>(node)), folded.bind(2, from_day), folded.bind(3, to_day);
    while (folded.executeStep()) {
      const auto field = [&](int at) { return static_cast<std::uint32_t>(folded.getColumn(at).getInt64()); };
      add({node, folded.getColumn(0).getInt(), field(1), field(2), field(3), field(4), field(5), field(6),
           field(7)});
    }
    const std::int64_t last = setting(*impl_->db, "folded");
    return impl_->scan_commits([last](const LogEntry& entry) { return entry.id > last; },
                               [&](const Batch& batch) {
                                 for (const CountRow& c : batch.counts) add(c);
                               });
  });
  if (!read) return std::unexpected(read.error());
  if (!*read) return std::unexpected(read->error());
  std::vector<DayCount> found;
  found.reserve(days.size());
  for (const auto& [day, row] : days) found.push_back({day, row});
  return found;
}

}  // namespace alona::store
