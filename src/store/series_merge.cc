#include "store/series_merge.h"

#include <algorithm>

#include "store/database.h"

namespace alona::store {
namespace {

// Or their transaction would go on.
struct EndOfWalks {
  std::deque<SQLite::Statement>& walks;
  ~EndOfWalks() {
    for (SQLite::Statement& walk : walks) walk.tryReset();
  }
};

}  // namespace

// ---- the clock's error ----

ClockShifts::ClockShifts(SQLite::Database& db) {
  SQLite::Statement rows{db, "SELECT no, shift FROM clock_epoch WHERE shift <> 0"};
  while (rows.executeStep())
    shifts_[static_cast<EpochNo>(rows.getColumn(0).getInt())] = rows.getColumn(1).getInt64();
}

void ClockShifts::set(EpochNo epoch, Ms shift) {
  if (shift == Ms{0}) {
    shifts_.erase(epoch);
  } else {
    shifts_[epoch] = shift.count();
  }
}

UtcMs ClockShifts::true_time(EpochNo epoch, UtcMs ts) const {
  return utc_ms(add_within(count(ts), of(epoch)));
}

std::int64_t ClockShifts::least() const {
  std::int64_t least = 0;
  for (const auto& [epoch, shift] : shifts_) least = std::min(least, shift);
  return least;
}

std::int64_t ClockShifts::most() const {
  std::int64_t most = 0;
  for (const auto& [epoch, shift] : shifts_) most = std::max(most, shift);
  return most;
}

// ---- the merge ----

SeriesMerge::SeriesMerge(SQLite::Database& db, ChunkCodec& codec, const ClockShifts& shifts)
    : codec_(codec),
      shifts_(shifts),
      db_(db),
      epochs_(db, "SELECT min(epoch) FROM chunk WHERE series = ? AND epoch > ?"),
      first_(db,
             "SELECT start FROM chunk WHERE series = ? AND epoch = ? AND start <= ? AND damaged = 0 "
             "ORDER BY start DESC LIMIT 1"),
      data_(db, "SELECT data FROM chunk WHERE id = ?") {}

void SeriesMerge::begin(std::span<const ReadingRow> newer) {
  sources_.clear();
  for (std::int64_t epoch = -1;;) {
    epochs_.bind(1, static_cast<int>(series_)), epochs_.bind(2, epoch);
    const bool more = epochs_.executeStep() && !epochs_.getColumn(0).isNull();
    if (more) epoch = epochs_.getColumn(0).getInt64();
    epochs_.reset();
    if (!more) break;
    begin_epoch(static_cast<EpochNo>(epoch));
  }
  Source log;
  for (const ReadingRow& r : newer) {
    if (count(r.ts) < from_ || count(r.ts) >= to_) continue;
    log.open.ts.push_back(count(r.ts)), log.open.values.push_back(r.value);
    log.open.flags.push_back(r.flags);
  }
  if (log.is_open()) sources_.push_back(std::move(log));
}

// From the last whole chunk that begins no later, for it may reach into the span.
void SeriesMerge::begin_epoch(EpochNo epoch) {
  Source source{.epoch = epoch, .shift = shifts_.of(epoch)};
  const std::int64_t from = add_within(from_, -source.shift);
  first_.bind(1, static_cast<int>(series_)), first_.bind(2, static_cast<int>(epoch)), first_.bind(3, from);
  const std::int64_t start = first_.executeStep() ? first_.getColumn(0).getInt64() : from;
  first_.reset();
  if (sources_.size() == heads_.size()) {
    heads_.emplace_back(db_,
                        "SELECT id, start, end, count, min, max, sum, marks, damaged FROM chunk "
                        "WHERE series = ? AND epoch = ? AND start >= ? ORDER BY start");
  }
  SQLite::Statement& heads = heads_[sources_.size()];
  heads.reset();
  heads.bind(1, static_cast<int>(series_)), heads.bind(2, static_cast<int>(epoch)), heads.bind(3, start);
  source.heads = &heads;
  next_chunk(source);
  if (source.next) sources_.push_back(std::move(source));
}

// Looks at the head of the chunk behind the one seen last.
void SeriesMerge::next_chunk(Source& source) {
  source.next.reset();
  if (source.heads == nullptr) return;
  SQLite::Statement& row = *source.heads;
  if (!row.executeStep() || add_within(row.getColumn(1).getInt64(), source.shift) >= to_) {
    source.heads = nullptr;
    return;
  }
  ChunkHead head{.id = row.getColumn(0).getInt64()};
  head.start = utc_ms(add_within(row.getColumn(1).getInt64(), source.shift));
  head.end = utc_ms(add_within(row.getColumn(2).getInt64(), source.shift));
  head.count = static_cast<std::uint32_t>(row.getColumn(3).getInt64());
  head.min = row.getColumn(4).getDouble(), head.max = row.getColumn(5).getDouble();
  head.sum = row.getColumn(6).getDouble();
  if (!row.getColumn(7).isNull()) head.marks = static_cast<std::uint8_t>(row.getColumn(7).getInt());
  head.damaged = row.getColumn(8).getInt() != 0;
  source.next = head;
}

// Unpacks the chunk that is next, what lies in the span of it, and looks at the one behind it.
void SeriesMerge::open(Source& source, MergeSink& sink) {
  Columns& c = source.open;
  source.at = 0;
  bool good = false;
  if (!source.next->damaged) {
    data_.bind(1, source.next->id);
    good = data_.executeStep() && codec_.decode(series_, blob(data_.getColumn(0)), c).has_value();
    data_.reset();
  }
  if (!good) {
    c = {};
    sink.gap(source.next->start, source.next->end);
  }
  if (source.shift != 0) {
    for (std::int64_t& ts : c.ts) ts = add_within(ts, source.shift);
  }
  const auto end = std::ranges::lower_bound(c.ts, to_) - c.ts.begin();
  c.ts.resize(static_cast<std::size_t>(end));
  source.at = static_cast<std::size_t>(std::ranges::lower_bound(c.ts, from_) - c.ts.begin());
  next_chunk(source);
}

bool SeriesMerge::whole(const Source& source, std::int64_t limit) const {
  const ChunkHead& head = *source.next;
  return !head.damaged && count(head.start) >= from_ && count(head.end) < to_ && count(head.end) < limit;
}

bool SeriesMerge::run(SeriesNo series, std::span<const ReadingRow> newer, UtcMs from, UtcMs to,
                      MergeSink& sink) {
  series_ = series, from_ = count(from), to_ = count(to);
  const EndOfWalks end{heads_};
  begin(newer);
  return merge(sink);
}

bool SeriesMerge::merge(MergeSink& sink) {
  while (true) {
    Source* first = nullptr;
    std::int64_t limit = never;  // the earliest of the others
    for (Source& source : sources_) {
      const std::int64_t head = source.head();
      if (head == never) continue;
      if (first == nullptr || head < first->head()) {
        if (first != nullptr) limit = first->head();
        first = &source;
      } else if (head == first->head()) {
        if (!first->is_open()) open(*first, sink);
        if (!source.is_open()) open(source, sink);
        // The later source's counts. What isn't there any more after opening sorts itself out next time.
        if (first->head() == head && source.head() == head) ++first->at;
        first = nullptr;
        break;
      } else {
        limit = std::min(limit, head);
      }
    }
    if (first == nullptr) {
      if (std::ranges::all_of(sources_, [](const Source& s) { return s.head() == never; })) return true;
      continue;
    }
    if (!first->is_open()) {
      // A chunk at a time may be left out; the head behind it isn't known before.
      if (whole(*first, limit) && sink.take_whole(*first->next)) {
        next_chunk(*first);
      } else {
        open(*first, sink);
      }
      continue;
    }
    const std::span<const std::int64_t> ts = std::span(first->open.ts).subspan(first->at);
    const auto n = static_cast<std::size_t>(
        ts.back() < limit ? ts.end() - ts.begin() : std::ranges::lower_bound(ts, limit) - ts.begin());
    const Slice slice{ts.first(n), std::span(first->open.values).subspan(first->at, n),
                      std::span(first->open.flags).subspan(first->at, n)};
    first->at += n;
    if (!sink.take(slice)) return false;
  }
}

}  // namespace alona::store
