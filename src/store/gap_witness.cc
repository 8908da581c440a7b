#include "store/gap_witness.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "store/clock_epochs.h"
#include "store/commit_record.h"
#include "store/reader_impl.h"

namespace alona::store {
namespace {

constexpr auto uptime_jitter = std::chrono::seconds{5};  // whole seconds, and the way to us
constexpr std::size_t readings_before = limits::gap_rhythm_min + 1;

UtcMs time_at(SQLite::Statement& s, int at) { return utc_ms(s.getColumn(at).getInt64()); }

class ToFinder final : public MergeSink {
 public:
  explicit ToFinder(GapFinder& finder) : finder_(finder) {}
  bool take(const Slice& slice) override { return finder_.slice(slice.ts, slice.flags), true; }
  void gap(UtcMs from, UtcMs to) override { finder_.damaged(from, to); }

 private:
  GapFinder& finder_;
};

void bind_span(SQLite::Statement& s, int first, Stretch span) {
  s.bind(first, count(span.from)), s.bind(first + 1, count(span.to));
}

}  // namespace

const GapWitness::Owner& GapWitness::owner(SeriesNo series) {
  const auto [at, fresh] = owners_.try_emplace(series);
  if (!fresh) return at->second;
  SQLite::Statement row{
      db_,
      "SELECT node.no, node.id, sensor, coalesce(interval, 0), sleep_ms FROM series JOIN node "
      "ON node.no = series.node WHERE series.no = ?"};
  row.bind(1, static_cast<int>(series));
  if (row.executeStep()) {
    at->second = {static_cast<NodeNo>(row.getColumn(0).getInt()), row.getColumn(1).getString(),
                  row.getColumn(2).getString(), Ms{row.getColumn(3).getInt64()},
                  Ms{row.getColumn(4).getInt64()}};
  }
  return at->second;
}

// ---- how often it speaks ----

// A sealed chunk says it in its header: its mean distance, gaps included, is patient enough. Of each stretch
// of the core's clock the last before the span is looked at, and the latest of them counts.
bool GapWitness::sealed_before(const HistoryQuery& query, Before& known) {
  SQLite::Statement epochs{db_, "SELECT min(epoch) FROM chunk WHERE series = ? AND epoch > ?"};
  SQLite::Statement row{
      db_,
      "SELECT start, end, count FROM chunk WHERE series = ? AND epoch = ? AND start < ? ORDER "
      "BY start DESC LIMIT 1"};
  UtcMs latest = UtcMs::min();
  for (std::int64_t epoch = -1;;) {
    epochs.bind(1, static_cast<int>(query.series)), epochs.bind(2, epoch);
    const bool more = epochs.executeStep() && !epochs.getColumn(0).isNull();
    if (more) epoch = epochs.getColumn(0).getInt64();
    epochs.reset();
    if (!more) break;
    const std::int64_t shift = shifts_.of(static_cast<EpochNo>(epoch));
    row.bind(1, static_cast<int>(query.series)), row.bind(2, epoch);
    row.bind(3, add_within(count(query.from), -shift));
    if (row.executeStep()) {
      const UtcMs start = utc_ms(add_within(row.getColumn(0).getInt64(), shift));
      const std::int64_t distances = row.getColumn(2).getInt64() - 1;
      known.any = true;
      if (start > latest && distances >= static_cast<std::int64_t>(limits::gap_distances_min)) {
        const Ms all{row.getColumn(1).getInt64() - row.getColumn(0).getInt64()};
        known.rhythm = Rhythm{all / distances, Ms{0}};
        latest = start;
      }
    }
    row.reset();
  }
  return known.any;
}

// The last times before the span that are still in the log of commits, ascending.
std::vector<UtcMs> GapWitness::logged_before(const HistoryQuery& query) {
  std::vector<UtcMs> times;
  const auto keep_last = [&] {
    std::ranges::sort(times);
    const auto same = std::ranges::unique(times);
    times.erase(same.begin(), same.end());
    if (times.size() > readings_before)
      times.erase(times.begin(), times.end() - static_cast<std::ptrdiff_t>(readings_before));
  };
  const auto take = [&](const ReadingRow& r) {
    if (r.series != query.series) return;
    if (const UtcMs ts = shifts_.true_time(r); ts < query.from) times.push_back(ts);
  };
  const UtcMs first = utc_ms(add_within(count(query.from), -shifts_.least()));
  LogWalk walk{db_};
  while (walk.next()) {
    if (walk.entry().readings == 0 || walk.entry().first >= first) continue;
    (void)for_each_reading(walk.entry().id, walk.record(), take);  // a damaged one is a gap already
    if (times.size() > 64 * readings_before) keep_last();
  }
  keep_last();
  return times;
}

GapWitness::Before GapWitness::before(const HistoryQuery& query, GapFinder& finder) {
  Before known;
  const bool sealed = sealed_before(query, known);
  if (sealed && (known.rhythm || finder.rhythm())) return known;
  const std::vector<UtcMs> times = logged_before(query);
  known.any |= !times.empty();
  for (std::size_t i = 1; i < times.size(); ++i) finder.learn(times[i] - times[i - 1]);
  return known;
}

// ---- what is known of that time ----

void GapWitness::add_box(Facts& facts, Stretch span) {
  const auto starts = load_starts(db_, static_cast<std::size_t>(limits::diary_rows_max));
  for (const Start& start : std::views::reverse(starts)) {
    if (!start.last) continue;
    const Explained dark{*start.last, start.at, start.before == RunEnd::power ? Cause::power : Cause::core};
    if (dark.from >= span.to || std::max(dark.from, dark.to) < span.from) continue;
    if (!start.dark) facts.dark_unknown.push_back(dark.from);
    if (dark.from >= dark.to) continue;
    // A core that crashes at each start makes one long darkness.
    if (!facts.box.empty() && facts.box.back().cause == dark.cause && dark.from <= facts.box.back().to) {
      facts.box.back().to = std::max(facts.box.back().to, dark.to);
    } else {
      facts.box.push_back(dark);
    }
  }
  SQLite::Statement outages{db_,
                            "SELECT since, coalesce(until, ?2), cause FROM outage WHERE since < ?2 AND "
                            "coalesce(until, ?2) > ?1"};
  bind_span(outages, 1, span);
  while (outages.executeStep())
    facts.box.push_back({time_at(outages, 0), time_at(outages, 1), cause_of(outages.getColumn(2).getText())});
}

void GapWitness::add_away(Facts& facts, NodeNo node, Stretch span) {
  struct Change {
    UtcMs at, seen;
    Presence state;
  };
  std::vector<Change> changes;
  SQLite::Statement rows{
      db_, fmt::format("SELECT at + {}, {}, state FROM presence WHERE node = ? ORDER BY id DESC", shift_sql,
                       last_seen_sql)};
  rows.bind(1, static_cast<int>(node));
  while (changes.size() < limits::gap_facts_max && rows.executeStep()) {
    const Change change{time_at(rows, 0), time_at(rows, 1),
                        static_cast<Presence>(rows.getColumn(2).getInt())};
    changes.push_back(change);
    if (change.at < span.from && change.state == Presence::online) break;
  }
  std::optional<Away> away;
  for (auto c = changes.rbegin(); c != changes.rend(); ++c) {
    if (c->state == Presence::online) {
      if (away) away->to = c->at, facts.away.push_back(*away);
      away.reset();
      continue;
    }
    if (c->state == Presence::never_seen) continue;
    if (!away) away = Away{.from = c->seen > UtcMs{} ? std::min(c->seen, c->at) : c->at, .to = {}};
    away->offline |= c->state == Presence::offline;
  }
  if (away) facts.away.push_back(*away);
}

bool GapWitness::numbered(NodeNo node) {
  SQLite::Statement row{db_,
                        "SELECT EXISTS(SELECT 1 FROM node_boot WHERE node = ?1) OR EXISTS(SELECT 1 FROM "
                        "window WHERE node = ?1)"};
  row.bind(1, static_cast<int>(node));
  return row.executeStep() && row.getColumn(0).getInt() != 0;
}

void GapWitness::add_starts(Facts& facts, NodeNo node, Stretch span) {
  facts.numbered = numbered(node);
  // The first one known is no restart, only the first time that anybody looked.
  SQLite::Statement rows{
      db_, fmt::format("WITH boots (at) AS (SELECT at + {} FROM node_boot WHERE node = ?1) SELECT "
                       "at FROM boots WHERE at > ?2 AND at <= ?3 AND at > (SELECT min(at) FROM "
                       "boots) ORDER BY at DESC LIMIT ?4",
                       shift_sql)};
  rows.bind(1, static_cast<int>(node));
  bind_span(rows, 2, span);
  rows.bind(4, static_cast<std::int64_t>(limits::gap_facts_max));
  while (rows.executeStep()) facts.starts.push_back(time_at(rows, 0));
}

// Of a node that doesn't number its messages: since when it ran, by the first heartbeat after each silence.
void GapWitness::add_runs(Facts& facts, NodeNo node, std::span<const Stretch> silences) {
  std::vector<std::optional<Stretch>> runs(silences.size());
  const auto offer = [&](UtcMs ts, std::int64_t uptime_s) {
    for (std::size_t i = 0; i < silences.size(); ++i) {
      if (ts >= silences[i].to && (!runs[i] || ts < runs[i]->to))
        runs[i] = Stretch{ts - std::chrono::seconds{uptime_s}, ts};
    }
  };
  SQLite::Statement row{db_,
                        "SELECT ts, uptime_s FROM heartbeat WHERE node = ? AND ts >= ? ORDER BY ts LIMIT 1"};
  for (const Stretch& silence : silences) {
    row.bind(1, static_cast<int>(node)), row.bind(2, count(silence.to));
    if (row.executeStep()) offer(time_at(row, 0), row.getColumn(1).getInt64());
    row.reset();
  }
  Batch batch;
  LogWalk walk{db_};
  while (walk.next()) {
    if (walk.entry().last < silences.front().to) continue;
    if (!decode_commit(walk.entry().id, walk.record(), batch)) continue;
    for (const HeartbeatRow& h : batch.heartbeats) {
      if (h.node == node) offer(h.ts, h.uptime_s);
    }
  }
  for (std::size_t i = 0; i < silences.size(); ++i) {
    if (!runs[i]) continue;
    if (runs[i]->from > silences[i].from + uptime_jitter) facts.starts.push_back(runs[i]->from);
    facts.same_run.push_back({runs[i]->from - uptime_jitter, runs[i]->to});
  }
}

void GapWitness::add_rejects(Facts& facts, const Owner& of, Stretch span) {
  const std::string all = "alona/" + of.id + "/telemetry";
  SQLite::Statement rows{
      db_,
      "SELECT first, last FROM reject WHERE topic IN (?3, ?4) AND first < ?2 AND last > ?1 "
      "ORDER BY id DESC LIMIT ?5"};
  bind_span(rows, 1, span);
  rows.bind(3, all), rows.bind(4, all + "/" + of.sensor);
  rows.bind(5, static_cast<std::int64_t>(limits::gap_facts_max));
  while (rows.executeStep())
    facts.of_readings.push_back({time_at(rows, 0), time_at(rows, 1), Cause::rejected});
}

Facts GapWitness::facts(const Owner& of, const GapFinder& finder, std::span<const Stretch> silences) {
  const Stretch span{silences.front().from, silences.back().to + limits::gap_settle};
  Facts facts;
  facts.sleep = of.sleep;
  add_box(facts, span);
  add_away(facts, of.node, span);
  add_starts(facts, of.node, span);
  if (!facts.numbered) add_runs(facts, of.node, silences);
  add_rejects(facts, of, span);
  for (const Stretch& run : finder.excluded())
    facts.of_readings.push_back({run.from, run.to, Cause::excluded});
  return facts;
}

// ---- the gaps ----

GapWitness::Found GapWitness::find(const HistoryQuery& query, GapFinder& finder, Ms shortest) {
  Found found;
  for (const Stretch& d : finder.damaged()) found.gaps.push_back({d.from, d.to, Cause::damaged});
  const UtcMs end = std::min(query.to, query.now);
  // What lies before the span matters only for its beginning, and for a span that holds few readings.
  Before earlier;
  std::optional<Rhythm> rhythm = finder.rhythm();
  const UtcMs head_end = finder.first().value_or(end);
  if (!rhythm || head_end - query.from > std::max(rhythm->patience(), shortest)) {
    earlier = before(query, finder);
    if (!rhythm) rhythm = finder.rhythm();
    if (!rhythm) rhythm = earlier.rhythm;
  }
  if (!rhythm) return found;
  found.rhythm = *rhythm;
  const Owner& of = owner(query.series);
  const Ms patience = std::max(rhythm->patience(), shortest);
  std::vector<Stretch> silences;
  if (earlier.any && head_end - query.from > patience) silences.push_back({query.from, head_end});
  std::ranges::copy(finder.silences(patience), std::back_inserter(silences));
  // A node that gathers and sends seldom is not silent yet.
  const Ms tail_patience = std::max<Ms>({patience, limits::gap_intervals * of.interval, 2 * of.sleep});
  if (finder.last() && end > *finder.last() + tail_patience) silences.push_back({*finder.last(), end});
  found.more = finder.more(patience);
  if (silences.empty()) return found;
  const Facts known = facts(of, finder, silences);
  for (const Stretch& silence : silences) {
    for (const Stretch& part : without(silence, finder.damaged()))
      std::ranges::copy(explain(part, *rhythm, known), std::back_inserter(found.gaps));
  }
  std::ranges::sort(found.gaps, {}, &Explained::from);
  return found;
}

void GapWitness::tell(const HistoryQuery& query, GapFinder& finder, History& history) {
  Found found = find(query, finder, history.bucket);
  history.more_gaps = found.more;
  if (found.gaps.size() > limits::gaps_max) {
    history.more_gaps = true;
    std::ranges::nth_element(found.gaps, found.gaps.begin() + limits::gaps_max, std::ranges::greater{},
                             [](const Explained& e) { return e.to - e.from; });
    found.gaps.resize(limits::gaps_max);
    std::ranges::sort(found.gaps, {}, &Explained::from);
  }
  for (const Explained& e : found.gaps) history.gaps.push_back({e.from, e.to, std::string(name(e.cause))});
}

// ---- day by day ----

Result<Completeness> Reader::completeness(NodeNo node, std::int32_t from_day, std::int32_t to_day,
                                          UtcMs now) {
  constexpr std::chrono::days one{1};
  const UtcMs from{std::chrono::sys_days{one * from_day}}, to{std::chrono::sys_days{one * (to_day + 1)}};
  auto read = impl_->ask([&]() -> Result<Completeness> {
    SQLite::Transaction one_moment{*impl_->db};
    const ClockShifts shifts{*impl_->db};
    GapWitness witness{*impl_->db, shifts};
    SeriesMerge merge = impl_->merge(shifts);
    Completeness all{.numbered = witness.numbered(node), .days = {}};
    Newer newer;
    SQLite::Statement series{*impl_->db, "SELECT no FROM series WHERE node = ?"};
    series.bind(1, static_cast<int>(node));
    while (series.executeStep()) newer[static_cast<SeriesNo>(series.getColumn(0).getInt())];
    std::vector<Stretch> of_log;
    impl_->scan_hot(newer, shifts, from, to,
                    [&](UtcMs since, UtcMs until) { of_log.push_back({since, until}); });
    std::map<std::int32_t, std::map<Cause, Ms>> parts;
    std::map<std::int32_t, double> missing;
    for (const auto& [no, rows] : newer) {
      GapFinder finder{from, to};
      for (const Stretch& lost : of_log) finder.damaged(lost.from, lost.to);
      ToFinder sink{finder};
      merge.run(no, rows, from, to, sink);
      const auto found = witness.find({.series = no, .from = from, .to = to, .now = now}, finder, Ms{0});
      std::map<std::int32_t, std::map<Cause, Ms>> own;
      for (const Explained& gap : found.gaps) {
        for (std::int32_t day = utc_day(gap.from); day <= utc_day(gap.to); ++day) {
          const UtcMs begun{std::chrono::sys_days{one * day}};
          const Ms part = std::min<UtcMs>(gap.to, begun + one) - std::max(gap.from, begun);
          if (part <= Ms{0}) continue;
          own[day][gap.cause] += part;
          if (found.rhythm.expected > Ms{0})
            missing[day] +=
                static_cast<double>(part.count()) / static_cast<double>(found.rhythm.expected.count());
        }
      }
      for (const auto& [day, causes] : own) {
        for (const auto& [cause, length] : causes) parts[day][cause] = std::max(parts[day][cause], length);
      }
    }
    for (const auto& [day, causes] : parts) {
      DayGaps& out = all.days.emplace_back(DayGaps{day, missing[day], {}});
      for (const auto& [cause, length] : causes) out.parts.push_back({std::string(name(cause)), length});
      std::ranges::sort(out.parts, std::ranges::greater{}, &DayGaps::Part::length);
    }
    return all;
  });
  if (!read) return std::unexpected(read.error());
  return std::move(*read);
}

}  // namespace alona::store
