#include "store/series_merge.h"

#include <algorithm>

#include "store/database.h"

namespace alona::store {
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
      epochs_(db, "SELECT min(epoch) FROM chunk WHERE series = ? AND epoch > ?"),
      first_(db,
             "SELECT start FROM chunk WHERE series = ? AND epoch = ? AND start <= ? AND damaged = 0 "
             "ORDER BY start DESC LIMIT 1"),
      next_(db,
            "SELECT id, start, end, count, min, max, sum, marks, damaged FROM chunk "
            "WHERE series = ?1 AND epoch = ?2 AND start >= ?3 AND (start > ?3 OR id > ?4) "
            "ORDER BY start, id LIMIT 1"),
      data_(db, "SELECT data FROM chunk WHERE id = ?") {}

void SeriesMerge::begin(std::span<const ReadingRow> newer) {
  sources_.clear();
  for (std::int64_t epoch = -1;;) {
    epochs_.bind(1, static_cast<int>(series_)), epochs_.bind(2, epoch);
    const bool more = epochs_.executeStep() && !epochs_.getColumn(0).isNull();
    if (more) epoch = epochs_.getColumn(0).getInt64();
    epochs_.reset();
    if (!more) break;
    Source source{.epoch = static_cast<EpochNo>(epoch), .has_chunks = true};
    source.shift = shifts_.of(source.epoch);
    const std::int64_t from = add_within(from_, -source.shift);
    first_.bind(1, static_cast<int>(series_)), first_.bind(2, epoch), first_.bind(3, from);
    source.after_start = first_.executeStep() ? first_.getColumn(0).getInt64() : from;
    first_.reset();
    next_chunk(source);
    if (source.next) sources_.push_back(std::move(source));
  }
  Source log;
  for (const ReadingRow& r : newer) {
    if (count(r.ts) < from_ || count(r.ts) >= to_) continue;
    log.open.ts.push_back(count(r.ts)), log.open.values.push_back(r.value);
    log.open.flags.push_back(r.flags);
  }
  if (log.is_open()) sources_.push_back(std::move(log));
}

// Looks at the head of the chunk behind the one seen last.
void SeriesMerge::next_chunk(Source& source) {
  source.next.reset();
  if (!source.has_chunks) return;
  next_.bind(1, static_cast<int>(series_)), next_.bind(2, static_cast<int>(source.epoch));
  next_.bind(3, source.after_start), next_.bind(4, source.after_id);
  source.has_chunks = next_.executeStep();
  if (source.has_chunks) {
    ChunkHead head{.id = next_.getColumn(0).getInt64()};
    source.after_start = next_.getColumn(1).getInt64(), source.after_id = head.id;
    head.start = utc_ms(add_within(source.after_start, source.shift));
    head.end = utc_ms(add_within(next_.getColumn(2).getInt64(), source.shift));
    head.count = static_cast<std::uint32_t>(next_.getColumn(3).getInt64());
    head.min = next_.getColumn(4).getDouble(), head.max = next_.getColumn(5).getDouble();
    head.sum = next_.getColumn(6).getDouble();
    if (!next_.getColumn(7).isNull()) head.marks = static_cast<std::uint8_t>(next_.getColumn(7).getInt());
    head.damaged = next_.getColumn(8).getInt() != 0;
    if (count(head.start) < to_) source.next = head;
  }
  next_.reset();
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
  begin(newer);
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
