// Ingest beside the path of a message: start, presence, commands.
#include <fmt/format.h>

#include "ingest/ingest.h"

namespace alona::ingest {

Result<void> Ingest::load() {
  auto state = writer_.load();
  if (!state) return std::unexpected(state.error());
  time_.set_floor(state->floor);
  catalog_ = Catalog{*state, time_.now(), clock_.mono()};
  tail_.load(state->tail);
  tail_key_ = state->tail_key;
  today_ = utc_day(time_.now());
  batch_ = std::make_shared<store::Batch>();
  late_.clear();
  due_.committed();
  return {};
}

std::shared_ptr<const store::Batch> Ingest::everything() const {
  auto batch = std::make_shared<store::Batch>();
  batch->received = time_.now();
  for (const auto& node : catalog_.nodes()) {
    batch->nodes.push_back(node->row);
    batch->presence.push_back({node->row.no, batch->received, node->presence.state(), node->presence.last_seen()});
    store::CountRow today = node->today;
    today.node = node->row.no;
    today.day = today_;
    batch->counts.push_back(today);
    for (const SeriesState* series : node->series) {
      batch->series.push_back(series->row);
      if (series->last.ts == UtcMs::min()) continue;
      batch->readings.push_back({series->row.no, series->last.ts, series->last.value, series->last.flags});
    }
  }
  return batch;
}

void Ingest::connected(bool session_present) {
  backlog_ = true;
  backlog_taken_ = 0;
  if (session_present) return;
  tail_.clear();
  batch_->tail.clear();
  batch_->tail_emptied = true;
}

void Ingest::note_presence(NodeState& node) {
  if (!node.presence.look(clock_.mono())) return;
  batch_->presence.push_back({node.row.no, time_.now(), node.presence.state(), node.presence.last_seen()});
}

void Ingest::tick() {
  time_.look();
  for (const auto& node : catalog_.nodes()) {
    if (!node->row.removed) note_presence(*node);
  }
}

Result<void> Ingest::fold() {
  std::map<store::NodeNo, Ms> intervals;
  for (const auto& node : catalog_.nodes()) {
    if (const auto learned = node->presence.learned()) intervals[node->row.no] = *learned;
  }
  return writer_.fold(intervals, time_.floor());
}

Result<store::NodeRow> Ingest::add_node(const std::string& id, const std::string& name, const std::string& place) {
  if (!protocol::valid_node_id(id)) {
    return fail(Errc::usage, fmt::format("'{}' can't be a node's id", id),
                "Use 1 to 32 of a-z, 0-9, _ and -, beginning with a letter or digit; core, canary and alona… are taken.");
  }
  NodeState* node = catalog_.find(id);
  if (node != nullptr && !node->row.removed) {
    return fail(Errc::refused, fmt::format("the node '{}' exists already", id),
                "Give it a new password with `alona node rotate`, or choose another id.");
  }
  if (node == nullptr && catalog_.nodes().size() >= options_.nodes_max) {
    return fail(Errc::refused, fmt::format("there are {} nodes already", options_.nodes_max),
                "Raise [limits] nodes in the configuration.");
  }
  if (node == nullptr) node = &catalog_.add_node(id, time_.now(), clock_.mono());
  node->row.removed = false;
  node->row.name = name;
  node->row.place = place;
  batch_->nodes.push_back(node->row);
  return node->row;
}

Result<store::NodeRow> Ingest::rename_node(const std::string& id, const std::optional<std::string>& name,
                                           const std::optional<std::string>& place) {
  NodeState* node = catalog_.find(id);
  if (node == nullptr) return fail(Errc::not_found, fmt::format("there is no node '{}'", id));
  if (name) node->row.name = *name;
  if (place) node->row.place = *place;
  batch_->nodes.push_back(node->row);
  return node->row;
}

Result<void> Ingest::remove_node(const std::string& id) {
  NodeState* node = catalog_.find(id);
  if (node == nullptr) return fail(Errc::not_found, fmt::format("there is no node '{}'", id));
  node->row.removed = true;
  batch_->nodes.push_back(node->row);
  return {};
}

}  // namespace alona::ingest
