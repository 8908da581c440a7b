// The path of a message, from the bytes the broker delivered to the commit that keeps them: ingest.cc reads
// from top to bottom. Passive: its loop (ingest/service.h) hands it messages, asks whether a commit is due,
// and acknowledges what a commit has kept. Owned by the writer thread.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ingest/catalog.h"
#include "ingest/commit_due.h"
#include "ingest/core_time.h"
#include "ingest/counters.h"
#include "ingest/import_job.h"
#include "ingest/tail.h"
#include "mqtt/client.h"
#include "protocol/decode.h"
#include "store/writer.h"

namespace alona::ingest {

struct IngestOptions {
  Ms commit_interval = limits::commit_interval_default;
  std::size_t nodes_max = limits::nodes_max_default;
  std::size_t series_max = limits::series_max_default;
  bool discovery = false;  // any node that the broker lets in is made known
  // Whether the broker has a user of that name: such a node is known though it has no row yet. May be empty.
  std::function<bool(std::string_view node_id)> admitted;
  // The time that was saved beside the database, asked at each load(). May be empty.
  std::function<std::optional<UtcMs>()> saved_time;
  HouseClock* house = nullptr;  // what other threads ask for the time; outlives the ingest
};

// Where `alona health` sends a reading of its own, to see whether one gets through (docs/protocol.md).
inline constexpr std::string_view canary_topic = "alona/canary/telemetry";
inline constexpr std::string_view canary_sensor = "canary";

// "Your messages are stored", for one node.
struct Ack {
  std::string node;
  std::uint32_t boot = 0;
  std::uint32_t seq = 0;
};

struct Committed {
  std::shared_ptr<const store::Batch> changes;  // never null; may be empty
  std::vector<Ack> acks;
  bool moved = false;  // true time came: what lies behind was moved. fold() and load() show where it is now
};

class Ingest {
 public:
  Ingest(store::Writer& writer, const Clock& clock, IngestOptions options);

  // Makes the picture in memory what the disk says: at start, and after a commit that failed or whose outcome
  // is unknown. What was taken but not committed is forgotten; the broker delivers it again.
  [[nodiscard]] Result<void> load();
  // Everything known, as if it were new, for a listener that begins now.
  [[nodiscard]] std::shared_ptr<const store::Batch> everything() const;

  // The broker said yes. Without a session its packet ids begin anew, and the old tail is void.
  void connected(bool session_present);
  // Nothing more was waiting: from now on arrival is the time of sending.
  void backlog_drained() { backlog_ = false; }
  [[nodiscard]] bool backlog() const { return backlog_; }
  void take(const mqtt::Message& message);

  [[nodiscard]] const CommitDue& due() const { return due_; }
  [[nodiscard]] bool dirty() const { return due_.waiting() > 0 || !batch_->empty() || time_.moved(); }
  // One transaction for all that was taken. On failure call load() before anything else.
  [[nodiscard]] Result<Committed> commit();
  // Once a second: looks at the clock and at everybody's silence; changes go with the next commit.
  void tick();
  // A slice of sealing, when there is any to do: true. Only while nothing waits for a commit. Fails as
  // Writer::seal_some.
  [[nodiscard]] Result<bool> seal_some();
  // Folds the log into its tables: every 30 minutes and at stop, between commits.
  [[nodiscard]] Result<void> fold();

  // A visitor's word for what time it is; goes with the next commit. refused: as CoreTime::visitor.
  [[nodiscard]] Result<void> set_time(UtcMs utc, std::string_view who);

  // For the audit; goes with the next commit.
  void note(std::string_view who, std::string_view what);

  // Commands; the change goes with the next commit.
  [[nodiscard]] std::vector<store::NodeRow> nodes() const;
  // New, changed, removed or welcome again. The number of a new one must be the next; refused otherwise.
  [[nodiscard]] Result<void> put_node(const store::NodeRow& row);

  // Marks readings as taken out by hand, or no more, in a commit of its own. Of those that are committed.
  [[nodiscard]] Result<store::ExclusionCount> exclude(const store::Exclusion& what, std::string_view who,
                                                      std::string_view note);

  // Counters of one node go on behind a new meter, or a change is taken back: all of them or none, with the
  // next commit, and the diary says so. How they are then. not_found: no such node or series. refused: it
  // can't be done. temporary: what waited at the broker still comes, and some of it may be the old meter's.
  [[nodiscard]] Result<std::vector<CounterState>> change_counters(std::string_view node,
                                                                  const std::vector<CounterWish>& wishes,
                                                                  std::string_view who);
  // The same, but nothing is changed.
  [[nodiscard]] Result<void> check_counters(std::string_view node, const std::vector<CounterWish>& wishes);

