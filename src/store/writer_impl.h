// Inside the store only: what a Writer holds. Split over writer.cc (open, commit), writer_load.cc (load,
// fold), writer_seal.cc and writer_diary.cc (what the box itself went through).
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "base/files.h"
#include "store/clock_epochs.h"
#include "store/commit_record.h"
#include "store/database.h"
#include "store/hot_log.h"
#include "store/series_merge.h"
#include "store/shelf.h"
#include "store/writer.h"

namespace alona::store {

// Prepared once per connection.
struct Statements {
  explicit Statements(SQLite::Database& db);
  SQLite::Statement put_node, put_series, insert_event, insert_error, insert_presence, update_reject,
      insert_reject;
};

// What the commits since the last fold say, summed up: fold() writes it into the tables. Rebuilt by load().
struct Pending {
  std::map<std::pair<NodeNo, std::int32_t>, CountRow> counts;
  struct Window {
    WindowRow row;
    std::int64_t seen = 0;
  };
  std::map<std::pair<NodeNo, std::uint32_t>, Window> windows;
  std::map<SeriesNo, LastReading> last;  // as its own clock said it
  void add(std::int64_t commit, const Batch& batch, const ClockShifts& shifts);
};

// A pass that moves the readings of the commits up to `cut` into chunks.
struct Sealing {
  std::int64_t cut = 0;
  std::int64_t loaded = 0;  // the last commit
  bool all_loaded = false;
  std::map<std::pair<SeriesNo, EpochNo>, std::vector<ReadingRow>> todo;  // in the order written
  ChunkCodec codec;
};

// Which series' chunks are looked at next for thinning, by their start: the oldest first.
struct Thinning {
  UtcMs before{};
  std::set<std::pair<UtcMs, SeriesNo>> next;
  ChunkCodec codec;
};

// Where to write a reading, by series and true time.
using MissingReadings = std::map<std::pair<SeriesNo, UtcMs>, std::optional<ReadingRow>*>;

struct Writer::Impl {
  std::string path;
  std::string vfs;
  files::Lock lock;
  std::unique_ptr<SQLite::Database> db;
  std::unique_ptr<Statements> statements;
  std::optional<HotLog> log;  // from load() on
  Pending pending;
  std::int64_t last_commit = 0;
  bool outcome_unknown = false;
  std::deque<std::pair<std::int64_t, std::size_t>> tail_commits;  // commit and its tail entries, oldest first
  std::size_t tail_size = 0;
  std::int64_t hot_readings = 0;
  std::unique_ptr<Sealing> sealing;
  std::map<EpochNo, EpochRow> epochs;
  ClockShifts shifts;
  std::set<EpochNo> settled_kept;  // of which the disk knows
  std::set<EpochNo> apart;         // sealed under their own number
  std::unique_ptr<Thinning> thinning;
  std::optional<std::int64_t> unsealed_from;  // seal_pages() goes on at that byte; nothing: it isn't needed
  std::map<std::int32_t, WearRow> wear;       // by day, not in the ledger yet
  WearBase wear_base;

  [[nodiscard]] Result<void> connect(const std::function<void(const std::string&)>& tell = {});
  // `before` runs first in the transaction; if it fails, nothing is stored.
  [[nodiscard]] Result<Receipt> commit(const Batch& batch, const std::function<Result<void>()>& before);
  void write_rows(const Batch& batch);
  void write_clock(std::int64_t commit, const Batch& batch);
  void note_epochs(const std::vector<EpochRow>& rows);
  [[nodiscard]] EpochNo sealed_as(EpochNo epoch);
  void note_tail(std::int64_t commit, std::size_t entries, bool emptied);
  void trim_rejects();
  void put_boot(const BootRow& row, EpochNo epoch);
  void keep_tail();
  void look_up_sealed(const MissingReadings& missing);
  [[nodiscard]] bool seal_load(std::chrono::steady_clock::time_point deadline);
  [[nodiscard]] Result<void> seal_series(Shelf& shelf, SeriesNo series, std::vector<ReadingRow>& rows);
  [[nodiscard]] Result<void> seal_onto_end(Shelf& shelf, SeriesNo series, std::span<const ReadingRow> group);
  [[nodiscard]] Result<void> put_pieces(Shelf& shelf, SeriesNo series, const Columns& columns, bool growing);
  [[nodiscard]] Result<void> seal_some_series(std::chrono::steady_clock::time_point deadline);
  [[nodiscard]] bool seal_drop(std::chrono::steady_clock::time_point deadline);
  void keep_settled();
  void note_loss(const LogEntry& entry);
  void fold_wear();
  void start_thinning(UtcMs before);
  [[nodiscard]] Result<void> thin_next(Shelf& shelf);
};

void add_counts(CountRow& to, const CountRow& delta);

}  // namespace alona::store
