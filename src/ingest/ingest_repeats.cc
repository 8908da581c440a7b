// What a commit does with readings whose time isn't new for their series: those with an age are parted, the
// others are repeats or corrections.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "ingest/ingest.h"

namespace alona::ingest {
namespace {

struct Key {
  store::SeriesNo series;
  UtcMs ts;
  bool operator==(const Key&) const = default;
};

struct KeyHash {
  std::size_t operator()(const Key& k) const {
    return static_cast<std::size_t>(k.series) * 0x9E3779B97F4A7C15u ^ static_cast<std::size_t>(count(k.ts));
  }
};

Key key(const store::ReadingRow& row) { return {row.series, row.ts}; }

}  // namespace

// What waited at the broker is received at once, so two readings of one series may come out at one time by
// their ages. They are two nevertheless, for a message that comes twice was dropped before: the later one
// moves on to the next free millisecond. Each round looks twice as far ahead, lest a long row of stored
// neighbours be felt along one by one.
Result<void> Ingest::part_aged() {
  if (aged_.empty()) return {};
  std::vector<store::ReadingRow>& rows = batch_->readings;
  std::vector<bool> is_aged(rows.size());
  for (const std::size_t i : aged_) is_aged[i] = true;
  std::unordered_set<Key, KeyHash> taken, looked_up;
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (!is_aged[i]) taken.insert(key(rows[i]));
  std::ranges::stable_sort(aged_, {}, [&](std::size_t i) { return std::pair{rows[i].series, rows[i].ts}; });

  for (std::int64_t ahead = 0;; ahead = 2 * ahead + 1) {
    std::vector<store::ReadingRow> asked;
    const store::ReadingRow* before = nullptr;
    for (const std::size_t i : aged_) {
      store::ReadingRow& row = rows[i];
      if (before != nullptr && before->series == row.series) row.ts = std::max(row.ts, before->ts + Ms{1});
      while (taken.contains(key(row))) row.ts += Ms{1};
      before = &row;
      if (looked_up.contains(key(row))) continue;
      store::ReadingRow place = row;
      for (std::int64_t k = 0; k <= ahead; ++k, place.ts += Ms{1})
        if (looked_up.insert(key(place)).second) asked.push_back(place);
    }
    const auto known = writer_.known(asked);
    if (!known) return std::unexpected(known.error());
    bool met = false;
    for (std::size_t k = 0; k < asked.size(); ++k)
      if ((*known)[k]) met = taken.insert(key(asked[k])).second || met;
    if (!met) break;
  }
  for (const std::size_t i : aged_) {
    store::LastReading& last = catalog_.series(rows[i].series).last;
    if (rows[i].ts > last.ts) last = {rows[i].ts, rows[i].value, rows[i].flags, rows[i].epoch};
  }
  aged_.clear();
  return {};
}

// The same series and time again: an equal value is a repeat and leaves, another value a correction and
// stays.
Result<void> Ingest::drop_repeats() {
  if (late_.empty()) return {};
  std::vector<store::ReadingRow> asked;
  asked.reserve(late_.size());
  for (const std::size_t i : late_) asked.push_back(batch_->readings[i]);
  const auto kept = writer_.known(asked);
  if (!kept) return std::unexpected(kept.error());
  std::unordered_map<Key, std::optional<double>, KeyHash> there{2 * asked.size()};
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const auto& row = (*kept)[i];
    there.emplace(key(asked[i]), row ? std::optional{row->value} : std::nullopt);
  }
  std::size_t next_late = 0;
  std::size_t out = 0;
  std::vector<store::ReadingRow>& rows = batch_->readings;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const bool late = next_late < late_.size() && late_[next_late] == i;
    if (late) ++next_late;
    if (const auto it = there.find(key(rows[i])); it != there.end()) {
      store::CountRow& delta = catalog_.node(catalog_.series(rows[i].series).row.node).delta;
      if (late && it->second && *it->second == rows[i].value) {
        --delta.stored;
        ++delta.repeated;
        continue;
      }
      if (late && it->second) ++delta.corrected;
      it->second = rows[i].value;
    }
    rows[out++] = rows[i];
  }
  rows.resize(out);
  return {};
}

}  // namespace alona::ingest
