// The one way to change the database: the only read-write connection. Owned by the writer thread, or by a
// command while the core is stopped; not thread-safe.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/hash.h"
#include "store/rows.h"
#include "store/wear.h"

namespace alona::store {

enum class Open { existing, create };  // create: makes one where none is; an existing one is opened as it is

struct LastReading {
  UtcMs ts{};  // true time, as far as it is known
  double value = 0;
  std::uint8_t flags = 0;
  EpochNo epoch{};
};

// What the ingest needs to go on where the last commit ended. Its owner keeps it current itself; after a
// failed commit it is thrown away and loaded again, so that it never runs ahead of the disk.
struct State {
  std::vector<NodeRow> nodes;
  std::vector<SeriesRow> series;
  std::map<SeriesNo, LastReading> last;  // the latest by time
  std::map<NodeNo, PresenceRow> presence;
  std::map<NodeNo, Ms> interval;       // learned
  std::vector<WindowRow> windows;      // the last boots of each node, oldest first
  std::vector<TailEntry> tail;         // oldest first, at most limits::tail_messages
  std::vector<CountRow> counts_today;  // by node, of the latest day
  std::uint64_t readings_stored = 0;   // ever
  HashKey tail_key{};
  std::int64_t canary = 0;       // the mark that was stored last; 0: none yet
  UtcMs floor{};                 // the latest receipt ever committed, or since true time came
  std::vector<EpochRow> epochs;  // ascending
  std::vector<BaseRow> bases;    // ascending
};

struct Receipt {
  std::int64_t commit = 0;  // counts up
};

// What became of a damaged database (store/opening.h).
struct SalvageNote {
  UtcMs at{};
  std::string kept_as, why, report;
};

struct CheckRow {
  UtcMs at{};
  std::string kind;  // "quick", "full"
  bool whole = true;
  std::string detail;
  std::uint64_t unsealed = 0;  // pages without a checksum; not kept
};

// Readings to be taken out by hand, or brought back.
struct Exclusion {
  SeriesNo series{};
  UtcMs from{}, to{};  // [from, to), true time
  bool excluded = true;
};
struct ExclusionCount {
  std::size_t readings = 0;  // that lie there
  std::size_t changed = 0;   // the others were marked so already
};

class Writer {
 public:
  // not_found: there is none, and none is made. corrupt: not a database, or damaged. newer: of a newer
  // program. temporary: another process holds it. In each case the file is untouched. `base_vfs`: the SQLite
  // VFS below the checksums; a test puts its faults there. `tell`: hears of an upgrade, as migrate.h says.
  [[nodiscard]] static Result<Writer> open(const std::filesystem::path& path, Open how,
                                           const std::string& base_vfs = {},
                                           const std::function<void(const std::string& doing)>& tell = {});
  Writer(Writer&&) noexcept;
  Writer& operator=(Writer&&) noexcept;
  ~Writer();

  // Also after reopen(), before the next commit.
  [[nodiscard]] Result<State> load();

  // One transaction. A receipt means: on disk, survives a power cut.
  // disk_full, io: nothing stored. outcome_unknown: reopen() and load() find out; until then every call is
  // refused.
  [[nodiscard]] Result<Receipt> commit(const Batch& batch);
  [[nodiscard]] Result<void> reopen();

  // Marks readings, in one transaction with `batch`, which has none of its own; none is deleted. Where
  // nothing changes, nothing is written. refused: more than limits::exclude_readings_max. Fails as commit.
  [[nodiscard]] Result<ExclusionCount> exclude(const Exclusion& exclusion, Batch batch);

  // For each reading whether its (series, ts) is already kept: nothing, or what is there now, as it is
  // written, by the clock of its stretch. One pass over the history for all of them. Ascending in nothing;
  // result[i] belongs to readings[i].
  [[nodiscard]] Result<std::vector<std::optional<ReadingRow>>> known(const std::vector<ReadingRow>& readings);

  // Writes what is only in the log of commits into its tables, so that the next start needn't replay it.
  // Cheap; the ingest calls it every 30 minutes and at stop. `floor`: the latest receipt ever. A failure
  // counts as an unknown outcome: reopen() and load().
  [[nodiscard]] Result<void> fold(const std::map<NodeNo, Ms>& intervals, UtcMs floor);

