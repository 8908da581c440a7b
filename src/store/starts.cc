#include "store/starts.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

namespace alona::store {
namespace {

bool trusted(const EpochRow& e) { return e.source >= ClockSource::visitor; }

// By which stretch of the clock the start was timed. A run whose clock was set later has had its start timed
// anew by the first clock that was right (Writer::settle_start).
const EpochRow* stretch_of(const PowerRow& start, const PowerRow* next,
                           const std::vector<const EpochRow*>& of_its_boot) {
  const EpochRow *first = nullptr, *then = nullptr, *set = nullptr;
  for (const EpochRow* e : of_its_boot) {
    if (first == nullptr) first = e;
    if (e->begun <= start.at) then = e;
    if (set == nullptr && trusted(*e) && (next == nullptr || e->begun <= next->at)) set = e;
  }
  if (then != nullptr && trusted(*then)) return then;
  if (set != nullptr) return set;
  return then != nullptr ? then : first;
}

RunEnd end_of(const PowerRow& start, const PowerRow* before) {
  if (start.cause.empty()) return RunEnd::none;
  if (start.cause == "power") return RunEnd::power;
  if (!start.clean) return RunEnd::crash;
  return before != nullptr && before->boot != start.boot ? RunEnd::shutdown : RunEnd::stopped;
}

Start start_of(const PowerRow& row, const PowerRow* before, const PowerRow* next,
               const std::vector<const EpochRow*>& of_its_boot) {
  Start start{.at = row.at, .before = end_of(row, before)};
  if (const EpochRow* e = stretch_of(row, next, of_its_boot)) {
    start.at += e->shift;
    start.at_known = trusted(*e) || e->truth == Truth::known;
  }
  if (start.before == RunEnd::none) return start;
  start.last = row.last;
  if (row.dark_known && start.at_known) start.dark = std::max(start.at - row.last, Ms{0});
  return start;
}

}  // namespace

std::vector<Start> starts_of(const std::vector<PowerRow>& rows, const std::vector<EpochRow>& epochs,
                             std::size_t max) {
  std::unordered_map<std::string_view, std::vector<const EpochRow*>> by_boot;
  for (const EpochRow& e : epochs) by_boot[e.boot].push_back(&e);
  std::vector<Start> starts;
  for (std::size_t i = 0; i < rows.size() && starts.size() < max; ++i) {
    if (!rows[i].start) continue;
    const PowerRow* before = i + 1 < rows.size() ? &rows[i + 1] : nullptr;
    if (before == nullptr && !rows[i].cause.empty()) break;
    starts.push_back(start_of(rows[i], before, i > 0 ? &rows[i - 1] : nullptr, by_boot[rows[i].boot]));
  }
  return starts;
}

}  // namespace alona::store
