// Readings taken out by hand, or brought back: only their mark changes. What is in the log is written into it
// again, as any correction; what is sealed gets its chunk anew. One transaction for both.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "store/writer_impl.h"

namespace alona::store {
namespace {

struct SealedIn {
  EpochNo epoch{};
  ShelvedChunk chunk;
};

// What counts at one moment of true time.
struct Standing {
  ReadingRow row;              // as it is written
  std::optional<SealedIn> at;  // nothing: in the log
};
using Standings = std::map<UtcMs, Standing>;

bool marked(std::uint8_t flags) { return (flags & flag::excluded) != 0; }

std::unexpected<Error> too_many() {
  return fail(Errc::refused,
              fmt::format("more than {} readings lie in that stretch", limits::exclude_readings_max),
              "Take a shorter one; several in a row do the same.");
}

// Of the same time the later stretch counts, as for readers. False: too many.
bool add_sealed(Standings& to, Shelf& shelf, ChunkCodec& codec, const ClockShifts& shifts,
                const Exclusion& e) {
  Columns columns;
  for (const EpochNo epoch : shelf.epochs(e.series)) {
    shelf.of_epoch(epoch);
    const std::int64_t shift = shifts.of(epoch);
    const std::int64_t from = add_within(count(e.from), -shift), end = add_within(count(e.to), -shift);
    auto place = shelf.place_of(e.series, utc_ms(from));
    while (place && count(place->start) < end) {
      const bool near = count(place->end) >= from;
      if (near && shelf.read(codec, e.series, *place, columns)) {  // a damaged one is a gap already
        for (std::size_t i = 0; i < columns.ts.size(); ++i) {
          if (columns.ts[i] < from || columns.ts[i] >= end) continue;
          const ReadingRow row{e.series, utc_ms(columns.ts[i]), columns.values[i], columns.flags[i], epoch};
          to.insert_or_assign(utc_ms(columns.ts[i] + shift), Standing{row, SealedIn{epoch, *place}});
        }
        if (to.size() > limits::exclude_readings_max) return false;
      }
      const auto next = shelf.start_after(e.series, place->start);
      place = next ? shelf.place_of(e.series, *next) : std::nullopt;
    }
  }
  return true;
}

}  // namespace

Result<ExclusionCount> Writer::exclude(const Exclusion& e, Batch batch) {
  Impl& i = *impl_;
  if (i.outcome_unknown || !i.log)
    return fail(Errc::outcome_unknown, i.path + ": an earlier commit's outcome is unknown");
  Standings found;
  ChunkCodec codec;
  auto looked = guarded(i.path, [&]() -> Result<void> {
    Shelf shelf{*i.db};
    if (!add_sealed(found, shelf, codec, i.shifts, e)) return too_many();
    const UtcMs first = utc_ms(add_within(count(e.from), -i.shifts.most()));
    const UtcMs last = utc_ms(add_within(count(e.to), -i.shifts.least()));
    for (const LogEntry& entry : i.log->entries()) {
      if (entry.readings == 0 || entry.last < first || entry.first >= last) continue;
      auto read = for_each_reading(entry.id, i.log->read(entry), [&](const ReadingRow& r) {
        const UtcMs ts = i.shifts.true_time(r);
        if (r.series == e.series && ts >= e.from && ts < e.to) found.insert_or_assign(ts, Standing{r, {}});
      });
      if (!read) return read;
      if (found.size() > limits::exclude_readings_max) return too_many();
    }
    return {};
  });
  if (!looked) return std::unexpected(looked.error());
  if (!*looked) return std::unexpected(looked->error());

  ExclusionCount counted{.readings = found.size()};
  std::map<std::int64_t, std::pair<SealedIn, std::vector<std::int64_t>>> chunks;  // by id, the times in it
  for (auto& [ts, standing] : found) {
    if (marked(standing.row.flags) == e.excluded) continue;
    ++counted.changed;
    if (standing.at) {
      auto& [sealed, times] = chunks[standing.at->chunk.id];
      sealed = *standing.at;
      times.push_back(count(standing.row.ts));
    } else {
      standing.row.flags ^= flag::excluded;
      batch.readings.push_back(standing.row);
    }
  }
  if (counted.changed == 0) return counted;
  const auto seal_anew = [&]() -> Result<void> {
    Shelf shelf{*i.db};
    Columns columns;
    for (const auto& [id, one] : chunks) {
      const auto& [sealed, times] = one;
      shelf.of_epoch(sealed.epoch);
      if (!shelf.read(codec, e.series, sealed.chunk, columns))
        return fail(Errc::corrupt, fmt::format("{}: a sealed chunk no longer unpacks", i.path));
      for (const std::int64_t ts : times) {
        const auto at = std::ranges::lower_bound(columns.ts, ts) - columns.ts.begin();
        columns.flags[static_cast<std::size_t>(at)] ^= flag::excluded;
      }
      auto chunk = codec.encode(e.series, columns);
      if (!chunk) return std::unexpected(chunk.error());
      shelf.remove(sealed.chunk);
      shelf.put(e.series, *chunk);
    }
    return {};
  };
  if (auto done = i.commit(batch, seal_anew); !done) return std::unexpected(done.error());
  return counted;
}

}  // namespace alona::store