  // Readings of a file. temporary: too many wait. The limits on nodes and series hold, for the job as a
  // whole.
  [[nodiscard]] Result<void> import(ImportJob job);
  [[nodiscard]] bool importing() const { return !imports_.empty(); }
  // Stores a slice in a commit of its own; only while nothing else waits for a commit. What the page may
  // show of it; may be empty. On failure call load() before anything else.
  [[nodiscard]] Result<std::shared_ptr<const store::Batch>> import_some();
  void end_imports(const Error& why);

  [[nodiscard]] UtcMs now() const { return time_.now(); }
  [[nodiscard]] UtcMs floor() const { return time_.floor(); }  // the latest receipt ever committed
  [[nodiscard]] bool clock_trusted() const { return time_.trusted(); }
  [[nodiscard]] store::ClockSource clock_source() const { return time_.source(); }
  [[nodiscard]] store::Writer& writer() { return writer_; }
  [[nodiscard]] const store::Writer& writer() const { return writer_; }
  [[nodiscard]] std::map<store::NodeNo, Ms> intervals() const;
  [[nodiscard]] std::uint64_t readings_stored() const { return readings_stored_; }  // ever, committed

 private:
  struct Arrival;  // one message on its way
  void refuse(Arrival& a, const protocol::Refusal& why);
  void refuse_topic(Arrival& a);
  void take_canary(Arrival& a);
  void refuse_part(Arrival& a, const protocol::Refusal& why, std::uint32_t readings, std::string_view text);
  [[nodiscard]] NodeState* known_node(std::string_view id);
  [[nodiscard]] bool seen_before(Arrival& a, const std::optional<protocol::Stamp::Sequence>& sequence);
  [[nodiscard]] bool seen_in_tail(Arrival& a);
  void settle_old_copy(Arrival& a, const protocol::Stamp::Sequence& sequence);
  void watch_for_redeliverys_end(Mono now);
  void void_tail();
  void store_telemetry(Arrival& a, protocol::Telemetry& telemetry, const protocol::Stamp& stamp);
  void store_reading(Arrival& a, const protocol::Reading& reading, bool bare);
  // A counter's reading as it is stored; nothing: with its base it is too large.
  [[nodiscard]] static std::optional<double> carried_on(const SeriesState& series, double value, UtcMs ts);
  void store_event(Arrival& a, protocol::Event& event, const protocol::Stamp& stamp);
  void store_heartbeat(Arrival& a, protocol::Heartbeat& heartbeat, const protocol::Stamp& stamp);
  void store_status(Arrival& a, const protocol::Status& status);
  void store_error(Arrival& a, protocol::NodeError& error, const protocol::Stamp& stamp);
  struct Judgement {
    UtcMs ts;
    std::uint8_t flags;
  };
  [[nodiscard]] Judgement judge_time(const Arrival& a, std::optional<UtcMs> ts, std::optional<Ms> age) const;
  [[nodiscard]] SeriesState* series_for(Arrival& a, const protocol::Reading& reading, bool bare);
  void note_presence(NodeState& node);
  void note_sleep(NodeState& node, Ms sleep);
  [[nodiscard]] Result<void> part_aged();
  [[nodiscard]] Result<void> drop_repeats();
  void gather_bookkeeping();
  [[nodiscard]] Result<SeriesState*> counter_of(NodeState& node, const CounterWish& wish);
  [[nodiscard]] Result<std::vector<store::BaseRow>> plan_counters(std::string_view node,
                                                                  const std::vector<CounterWish>& wishes);
  void clock_changed(const CoreTime::Change& change);
  [[nodiscard]] Result<void> room_for(const ImportJob& job);
  [[nodiscard]] SeriesState* series_of_import(const store::NamedReading& reading, ImportCount& count,
                                              bool dry, store::Batch& batch);
  [[nodiscard]] Result<void> import_slice(ImportJob& job, std::span<const store::NamedReading> slice,
                                          store::Batch& batch);
  [[nodiscard]] std::shared_ptr<const store::Batch> imported_news(const store::Batch& batch);

  store::Writer& writer_;
  const Clock& clock_;
  const IngestOptions options_;
  CoreTime time_;
  CommitDue due_;
  Catalog catalog_;
  Tail tail_;
  HashKey tail_key_{};
  std::int32_t today_ = 0;
  std::uint64_t readings_stored_ = 0;
  std::int64_t canary_ = 0;  // the mark that came last
  bool backlog_ = false;
  // The broker may be delivering again what it had delivered before; only then is a match in the tail a
  // repeat.
  bool redelivery_ = false;
  std::size_t taken_since_connect_ = 0;
  Mono last_taken_{};  // or committed: our own slowness is no quiet line
  std::shared_ptr<store::Batch> batch_ = std::make_shared<store::Batch>();
  std::deque<ImportJob> imports_;
  std::size_t import_slice_ = 512;  // readings; learned
  // Indices of the batch's readings whose time isn't new for their series; of them those timed by an age.
  std::vector<std::size_t> late_, aged_;
};

}  // namespace alona::ingest
