// Ingest beside the path of a message: start, presence, commands.
#include <fmt/format.h>

#include "ingest/ingest.h"

namespace alona::ingest {

Result<void> Ingest::load() {
  auto state = writer_.load();
  if (!state) return std::unexpected(state.error());
  time_.load(state->epochs, state->floor, options_.saved_time ? options_.saved_time() : std::nullopt);
  catalog_ = Catalog{*state, time_.now(), clock_.mono()};
  tail_.load(state->tail);
  tail_key_ = state->tail_key;
  readings_stored_ = state->readings_stored;
  canary_ = state->canary;
  today_ = utc_day(time_.now());
  const bool emptied = batch_->tail_emptied;
  batch_ = std::make_shared<store::Batch>();
  late_.clear();
  aged_.clear();
  due_.committed();
  // The broker has forgotten our session, and the commit that would have said so failed.
  if (emptied) void_tail();
  return {};
}

void Ingest::void_tail() {
  tail_.clear();
  batch_->tail.clear();
  batch_->tail_emptied = true;
}

std::shared_ptr<const store::Batch> Ingest::everything() const {
  auto batch = std::make_shared<store::Batch>();
  batch->received = time_.now();
  batch->epochs.push_back(time_.current());
  for (const auto& node : catalog_.nodes()) {
    batch->nodes.push_back(node->row);
    batch->presence.push_back(
        {node->row.no, batch->received, node->presence.state(), node->presence.last_seen()});
    store::CountRow today = node->today;
    today.node = node->row.no;
    today.day = today_;
    batch->counts.push_back(today);
    for (const SeriesState* series : node->series) {
      batch->series.push_back(series->row);
      if (series->last.ts == UtcMs::min()) continue;
      batch->readings.push_back({series->row.no, series->last.ts, series->last.value, series->last.flags});
      batch->bases.insert(batch->bases.end(), series->bases.begin(), series->bases.end());
    }
  }
  return batch;
}

void Ingest::connected(bool session_present) {
  backlog_ = redelivery_ = true;
  taken_since_connect_ = 0;
  last_taken_ = clock_.mono();
  if (!session_present) void_tail();
}

void Ingest::note_presence(NodeState& node) {
  if (!node.presence.look(clock_.mono())) return;
  batch_->presence.push_back({node.row.no, time_.now(), node.presence.state(), node.presence.last_seen()});
}

// What the open batch has of the clock that ended is moved by hand: no stretch spans two commits' clocks.
void Ingest::clock_changed(const CoreTime::Change& change) {
  batch_->sessions_by += change.jumped;
  const auto of_the_core = [](std::uint8_t flags) {
    return static_cast<TimeQuality>(flags & store::flag::quality_mask) != TimeQuality::node;
  };
  for (store::ReadingRow& r : batch_->readings) {
    if (of_the_core(r.flags)) r.ts += change.moved, r.epoch = time_.epoch();
  }
  for (store::EventRow& e : batch_->events) {
    if (of_the_core(e.flags)) e.ts += change.moved;
  }
  for (store::ErrorRow& e : batch_->errors) {
    if (of_the_core(e.flags)) e.ts += change.moved;
  }
  for (store::PresenceRow& p : batch_->presence) {
    p.at += change.moved;
    if (catalog_.node(p.node).presence.heard_here()) p.last_seen += change.moved;
  }
  for (store::BootRow& b : batch_->boots) b.at += change.moved;
  for (store::BaseRow& b : batch_->bases) b.at += change.moved;
  for (const auto& node : catalog_.nodes()) {
    node->presence.clock_moved(change.moved);
    for (SeriesState* series : node->series) {
      if (series->last.epoch == change.ended)
        series->last.ts += change.moved, series->last.epoch = time_.epoch();
      series->receipt = UtcMs::min();
      for (store::BaseRow& b : series->bases) {
        if (b.epoch == change.ended) b.at += change.moved, b.epoch = time_.epoch();
      }
    }
  }
}

Result<void> Ingest::set_time(UtcMs utc, std::string_view who) {
  const UtcMs before = time_.now();
  const auto change = time_.visitor(utc);
  if (!change) return std::unexpected(change.error());
  clock_changed(*change);
  batch_->audit.push_back(
      {utc, std::string(who), fmt::format("set the time from {} to {}", iso8601(before), iso8601(utc))});
  return {};
}

void Ingest::note(std::string_view who, std::string_view what) {
  batch_->audit.push_back({time_.now(), std::string(who), std::string(what)});
}

Result<store::ExclusionCount> Ingest::exclude(const store::Exclusion& what, std::string_view who,
                                              std::string_view note) {
  const auto no = static_cast<std::size_t>(what.series);
  if (no < 1 || no > catalog_.series_count())
    return fail(Errc::not_found, "there is no such series", "see the list of series");
  const store::SeriesRow& series = catalog_.series(what.series).row;
  store::Batch batch;
  batch.received = time_.now();
  batch.epoch = time_.epoch();
  batch.epochs = time_.unwritten();
  batch.audit.push_back({batch.received, std::string(who),
                         fmt::format("{} the readings of {} {} ({}) from {} to {}{}{}",
                                     what.excluded ? "excluded" : "brought back",
                                     catalog_.node(series.node).row.id, series.sensor, series.unit,
                                     iso8601(what.from), iso8601(what.to), note.empty() ? "" : ": ", note)});
  const auto marked = writer_.exclude(what, batch);
  if (marked && marked->changed > 0) time_.committed(batch.received);
  return marked;
}

void Ingest::tick() {
  if (const auto change = time_.look()) clock_changed(*change);
  for (const auto& node : catalog_.nodes()) {
    if (!node->row.removed) note_presence(*node);
  }
}

std::map<store::NodeNo, Ms> Ingest::intervals() const {
  std::map<store::NodeNo, Ms> intervals;
  for (const auto& node : catalog_.nodes()) {
    if (const auto learned = node->presence.learned()) intervals[node->row.no] = *learned;
  }
  return intervals;
}

Result<bool> Ingest::seal_some() {
  if (writer_.wants_sealing()) {
    if (auto folded = fold(); !folded) return std::unexpected(folded.error());
  } else if (!writer_.sealing()) {
    return false;
  }
  return writer_.seal_some(limits::seal_slice);
}

Result<void> Ingest::fold() { return writer_.fold(intervals(), time_.floor()); }

std::vector<store::NodeRow> Ingest::nodes() const {
  std::vector<store::NodeRow> rows;
  for (const auto& node : catalog_.nodes()) rows.push_back(node->row);
  return rows;
}

Result<void> Ingest::put_node(const store::NodeRow& row) {
  NodeState* node = catalog_.find(row.id);
  if (node == nullptr) {
    if (static_cast<std::size_t>(row.no) != catalog_.nodes().size() + 1) {
      return fail(Errc::refused, fmt::format("the node '{}' was changed meanwhile", row.id), "Try again.");
    }
    node = &catalog_.add_node(row.id, row.created, clock_.mono());
  }
  node->row.name = row.name;
  node->row.place = row.place;
  node->row.removed = row.removed;
  batch_->nodes.push_back(node->row);
  return {};
}

}  // namespace alona::ingest
