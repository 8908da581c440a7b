// The nodes and series that the ingest knows, with what it must remember of each: windows, presence, the last
// reading, today's counts. Owned by Ingest; made anew from the store's State at start and after every failed
// commit.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ingest/presence.h"
#include "store/writer.h"

namespace alona::ingest {

struct SeriesState {
  store::SeriesRow row;
  store::LastReading last;              // by time; UtcMs::min() before the first
  UtcMs receipt = UtcMs::min();         // the last that the core's clock gave, in this epoch
  std::vector<store::BaseRow> bases{};  // ascending

  // What is added to a reading of that time.
  [[nodiscard]] double base_at(UtcMs ts) const {
    for (auto it = bases.rbegin(); it != bases.rend(); ++it)
      if (it->at <= ts) return it->base;
    return 0;
  }
  [[nodiscard]] double base() const { return bases.empty() ? 0 : bases.back().base; }
};

struct NodeState {
  NodeState(store::NodeRow node, NodePresence seen) : row(std::move(node)), presence(seen) {}
  store::NodeRow row;
  NodePresence presence;
  std::deque<store::WindowRow> windows;  // oldest first, at most limits::boots_per_node
  store::CountRow today;                 // what was counted, to hold the daily limits
  store::CountRow delta;                 // of it what the next commit carries
  // Boots whose window a message of the open batch fell into, the latest last.
  std::vector<std::uint32_t> touched;
  std::vector<SeriesState*> series;
};

class Catalog {
 public:
  Catalog() = default;
  Catalog(const store::State& state, UtcMs now, Mono mono);

  [[nodiscard]] NodeState* find(std::string_view id);
  [[nodiscard]] SeriesState* find(NodeState& node, std::string_view sensor, std::string_view unit);
  // The series of a bare number: the only one of that sensor, else the one with the latest reading. Null:
  // none yet.
  [[nodiscard]] SeriesState* find(NodeState& node, std::string_view sensor);
  NodeState& add_node(std::string_view id, UtcMs created, Mono mono);
  SeriesState& add_series(NodeState& node, std::string_view sensor, std::string_view unit);
  // That boot's window, made if need be; the oldest boot then leaves. Valid until the next call.
  [[nodiscard]] static store::WindowRow& window(NodeState& node, std::uint32_t boot);
  [[nodiscard]] static const store::WindowRow* find_window(const NodeState& node, std::uint32_t boot);

  [[nodiscard]] const std::vector<std::unique_ptr<NodeState>>& nodes() const { return nodes_; }
  [[nodiscard]] NodeState& node(store::NodeNo no) { return *nodes_[static_cast<std::size_t>(no) - 1]; }
  [[nodiscard]] std::size_t series_count() const { return series_.size(); }
  [[nodiscard]] SeriesState& series(store::SeriesNo no) { return *series_[static_cast<std::size_t>(no) - 1]; }
  // Gives it the next number; it holds from now on.
  const store::BaseRow& add_base(store::BaseRow row);

 private:
  std::vector<std::unique_ptr<NodeState>> nodes_;           // index: no - 1
  std::vector<std::unique_ptr<SeriesState>> series_;        // index: no - 1
  std::unordered_map<std::string_view, NodeState*> by_id_;  // the keys are the nodes' own ids
  std::int64_t last_base_ = 0;
};

}  // namespace alona::ingest
