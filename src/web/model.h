// The web thread's own picture of the house: nodes, series, last values, presence, counts of today, what
// happened. Made only of the batches that the writer posts after each commit; the first one carries
// everything. Small: the limits on nodes and series bound it.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "room/keeper.h"
#include "store/rows.h"
#include "web/finding.h"

namespace alona::web {

struct NodeState {
  store::NodeRow row;
  store::Presence presence = store::Presence::never_seen;
  UtcMs presence_since{};
  std::optional<UtcMs> last_seen;
  std::optional<Ms> interval;
  std::optional<store::HeartbeatRow> heartbeat;

  [[nodiscard]] const std::string& name() const { return row.name.empty() ? row.id : row.name; }
};

struct SeriesState {
  store::SeriesRow row;
  std::optional<store::ReadingRow> last;  // the latest by time
  std::vector<store::BaseRow> bases{};    // ascending: how a counter goes on
};

struct BackupNews {
  std::optional<UtcMs> newest, proven;  // when the newest that is whole was taken; when one was last proven
};

struct Happened {
  UtcMs t{};
  std::string node;  // empty: the box itself
  std::string text;
};

class Model {
 public:
  // What changed beyond values, for the live stream.
  struct Changes {
    bool catalog = false;                 // a node or series is new or renamed
    std::vector<store::NodeNo> presence;  // of these
    std::vector<Happened> happened;
  };
  // The writer's first message: all there is. `stored_before`: readings ever stored, those of the batch's
  // counts included.
  void start(const store::Batch& everything, std::uint64_t stored_before,
             const std::map<store::NodeNo, Ms>& intervals);
  Changes apply(const store::Batch& batch);
  void set_intervals(const std::map<store::NodeNo, Ms>& intervals);
  // True when it was different before.
  bool set_broker(bool connected, UtcMs now);
  void set_storing(std::optional<Error> failed, UtcMs now);
  // True when the step is another than before.
  bool set_disk(std::shared_ptr<const room::Picture> disk);
  // What others have found, by who they are; replaces their last.
  void set_notices(const std::string& source, std::vector<Finding> notices) {
    notices_[source] = std::move(notices);
  }
  [[nodiscard]] const std::map<std::string, std::vector<Finding>>& notices() const { return notices_; }
  void set_backups(BackupNews news) { backups_ = news; }
  [[nodiscard]] const BackupNews& backups() const { return backups_; }
  void remember(Happened happened);  // keeps the newest limits::recent_max, newest first

  [[nodiscard]] bool started() const { return started_; }
  [[nodiscard]] bool broker_connected() const { return broker_connected_; }
  [[nodiscard]] UtcMs broker_since() const { return broker_since_; }
  // What keeps the writer from storing, and since when.
  [[nodiscard]] const std::optional<Error>& storing_failed() const { return storing_failed_; }
  [[nodiscard]] const room::Picture& disk() const { return *disk_; }
  [[nodiscard]] UtcMs storing_failed_since() const { return storing_failed_since_; }
  // Those that are welcome, by id.
  [[nodiscard]] std::vector<const NodeState*> nodes() const;
  [[nodiscard]] const NodeState* node(std::string_view id) const;
  [[nodiscard]] const NodeState* node(store::NodeNo no) const;
  [[nodiscard]] const SeriesState* series(store::SeriesNo no) const;
  [[nodiscard]] std::vector<const SeriesState*> series_of(store::NodeNo no) const;
  [[nodiscard]] const std::map<store::SeriesNo, SeriesState>& all_series() const { return series_; }
  // Who said what time it is, as the last commit knew; nothing before the first message.
  [[nodiscard]] std::optional<store::ClockSource> clock_source() const { return clock_source_; }
  [[nodiscard]] std::uint64_t readings_stored() const { return stored_; }
  [[nodiscard]] std::uint64_t rejected_on(std::int32_t day) const {
    return day == rejected_day_ ? rejected_ : 0;
  }
  [[nodiscard]] const std::deque<Happened>& recent() const { return recent_; }

 private:
  void note_base(const store::BaseRow& row);
  void note_counts(const std::vector<store::CountRow>& counts, bool add_stored);
  void note_clock(const std::vector<store::EpochRow>& epochs);
  void note_presence(const store::PresenceRow& row);
  void seen(store::NodeNo no, UtcMs at);

  std::map<store::NodeNo, NodeState> nodes_;
  std::map<store::SeriesNo, SeriesState> series_;
  std::deque<Happened> recent_;
  std::map<std::string, std::vector<Finding>> notices_;
  BackupNews backups_;
  std::optional<store::ClockSource> clock_source_;
  std::uint64_t stored_ = 0, rejected_ = 0;
  std::int32_t rejected_day_ = 0;
  UtcMs broker_since_{};
  std::optional<Error> storing_failed_;
  UtcMs storing_failed_since_{};
  std::shared_ptr<const room::Picture> disk_ = std::make_shared<room::Picture>();
  bool broker_connected_ = false, started_ = false;
};

// Sentences of what happened, for people.
[[nodiscard]] Happened told(const NodeState& node, const store::PresenceRow& row);
[[nodiscard]] Happened told(const NodeState& node, const store::EventRow& row);
[[nodiscard]] Happened told(const NodeState& node, const store::ErrorRow& row);

}  // namespace alona::web
