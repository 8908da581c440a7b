#include "ingest/catalog.h"

#include <algorithm>

namespace alona::ingest {

Catalog::Catalog(const store::State& state, UtcMs now, Mono mono) {
  for (const store::NodeRow& row : state.nodes) {
    const auto presence = state.presence.find(row.no);
    const auto interval = state.interval.find(row.no);
    const bool seen = presence != state.presence.end();
    nodes_.push_back(std::make_unique<NodeState>(
        row, NodePresence{seen ? presence->second.state : store::Presence::never_seen,
                          seen ? presence->second.last_seen : UtcMs{},
                          interval == state.interval.end() ? std::nullopt : std::optional{interval->second},
                          mono}));
    by_id_.emplace(nodes_.back()->row.id, nodes_.back().get());
  }
  for (const store::SeriesRow& row : state.series) {
    NodeState& node = *nodes_[static_cast<std::size_t>(row.node) - 1];
    const auto last = state.last.find(row.no);
    series_.push_back(std::make_unique<SeriesState>(
        SeriesState{row, last == state.last.end() ? store::LastReading{UtcMs::min(), 0, 0} : last->second}));
    node.series.push_back(series_.back().get());
  }
  for (const store::BaseRow& row : state.bases) {
    last_base_ = row.id;
    if (static_cast<std::size_t>(row.series) <= series_.size()) series(row.series).bases.push_back(row);
  }
  for (const store::WindowRow& row : state.windows) {
    nodes_[static_cast<std::size_t>(row.node) - 1]->windows.push_back(row);
  }
  for (const store::CountRow& row : state.counts_today) {
    if (row.day == utc_day(now)) nodes_[static_cast<std::size_t>(row.node) - 1]->today = row;
  }
}

NodeState* Catalog::find(std::string_view id) {
  const auto it = by_id_.find(id);
  return it == by_id_.end() ? nullptr : it->second;
}

SeriesState* Catalog::find(NodeState& node, std::string_view sensor, std::string_view unit) {
  // A node has a handful of series: looking through them is quicker than hashing two strings.
  for (SeriesState* series : node.series) {
    if (series->row.sensor == sensor && series->row.unit == unit) return series;
  }
  return nullptr;
}

SeriesState* Catalog::find(NodeState& node, std::string_view sensor) {
  SeriesState* found = nullptr;
  for (SeriesState* series : node.series) {
    if (series->row.sensor == sensor && (found == nullptr || series->last.ts > found->last.ts))
      found = series;
  }
  return found;
}

NodeState& Catalog::add_node(std::string_view id, UtcMs created, Mono mono) {
  store::NodeRow row;
  row.no = static_cast<store::NodeNo>(nodes_.size() + 1);
  row.id = id;
  row.created = created;
  nodes_.push_back(std::make_unique<NodeState>(
      std::move(row), NodePresence{store::Presence::never_seen, UtcMs{}, std::nullopt, mono}));
  by_id_.emplace(nodes_.back()->row.id, nodes_.back().get());
  return *nodes_.back();
}

SeriesState& Catalog::add_series(NodeState& node, std::string_view sensor, std::string_view unit) {
  store::SeriesRow row;
  row.no = static_cast<store::SeriesNo>(series_.size() + 1);
  row.node = node.row.no;
  row.sensor = sensor;
  row.unit = unit;
  series_.push_back(std::make_unique<SeriesState>(SeriesState{std::move(row), {UtcMs::min(), 0, 0}}));
  node.series.push_back(series_.back().get());
  return *series_.back();
}

const store::BaseRow& Catalog::add_base(store::BaseRow row) {
  row.id = ++last_base_;
  return series(row.series).bases.emplace_back(row);
}

const store::WindowRow* Catalog::find_window(const NodeState& node, std::uint32_t boot) {
  const auto it = std::ranges::find(node.windows, boot, &store::WindowRow::boot);
  return it == node.windows.end() ? nullptr : &*it;
}

store::WindowRow& Catalog::window(NodeState& node, std::uint32_t boot) {
  for (auto it = node.windows.rbegin(); it != node.windows.rend(); ++it) {
    if (it->boot == boot) return *it;
  }
  if (node.windows.size() == limits::boots_per_node) node.windows.pop_front();
  store::WindowRow row;
  row.node = node.row.no;
  row.boot = boot;
  node.windows.push_back(row);
  return node.windows.back();
}

}  // namespace alona::ingest
