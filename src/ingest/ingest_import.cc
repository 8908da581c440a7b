// Readings of a file, taken a slice at a time between two commits. They are no messages: no presence, no
// windows, and not in the counts of a day, in which sent = stored + rejected + repeated + pending.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <unordered_map>

#include "ingest/ingest.h"

namespace alona::ingest {
namespace {

using Name = std::tuple<std::string_view, std::string_view, std::string_view>;
Name name_of(const store::NamedReading& r) { return {r.node, r.sensor, r.unit}; }

// A file has its series in long stretches: nearly always it is the one before.
std::size_t count_of(std::vector<ImportCount>& counts, std::size_t before, const store::NamedReading& r) {
  const auto same = [&](const ImportCount& c) {
    return c.sensor == r.sensor && c.node == r.node && c.unit == r.unit;
  };
  if (before < counts.size() && same(counts[before])) return before;
  const auto found = std::ranges::find_if(counts, same);
  if (found != counts.end()) return static_cast<std::size_t>(found - counts.begin());
  counts.push_back({.node = r.node, .sensor = r.sensor, .unit = r.unit});
  return counts.size() - 1;
}

struct Key {
  std::size_t series;  // in the job's counts
  UtcMs ts;
  bool operator==(const Key&) const = default;
};
struct KeyHash {
  std::size_t operator()(const Key& k) const {
    return k.series * 0x9E3779B97F4A7C15u ^ static_cast<std::size_t>(count(k.ts));
  }
};

// What a file says is true time, and no later word about this core's clock moves it; but a correction
// belongs to the stretch of what it corrects, or that would count again once both are sealed.
store::ReadingRow row_of_import(store::SeriesNo series, const store::NamedReading& r,
                                const std::optional<store::ReadingRow>& kept) {
  if (!kept || kept->epoch == store::EpochNo{}) return {series, r.ts, r.value, r.flags};
  const auto flags = static_cast<std::uint8_t>((r.flags & ~store::flag::quality_mask) |
                                               (kept->flags & store::flag::quality_mask));
  return {series, kept->ts, r.value, flags, kept->epoch};
}

}  // namespace

Result<void> Ingest::import(ImportJob job) {
  if (imports_.size() >= limits::import_waiting_max)
    return fail(Errc::temporary, "other imports wait already", "Try again in a moment.");
  imports_.push_back(std::move(job));
  return {};
}

void Ingest::end_imports(const Error& why) {
  for (ImportJob& job : std::exchange(imports_, {})) job.done(std::unexpected(why));
}

// All that a job needs, before its first reading is stored.
Result<void> Ingest::room_for(const ImportJob& job) {
  std::set<std::string_view> nodes;
  std::set<Name> series;
  for (const store::NamedReading& r : job.readings) {
    NodeState* node = catalog_.find(r.node);
    if (node == nullptr) nodes.insert(r.node);
    if (node == nullptr || catalog_.find(*node, r.sensor, r.unit) == nullptr) series.insert(name_of(r));
  }
  const auto over = [](std::size_t all, std::size_t max, std::string_view what) {
    return fail(Errc::refused,
                fmt::format("with this file there would be {} {}, {} are allowed", all, what, max),
                fmt::format("Raise {} in [limits] of alona.toml and restart the core.", what));
  };
  if (const auto all = catalog_.nodes().size() + nodes.size(); !nodes.empty() && all > options_.nodes_max)
    return over(all, options_.nodes_max, "nodes");
  if (const auto all = catalog_.series_count() + series.size(); !series.empty() && all > options_.series_max)
    return over(all, options_.series_max, "series");
  return {};
}

// The series that a reading belongs to, made with its node if need be; a dry run makes none: null.
SeriesState* Ingest::series_of_import(const store::NamedReading& r, ImportCount& count, bool dry,
                                      store::Batch& batch) {
  NodeState* node = catalog_.find(r.node);
  count.node_made |= node == nullptr;
  SeriesState* series = node == nullptr ? nullptr : catalog_.find(*node, r.sensor, r.unit);
  count.series_made |= series == nullptr;
  if (series != nullptr || dry) return series;
  if (node == nullptr) {
    node = &catalog_.add_node(r.node, time_.now(), clock_.mono());
    batch.nodes.push_back(node->row);
  }
  series = &catalog_.add_series(*node, r.sensor, r.unit);
  batch.series.push_back(series->row);
  return series;
}

Result<void> Ingest::import_slice(ImportJob& job, std::span<const store::NamedReading> slice,
                                  store::Batch& batch) {
  struct Placed {
    std::size_t at;  // in the job's counts
    SeriesState* series;
    std::optional<std::size_t> asked;
  };
  std::vector<Placed> placed;
  std::vector<store::ReadingRow> asked;
  std::vector<SeriesState*> series_at;
  placed.reserve(slice.size());
  for (const store::NamedReading& r : slice) {
    const std::size_t at = count_of(job.counts, placed.empty() ? 0 : placed.back().at, r);
    if (at >= series_at.size()) series_at.resize(at + 1, nullptr);
    if (series_at[at] == nullptr) series_at[at] = series_of_import(r, job.counts[at], job.dry, batch);
    SeriesState* const series = series_at[at];
    Placed place{at, series, {}};
    // What is newer than all there is can't be known.
    if (series != nullptr && r.ts <= series->last.ts) {
      place.asked = asked.size();
      asked.push_back({series->row.no, r.ts, r.value, r.flags});
    }
    placed.push_back(place);
  }
  const auto known = writer_.known(asked);
  if (!known) return std::unexpected(known.error());
  std::unordered_map<Key, std::optional<double>, KeyHash> there{2 * slice.size()};
  for (std::size_t i = 0; i < slice.size(); ++i) {
    const store::NamedReading& r = slice[i];
    const Placed& place = placed[i];
    const auto kept = place.asked ? (*known)[*place.asked] : std::nullopt;
    std::optional<double>& value =
        there.try_emplace({place.at, r.ts}, kept ? std::optional{kept->value} : std::nullopt).first->second;
    ImportCount& count = job.counts[place.at];
    ++(!value ? count.fresh : *value == r.value ? count.known : count.corrected);
    if (value && *value == r.value) continue;
    value = r.value;
    if (!job.dry) batch.readings.push_back(row_of_import(place.series->row.no, r, kept));
  }
  return {};
}

// What the page may show: only a series' new last reading is news.
std::shared_ptr<const store::Batch> Ingest::imported_news(const store::Batch& batch) {
  auto news = std::make_shared<store::Batch>();
  news->received = batch.received;
  news->imported = true;
  news->nodes = batch.nodes, news->series = batch.series;
  std::map<store::SeriesNo, store::ReadingRow> last;
  for (const store::ReadingRow& r : batch.readings) {
    store::LastReading& known = catalog_.series(r.series).last;
    if (r.ts < known.ts || r.epoch != store::EpochNo{}) continue;
    known = {r.ts, r.value, r.flags};
    last[r.series] = r;
  }
  for (const auto& [series, reading] : last) news->readings.push_back(reading);
  return news;
}

Result<std::shared_ptr<const store::Batch>> Ingest::import_some() {
  ImportJob& job = imports_.front();
  const auto end = [this, &job](const Result<std::vector<ImportCount>>& how) {
    const auto done = std::move(job.done);
    imports_.pop_front();
    done(how);
  };
  store::Batch batch;
  batch.received = time_.now();
  batch.epoch = time_.epoch();
  if (job.next == 0) {
    if (auto room = room_for(job); !room) {
      end(std::unexpected(room.error()));
      return std::make_shared<const store::Batch>();
    }
  }
  const Mono begun = clock_.mono();
  const auto slice = std::span<const store::NamedReading>(job.readings).subspan(job.next);
  const auto now = slice.first(std::min(slice.size(), import_slice_));
  auto stored = import_slice(job, now, batch);
  if (stored && !batch.empty()) {
    batch.epochs = time_.unwritten();
    if (auto receipt = writer_.commit(batch); !receipt) stored = std::unexpected(receipt.error());
  }
  if (!stored) {
    end(std::unexpected(stored.error()));
    return std::unexpected(stored.error());
  }
  if (!batch.empty()) time_.committed(batch.received);
  auto news = imported_news(batch);
  job.next += now.size();
  const Ms took = clock_.mono() - begun;
  if (took > limits::import_slice) import_slice_ = std::max(import_slice_ / 2, limits::import_slice_min);
  if (took < limits::import_slice / 2 && now.size() == import_slice_)
    import_slice_ = std::min(import_slice_ * 2, limits::import_slice_max);
  if (job.next == job.readings.size()) end(std::move(job.counts));
  return news;
}

}  // namespace alona::ingest
