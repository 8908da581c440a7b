#include "web/model.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/limits.h"

namespace alona::web {

using store::Presence;

void Model::start(const store::Batch& everything, std::uint64_t stored_before,
                  const std::map<store::NodeNo, Ms>& intervals) {
  for (const auto& row : everything.nodes) nodes_[row.no].row = row;
  for (const auto& row : everything.series) series_[row.no].row = row;
  for (const auto& row : everything.readings) {
    if (const auto found = series_.find(row.series); found != series_.end()) found->second.last = row;
  }
  for (const auto& row : everything.presence) note_presence(row);
  for (const auto& row : everything.heartbeats) {
    if (const auto found = nodes_.find(row.node); found != nodes_.end()) found->second.heartbeat = row;
  }
  for (const auto& row : everything.bases) note_base(row);
  note_counts(everything.counts, false);
  note_clock(everything.epochs);
  stored_ = stored_before;
  set_intervals(intervals);
  started_ = true;
}

Model::Changes Model::apply(const store::Batch& batch) {
  Changes changes;
  changes.catalog = !batch.nodes.empty() || !batch.series.empty();
  for (const auto& row : batch.nodes) nodes_[row.no].row = row;
  for (const auto& row : batch.series) series_[row.no].row = row;
  for (const auto& row : batch.readings) {
    const auto found = series_.find(row.series);
    if (found == series_.end()) continue;
    auto& last = found->second.last;
    if (!last || last->ts <= row.ts) last = row;
    if (!batch.imported) seen(found->second.row.node, batch.received);
  }
  const auto tell = [&](const auto& row) {
    if (const NodeState* who = node(row.node)) changes.happened.push_back(told(*who, row));
  };
  for (const auto& row : batch.events) {
    if (!row.own) seen(row.node, batch.received);
    tell(row);
  }
  for (const auto& row : batch.bases) note_base(row);
  for (const auto& row : batch.errors) seen(row.node, batch.received), tell(row);
  for (const auto& row : batch.heartbeats) {
    seen(row.node, batch.received);
    if (const auto found = nodes_.find(row.node); found != nodes_.end()) found->second.heartbeat = row;
  }
  for (const auto& row : batch.presence) {
    note_presence(row);
    changes.presence.push_back(row.node);
    tell(row);
  }
  note_counts(batch.counts, true);
  note_clock(batch.epochs);
  // A flood of events is not news twenty times over: the newest are enough.
  if (changes.happened.size() > limits::recent_max) {
    changes.happened.erase(changes.happened.begin(), changes.happened.end() - limits::recent_max);
  }
  for (const auto& one : changes.happened) remember(one);
  return changes;
}

void Model::set_intervals(const std::map<store::NodeNo, Ms>& intervals) {
  for (const auto& [no, interval] : intervals) {
    if (const auto found = nodes_.find(no); found != nodes_.end()) found->second.interval = interval;
  }
}

bool Model::set_broker(bool connected, UtcMs now) {
  if (connected == broker_connected_ && broker_since_ != UtcMs{}) return false;
  broker_connected_ = connected;
  broker_since_ = now;
  return true;
}

bool Model::set_disk(std::shared_ptr<const room::Picture> disk) {
  const bool other = disk->step != disk_->step;
  disk_ = std::move(disk);
  return other;
}

void Model::set_storing(std::optional<Error> failed, UtcMs now) {
  if (failed && !storing_failed_) storing_failed_since_ = now;
  storing_failed_ = std::move(failed);
}

void Model::remember(Happened happened) {
  const auto at = std::ranges::find_if(recent_, [&](const Happened& one) { return one.t <= happened.t; });
  recent_.insert(at, std::move(happened));
  if (recent_.size() > limits::recent_max) recent_.pop_back();
}

// Told again from the start when the database had to be looked at anew: by number.
void Model::note_base(const store::BaseRow& row) {
  const auto found = series_.find(row.series);
  if (found == series_.end()) return;
  auto& bases = found->second.bases;
  const auto same = std::ranges::find(bases, row.id, &store::BaseRow::id);
  if (same == bases.end())
    bases.push_back(row);
  else
    *same = row;
}

void Model::note_counts(const std::vector<store::CountRow>& counts, bool add_stored) {
  for (const auto& row : counts) {
    if (add_stored) stored_ += row.stored;
    if (row.day > rejected_day_) rejected_day_ = row.day, rejected_ = 0;
    if (row.day == rejected_day_) rejected_ += row.rejected;
  }
}

// The stretch with the highest number is now; earlier ones come with it when they are moved.
void Model::note_clock(const std::vector<store::EpochRow>& epochs) {
  const auto newest = std::ranges::max_element(epochs, {}, &store::EpochRow::no);
  if (newest != epochs.end()) clock_source_ = newest->source;
}

void Model::note_presence(const store::PresenceRow& row) {
  const auto found = nodes_.find(row.node);
  if (found == nodes_.end()) return;
  found->second.presence = row.state;
  found->second.presence_since = row.at;
  if (row.last_seen != UtcMs{}) found->second.last_seen = row.last_seen;
}

void Model::seen(store::NodeNo no, UtcMs at) {
  const auto found = nodes_.find(no);
  if (found == nodes_.end()) return;
  auto& last = found->second.last_seen;
  last = last ? std::max(*last, at) : at;
}

std::vector<const NodeState*> Model::nodes() const {
  std::vector<const NodeState*> all;
  for (const auto& [no, state] : nodes_) {
    if (!state.row.removed) all.push_back(&state);
  }
  std::ranges::sort(all, {}, [](const NodeState* state) -> const std::string& { return state->row.id; });
  return all;
}

const NodeState* Model::node(std::string_view id) const {
  const auto found = std::ranges::find_if(
      nodes_, [&](const auto& one) { return one.second.row.id == id && !one.second.row.removed; });
  return found == nodes_.end() ? nullptr : &found->second;
}

const NodeState* Model::node(store::NodeNo no) const {
  const auto found = nodes_.find(no);
  return found == nodes_.end() ? nullptr : &found->second;
}

const SeriesState* Model::series(store::SeriesNo no) const {
  const auto found = series_.find(no);
  return found == series_.end() ? nullptr : &found->second;
}

std::vector<const SeriesState*> Model::series_of(store::NodeNo no) const {
  std::vector<const SeriesState*> all;
  for (const auto& [number, state] : series_) {
    if (state.row.node == no) all.push_back(&state);
  }
  return all;
}

Happened told(const NodeState& node, const store::PresenceRow& row) {
  std::string_view what = "was never heard from";
  if (row.state == Presence::online) what = "is back";
  if (row.state == Presence::stale) what = "has gone silent";
  if (row.state == Presence::offline) what = "has gone offline";
  return {row.at, node.row.id, fmt::format("{} {}", node.name(), what)};
}

Happened told(const NodeState& node, const store::EventRow& row) {
  if (row.own)
    return {row.ts, node.row.id, fmt::format("{}: a counter goes on by another base", node.name())};
  return {row.ts, node.row.id, fmt::format("{}: {}", node.name(), row.type)};
}

Happened told(const NodeState& node, const store::ErrorRow& row) {
  return {row.ts, node.row.id,
          fmt::format("{} reports a fault: {}", node.name(), row.message.empty() ? row.code : row.message)};
}

}  // namespace alona::web
