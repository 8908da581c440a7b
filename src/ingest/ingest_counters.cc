// Counters that go on when their meter is replaced: what a reading becomes, and the change itself.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "ingest/ingest.h"
#include "protocol/encode.h"
#include "protocol/text.h"
#include "store/decimal.h"

namespace alona::ingest {
namespace {

std::string sensors_of(const NodeState& node) {
  std::string all;
  for (const SeriesState* s : node.series)
    all += fmt::format("{}{} ({})", all.empty() ? "" : ", ", s->row.sensor, s->row.unit);
  return all.empty() ? "It has no readings yet." : fmt::format("It has {}.", all);
}

bool sound(double value) { return std::abs(value) <= limits::value_abs_max; }  // false for NaN, too

// The latest change that stands: neither an undoing nor undone.
const store::BaseRow* last_standing(const std::vector<store::BaseRow>& bases) {
  std::set<std::int64_t> undone;
  for (auto it = bases.rbegin(); it != bases.rend(); ++it) {
    if (it->undoes)
      undone.insert(*it->undoes);
    else if (!undone.contains(it->id))
      return &*it;
  }
  return nullptr;
}

Result<store::BaseRow> plan_undo(const SeriesState& series) {
  const store::BaseRow* last = last_standing(series.bases);
  if (last == nullptr) {
    return fail(Errc::refused,
                fmt::format("{} was never carried on, or all of it is taken back already", series.row.sensor),
                "There is nothing to take back.");
  }
  return store::BaseRow{
      .series = series.row.no, .base = last->before, .before = series.base(), .undoes = last->id};
}

Result<store::BaseRow> plan_change(const SeriesState& series, const CounterWish& wish) {
  const bool unread = series.last.ts == UtcMs::min();
  if (unread && !wish.goes_on_from) {
    return fail(Errc::refused, fmt::format("{} has no reading yet from which to go on", series.row.sensor),
                "Give the number it goes on from.");
  }
  const double from = wish.goes_on_from ? *wish.goes_on_from : series.last.value;
  if (!sound(from) || !sound(wish.begins_at)) {
    return fail(Errc::usage, fmt::format("{} can't be carried on by these numbers", series.row.sensor),
                fmt::format("Each must be a number of at most {:g}.", limits::value_abs_max));
  }
  // A difference of two decimals is one; adding it to what the new meter showed gives the old one's last.
  const double base = store::decimal_sum(from, -wish.begins_at);
  if (!sound(base)) {
    return fail(Errc::usage,
                fmt::format("the difference of the two numbers of {} is too large", series.row.sensor),
                fmt::format("At most {:g}.", limits::value_abs_max));
  }
  return store::BaseRow{.series = series.row.no, .base = base == 0 ? 0 : base, .before = series.base()};
}

// With both bases, so that what the meter showed can be reckoned back from what is stored.
std::string event_data(const store::SeriesRow& series, const store::BaseRow& row) {
  std::array<char, 512> text{};  // a sensor has 32 characters, a unit 16
  protocol::JsonWriter json{text};
  json.raw(R"({"sensor":)").text(series.sensor).raw(R"(,"unit":)").text(series.unit);
  json.raw(R"(,"base":)").number(row.base).raw(R"(,"base_before":)").number(row.before);
  json.raw(row.undoes ? R"(,"taken_back":true})" : R"(,"taken_back":false})");
  return {text.data(), json.size()};
}

}  // namespace

// With the base of its time, so that what an old device said before the change and comes behind it stays what
// it was, and a repeat of it equal.
std::optional<double> Ingest::carried_on(const SeriesState& series, double value, UtcMs ts) {
  const double base = series.base_at(ts);
  const double sum = base == 0 ? value : store::decimal_sum(value, base);
  return sound(sum) ? std::optional{sum} : std::nullopt;
}

Result<SeriesState*> Ingest::counter_of(NodeState& node, const CounterWish& wish) {
  SeriesState* found = nullptr;
  for (SeriesState* series : node.series) {
    if (series->row.sensor != wish.sensor || (!wish.unit.empty() && series->row.unit != wish.unit)) continue;
    if (found != nullptr) {
      return fail(Errc::usage,
                  fmt::format("{} of {} has readings in {} and in {}", wish.sensor, node.row.id,
                              found->row.unit, series->row.unit),
                  "Say which unit it is.");
    }
    found = series;
  }
  if (found != nullptr) return found;
  return fail(Errc::not_found,
              fmt::format("{} has no readings of {}{}{}", node.row.id, protocol::shown(wish.sensor),
                          wish.unit.empty() ? "" : " in ",
                          wish.unit.empty() ? std::string{} : protocol::shown(wish.unit)),
              sensors_of(node));
}

Result<std::vector<store::BaseRow>> Ingest::plan_counters(std::string_view id,
                                                          const std::vector<CounterWish>& wishes) {
  NodeState* node = catalog_.find(id);
  if (node == nullptr || node->row.removed)
    return fail(Errc::not_found, fmt::format("there is no node {}", protocol::shown(id)),
                "See the list of nodes.");
  if (backlog_) {
    return fail(Errc::temporary, "what waited at the broker still comes in, and some may be of the old meter",
                "Try again in a minute.");
  }
  std::vector<store::BaseRow> rows;
  for (const CounterWish& wish : wishes) {
    const auto series = counter_of(*node, wish);
    if (!series) return std::unexpected(series.error());
    if (std::ranges::find(rows, (*series)->row.no, &store::BaseRow::series) != rows.end())
      return fail(Errc::usage, fmt::format("{} is named twice", wish.sensor), "Once is enough.");
    auto row = wish.undo ? plan_undo(**series) : plan_change(**series, wish);
    if (!row) return std::unexpected(row.error());
    rows.push_back(*row);
  }
  return rows;
}

Result<void> Ingest::check_counters(std::string_view node, const std::vector<CounterWish>& wishes) {
  if (auto planned = plan_counters(node, wishes); !planned) return std::unexpected(planned.error());
  return {};
}

Result<std::vector<CounterState>> Ingest::change_counters(std::string_view node,
                                                          const std::vector<CounterWish>& wishes,
                                                          std::string_view who) {
  auto rows = plan_counters(node, wishes);
  if (!rows) return std::unexpected(rows.error());
  std::vector<CounterState> states;
  for (store::BaseRow& row : *rows) {
    const SeriesState& series = catalog_.series(row.series);
    states.push_back({row.series, series.row.sensor, series.row.unit, row.base, true});
    // The same command again, or one that says what holds already: no second row, and no second undoing.
    states.back().changed = row.undoes || row.base != row.before;
    if (!states.back().changed) continue;
    row.at = time_.now();
    row.epoch = time_.epoch();
    batch_->bases.push_back(catalog_.add_base(row));
    const TimeQuality quality = time_.trusted() ? TimeQuality::receipt : TimeQuality::provisional;
    batch_->events.push_back({.node = series.row.node,
                              .ts = row.at,
                              .flags = static_cast<std::uint8_t>(quality),
                              .type = "counter",
                              .data = event_data(series.row, row),
                              .own = true});
    note(who, fmt::format("{} {} ({}) of {}: {} is added from now on, before it was {}",
                          row.undoes ? "took back how the counter goes on," : "carried the counter on,",
                          series.row.sensor, series.row.unit, node, row.base, row.before));
  }
  return states;
}

}  // namespace alona::ingest
