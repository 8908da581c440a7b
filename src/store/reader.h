// Questions to the database. A Reader owns one read-only connection and belongs to one thread at a time; many
// may exist beside the one Writer. Every call ends at its deadline with Errc::temporary. Nothing here can
// change a byte.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "store/rows.h"
#include "store/starts.h"
#include "store/writer.h"

namespace alona::store {

struct Bucket {
  UtcMs start{};
  double min = 0, max = 0, sum = 0;
  std::uint32_t n = 0;
};

struct Gap {
  UtcMs from{}, to{};
  std::string cause;
};

struct History {
  Ms bucket{};                  // width; 0: every bucket is one reading at its own time; with edges: a day
  std::vector<Bucket> buckets;  // ascending, only those with readings
  std::vector<Gap> gaps;        // ascending; of those shorter than a bucket nothing is said
  bool more_gaps = false;       // only the longest limits::gaps_max are here
};

struct HistoryQuery {
  SeriesNo series{};
  UtcMs from{}, to{};  // [from, to)
  std::size_t points_max = 1000;
  // A silence that lasts is a gap up to here; by default it isn't one, for nobody knows whether it lasts.
  UtcMs now{};
  // Where buckets begin and the last one ends, instead of equal ones: ascending, the first not after `from`,
  // the last not before `to`. Then `points_max` doesn't count.
  std::vector<UtcMs> edges{};
};

struct RejectItem {
  std::int64_t id = 0;
  RejectRow row;
  UtcMs first{}, last{};
  std::uint64_t count = 0;
};

// A reading with its names, as export and import see it.
struct NamedReading {
  UtcMs ts{};
  std::string node, sensor, unit;
  double value = 0;
  std::uint8_t flags = 0;
};

struct ExportFilter {
  std::string node, sensor;       // empty: all
  std::optional<UtcMs> from, to;  // [from, to)
};

struct DayCount {
  std::int32_t day = 0;
  CountRow total;
};

// Chunks of one series that are set aside.
struct Damage {
  SeriesNo series{};
  UtcMs from{}, to{};
  std::uint64_t chunks = 0;
};

struct Proof {
  std::optional<SalvageNote> salvaged;
  std::optional<CheckRow> quick, full;  // the last of each
  std::vector<Damage> damage;
  std::int64_t upgraded_at = 0;  // ms; 0: never
};

// What is missing of a node's day.
struct DayGaps {
  std::int32_t day = 0;
  double missing = 0;  // readings that its series would have had, by their rhythm
  struct Part {
    std::string cause;
    Ms length{};  // of the series that missed most
  };
  std::vector<Part> parts;  // the longest first
};

struct Completeness {
  bool numbered = false;      // it numbers its messages: what was lost is counted (DayCount)
  std::vector<DayGaps> days;  // ascending; only those with gaps
};

class Reader {
 public:
  // not_found, corrupt, newer: as Writer::open.
  [[nodiscard]] static Result<Reader> open(const std::filesystem::path& path);
  Reader(Reader&&) noexcept;
  Reader& operator=(Reader&&) noexcept;
  ~Reader();

  // Every call after this one fails with temporary once `deadline` has passed. Default: 5 s from each call.
  void set_time_limit(Ms limit);

  [[nodiscard]] Result<std::vector<NodeRow>> nodes();
  [[nodiscard]] Result<std::vector<SeriesRow>> series();
  [[nodiscard]] Result<History> history(const HistoryQuery& query);
  // One pass for many series, for the overview's small trends: result[i] belongs to queries[i].
  [[nodiscard]] Result<std::vector<History>> histories(const std::vector<HistoryQuery>& queries);
  [[nodiscard]] Result<std::vector<EventRow>> events(std::optional<NodeNo> node, UtcMs from, UtcMs to,
                                                     std::size_t max);
  [[nodiscard]] Result<std::vector<ErrorRow>> errors(std::optional<NodeNo> node, UtcMs from, UtcMs to,
                                                     std::size_t max);
  [[nodiscard]] Result<std::vector<HeartbeatRow>> heartbeats(NodeNo node, UtcMs from, UtcMs to,
                                                             std::size_t max);
  [[nodiscard]] Result<std::vector<PresenceRow>> presence(std::optional<NodeNo> node, UtcMs from, UtcMs to,
                                                          std::size_t max);
  [[nodiscard]] Result<std::vector<DayCount>> counts(NodeNo node, std::int32_t from_day, std::int32_t to_day);
  // Reads all of the node's readings of those days, and looks at their gaps. Up to `now`.
  [[nodiscard]] Result<Completeness> completeness(NodeNo node, std::int32_t from_day, std::int32_t to_day,
                                                  UtcMs now);
  [[nodiscard]] Result<std::vector<RejectItem>> rejects(std::size_t max,
                                                        std::optional<std::int64_t> before_id = {});
  [[nodiscard]] Result<std::optional<RejectItem>> reject(std::int64_t id);
  // Series by series, oldest first, each (series, ts) once, the latest written wins. Stops early when `sink`
  // says false. corrupt: everything that can be read was handed over, and something is missing.
  [[nodiscard]] Result<void> export_readings(const ExportFilter& filter,
                                             const std::function<bool(const NamedReading&)>& sink);

  [[nodiscard]] Result<Proof> proof();
  // The newest first.
  [[nodiscard]] Result<std::vector<Start>> starts(std::size_t max);
  // The mark of the canary's reading that was stored last; 0: none was.
  [[nodiscard]] Result<std::int64_t> canary();

  [[nodiscard]] Result<std::optional<UserRow>> user(const std::string& name);
  [[nodiscard]] Result<std::vector<UserRow>> users();  // by name
  [[nodiscard]] Result<std::optional<SessionRow>> session(const std::string& token_hash);

 private:
  friend struct ReaderAccess;
  struct Impl;
  explicit Reader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace alona::store
