#include <algorithm>
#include <map>
#include <unordered_map>

#include "store/bucketer.h"
#include "store/commit_record.h"
#include "store/reader_impl.h"

namespace alona::store {
namespace {

std::span<const std::uint8_t> blob(const SQLite::Column& column) {
  return {static_cast<const std::uint8_t*>(column.getBlob()), static_cast<std::size_t>(column.getBytes())};
}

}  // namespace

Result<void> Reader::Impl::scan(UtcMs from, UtcMs to, const std::function<void(const ReadingRow&)>& take) {
  SQLite::Statement rows{*db, "SELECT id, data FROM hot WHERE last >= ? AND first < ? AND n > 0 ORDER BY id"};
  rows.bind(1, count(from)), rows.bind(2, count(to));
  while (rows.executeStep()) {
    if (auto read = for_each_reading(rows.getColumn(0).getInt64(), blob(rows.getColumn(1)), take); !read)
      return read;
  }
  return {};
}

Result<void> Reader::Impl::scan_commits(UtcMs from, UtcMs to, const std::function<void(const Batch&)>& take) {
  Batch batch;
  SQLite::Statement rows{*db, "SELECT id, data FROM hot WHERE last >= ? AND first < ? ORDER BY id"};
  rows.bind(1, count(from)), rows.bind(2, count(to));
  while (rows.executeStep()) {
    if (auto read = decode_commit(rows.getColumn(0).getInt64(), blob(rows.getColumn(1)), batch); !read)
      return read;
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
  std::vector<Bucketer> bucketers(queries.begin(), queries.end());
  std::unordered_multimap<int, Bucketer*> of_series;
  UtcMs from = UtcMs::max(), to = UtcMs::min();
  for (Bucketer& b : bucketers) {
    of_series.emplace(static_cast<int>(b.query().series), &b);
    from = std::min(from, b.query().from);
    to = std::max(to, b.query().to);
  }
  auto read = impl_->ask([&] {
    return impl_->scan(from, to, [&](const ReadingRow& r) {
      const auto [begin, end] = of_series.equal_range(static_cast<int>(r.series));
      for (auto it = begin; it != end; ++it) it->second->add(r);
    });
  });
  if (!read) return std::unexpected(read.error());
  if (!*read) return std::unexpected(read->error());
  std::vector<History> histories;
  histories.reserve(bucketers.size());
  for (Bucketer& b : bucketers) histories.push_back(b.finish());
  return histories;
}

namespace {

struct Wanted {
  std::map<SeriesNo, NamedReading> names;  // ts, value and flags are filled in per reading
  UtcMs from{}, to{};
};

// Which series the filter asks for, and the span of time that exists.
Wanted wanted(SQLite::Database& db, const ExportFilter& filter) {
  Wanted w;
  SQLite::Statement series{
      db,
      "SELECT series.no, node.id, sensor, unit FROM series JOIN node ON node.no = series.node WHERE "
      "(?1 = '' OR node.id = ?1) AND (?2 = '' OR sensor = ?2)"};
  series.bind(1, filter.node), series.bind(2, filter.sensor);
  while (series.executeStep()) {
    w.names[static_cast<SeriesNo>(series.getColumn(0).getInt())] = {{},
                                                                    series.getColumn(1).getString(),
                                                                    series.getColumn(2).getString(),
                                                                    series.getColumn(3).getString(),
                                                                    0,
                                                                    0};
  }
  SQLite::Statement span{db, "SELECT min(first), max(last) FROM hot WHERE n > 0"};
  span.executeStep();
  w.from = std::max(filter.from.value_or(UtcMs::min()), utc_ms(span.getColumn(0).getInt64()));
  w.to = std::min(filter.to.value_or(UtcMs::max()), utc_ms(span.getColumn(1).getInt64() + 1));
  return w;
}

// Sorted by time, then series; of the same (series, ts) only the last written.
void settle(std::vector<ReadingRow>& rows) {
  std::ranges::stable_sort(rows, [](const ReadingRow& a, const ReadingRow& b) {
    return std::pair{a.ts, a.series} < std::pair{b.ts, b.series};
  });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i + 1 < rows.size() && rows[i + 1].ts == rows[i].ts && rows[i + 1].series == rows[i].series) continue;
    rows[kept++] = rows[i];
  }
  rows.resize(kept);
}

}  // namespace

// A UTC day at a time: memory is bounded by one day's readings, whatever the span.
Result<void> Reader::export_readings(const ExportFilter& filter,
                                     const std::function<bool(const NamedReading&)>& sink) {
  impl_->deadline = std::chrono::steady_clock::time_point::max();
  bool more = true;
  auto done = guarded(impl_->path, [&]() -> Result<void> {
    SQLite::Transaction one_moment{*impl_->db};
    Wanted w = wanted(*impl_->db, filter);
    std::vector<ReadingRow> rows;
    UtcMs from = w.from;
    while (from < w.to && more) {
      const UtcMs to =
          std::min<UtcMs>(w.to, std::chrono::floor<std::chrono::days>(from) + std::chrono::days{1});
      rows.clear();
      auto read = impl_->scan(from, to, [&](const ReadingRow& r) {
        if (r.ts >= from && r.ts < to && w.names.contains(r.series)) rows.push_back(r);
      });
      if (!read) return read;
      settle(rows);
      for (const ReadingRow& r : rows) {
        NamedReading& named = w.names[r.series];
        named.ts = r.ts, named.value = r.value, named.flags = r.flags;
        if (more = sink(named); !more) break;
      }
      from = to;
      if (rows.empty()) {
        // Nothing that day: on to the next day that has something, be it years ahead.
        SQLite::Statement next{*impl_->db, "SELECT min(max(first, ?1)) FROM hot WHERE n > 0 AND last >= ?1"};
        next.bind(1, count(from));
        next.executeStep();
        if (next.getColumn(0).isNull()) break;
        from = std::max(from, utc_ms(next.getColumn(0).getInt64()));
      }
    }
    return {};
  });
  if (!done) return std::unexpected(done.error());
  return *done;
}

Result<std::vector<HeartbeatRow>> Reader::heartbeats(NodeNo node, UtcMs from, UtcMs to, std::size_t max) {
  std::vector<HeartbeatRow> found;
  auto read = impl_->ask([&] {
    return impl_->scan_commits(from, to, [&](const Batch& batch) {
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
    Batch batch;
    SQLite::Statement rows{
        *impl_->db,
        "SELECT id, data FROM hot WHERE id > coalesce((SELECT value FROM setting WHERE name = "
        "'folded'), 0) ORDER BY id"};
    while (rows.executeStep()) {
      if (auto ok = decode_commit(rows.getColumn(0).getInt64(), blob(rows.getColumn(1)), batch); !ok)
        return ok;
      for (const CountRow& c : batch.counts) add(c);
    }
    return {};
  });
  if (!read) return std::unexpected(read.error());
  if (!*read) return std::unexpected(read->error());
  std::vector<DayCount> found;
  found.reserve(days.size());
  for (const auto& [day, row] : days) found.push_back({day, row});
  return found;
}

}  // namespace alona::store