  // Moves old readings from the log of commits into sealed chunks, about `budget` at a time, once the log
  // holds more than `hot_readings_max`; what is not folded stays. True: call again. failed: what
  // was sealed doesn't unpack to what went in; the readings stay in the log, nothing is changed. Any other
  // failure counts as an unknown outcome.
  [[nodiscard]] Result<bool> seal_some(Ms budget, std::size_t hot_readings_max = limits::hot_readings_max);

  // A part of it is on its way into sealed history as settled: it must not be moved any more.
  [[nodiscard]] bool settled(EpochNo epoch) const;

  // The log holds more than that, and no pass has begun: fold(), then seal_some().
  [[nodiscard]] bool wants_sealing() const;
  [[nodiscard]] bool sealing() const;

  // ---- proof (writer_proof.cc) ----
  // As store/check.h; corrupt: from now on what is open is closed without touching the file.
  [[nodiscard]] Result<void> check_start();
  [[nodiscard]] Result<void> note_salvage(const SalvageNote& note);
  // A check's outcome, and the chunks it found damaged: they are set aside. The last 100 are kept.
  [[nodiscard]] Result<void> put_check(const CheckRow& check,
                                       const std::vector<std::int64_t>& damaged_chunks);
  // Gives the pages of the file that have no checksum one, as they are, once a check has told of some
  // (store/checksum_vfs.h). About `budget`; true: call again.
  [[nodiscard]] Result<bool> seal_pages(Ms budget);

  // What the box itself went through (docs/gaps.md), each a small transaction of its own. A failure leaves
  // things as they were.
  struct RunStart {
    std::string boot;  // the kernel's id of this boot
    UtcMs at{};
    bool trusted = false;
    UtcMs floor{};  // the latest receipt ever committed
  };
  // How the run before ended is read from what it left; its outages that were still open end where it did.
  struct Started {
    std::int64_t event = 0;
    bool last_trusted = false;  // the run before it ended at a trusted time
  };
  [[nodiscard]] Result<Started> note_start(const RunStart& start);
  // The clock has become trusted: the start was at `at`, and how long the box was dark may be known now.
  [[nodiscard]] Result<void> settle_start(const Started& started, UtcMs at);
  [[nodiscard]] Result<void> note_stop(const std::string& boot, UtcMs at, bool trusted);
  // Every 10 minutes, so that a quiet house doesn't look like a dark one.
  [[nodiscard]] Result<void> note_alive(UtcMs at, bool trusted);
  // The row's number. Without an end it lasts until end_outage().
  [[nodiscard]] Result<std::int64_t> put_outage(std::string_view cause, UtcMs since,
                                                std::optional<UtcMs> until);
  [[nodiscard]] Result<void> end_outage(std::int64_t outage, UtcMs until);
  // Heartbeats older than 30 days: one an hour and node stays, with the lowest battery and the worst signal.
  // About `budget`; true: call again. What still lies in the log of commits has its turn later.
  [[nodiscard]] Result<bool> thin_heartbeats(UtcMs now, Ms budget);
  // ---- room and wear ----
  // The newest `days` of the write ledger.
  [[nodiscard]] Result<Ledger> ledger(int days);
  // Is added to the ledger with the next fold; kept in memory until one has succeeded.
  void note_wear(const std::vector<WearRow>& more, const WearBase& base);
  // Deletes some heartbeats older than `heartbeats_before`, else some of the oldest rejects, which stay
  // counted. False: there is nothing of either. The file keeps its size; reusable_bytes() grows.
  [[nodiscard]] Result<bool> drop_some(UtcMs heartbeats_before);
  // What the file holds free: taken for new rows before the disk is asked.
  [[nodiscard]] Result<std::uint64_t> reusable_bytes();
  // Thins sealed readings older than `before` (store/thin.h), the oldest first, for about `budget`: in each
  // step a few chunks of a series make a smaller one, in one transaction that needs no more room than
  // they do. False: there is nothing left to gain. Fails as seal_some.
  [[nodiscard]] Result<bool> thin_some(UtcMs before, Ms budget);

  [[nodiscard]] Result<void> put_user(const UserRow& user);  // new or changed; ends that user's sessions
  // With the sessions. not_found: no such user. refused: the last admin stays.
  [[nodiscard]] Result<void> remove_user(const std::string& name);
  [[nodiscard]] Result<void> put_session(const SessionRow& session);
  [[nodiscard]] Result<void> end_session(const std::string& token_hash);

 private:
  struct Impl;
  explicit Writer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace alona::store
