#include "sim/sim_node.h"

#include <cmath>

namespace alona::sim {
namespace {

constexpr std::size_t ring_default = 2'730;       // 64 KiB, as on an ESP32
constexpr std::size_t ring_fast = 32'768;         // at speed 0: enough in flight to fill the core's commits
constexpr std::size_t rows_per_turn_max = 2'048;  // so that the loop turns at speed 0, too
constexpr std::string_view firmware = "alona sim";

std::size_t ring_size(const SimOptions& options) {
  if (options.ring > 0) return options.ring;
  return options.speed == 0 ? ring_fast : ring_default;
}

}  // namespace

void Totals::add(const Totals& other) {
  taken += other.taken, sent += other.sent, acked += other.acked, lost += other.lost,
      refused += other.refused;
  pending += other.pending, messages += other.messages, resent += other.resent, reboots += other.reboots;
  unconfirmed += other.unconfirmed;
}

SimNode::SimNode(const SimOptions& options, const Credentials& who, std::unique_ptr<Source> source,
                 std::size_t index, std::span<char> payload)
    : options_(options),
      who_(who),
      source_(std::move(source)),
      slots_(std::max(ring_size(options), source_->columns().size())),
      notes_(node::note_bytes_default),
      payload_(payload),
      random_(options.seed * 7'919 + index),
      port_(options, who, random_()) {
  for (const Column& column : source_->columns()) sensors_.push_back({column.sensor, column.unit});
  if (options.faults.clock_wrong > 0 && std::bernoulli_distribution{options.faults.clock_wrong}(random_)) {
    constexpr std::int64_t year_ms = 365LL * 86'400'000;
    clock_error_ms_ =
        std::bernoulli_distribution{0.5}(random_) ? year_ms : -50 * year_ms;  // ahead, or about 1970
  }
  boot("power");
}

void SimNode::boot(std::string_view reason) {
  const node::Settings settings{.node_id = who_.node_id,
                                .firmware = firmware,
                                .reset = reason,
                                .single = options_.single,
                                .broker_name = options_.host,
                                .kept_address = port_.kept_address(),
                                .broker_address = options_.address,
                                .plain = options_.plain};
  node_ = std::make_unique<node::Node>(port_, settings, node::Memory{sensors_, slots_, notes_, payload_});
  port_.attach(node_.get());
}

void SimNode::reboot() {
  Totals before = totals();
  before.lost += std::exchange(before.pending, 0);
  before.unconfirmed = 0;  // the port goes on counting
  ++before.reboots;
  earlier_ = before;
  port_.attach(nullptr);
  port_.hang_up();
  boot("watchdog");
}

// Live and unhurried, a node has no clock of its own and lets the runtime tell the time; simulated time is
// told.
void SimNode::measure(std::int64_t until_ms) {
  const bool live = options_.speed == 1 && !options_.start && options_.replay.empty() && clock_error_ms_ == 0;
  for (std::size_t rows = 0; rows < rows_per_turn_max; ++rows) {
    const Row* row = source_->peek();
    if (row == nullptr || row->ts_ms > until_ms) return;
    if (options_.speed == 0 && node_->readings_free() < row->values.size()) return;
    const auto ts = live ? std::nullopt : std::optional{row->ts_ms + clock_error_ms_};
    for (std::size_t i = 0; i < row->values.size(); ++i)
      if (!std::isnan(row->values[i])) node_->record(i, row->values[i], ts);
    if (!row->event.empty()) node_->event(row->event, "null");
    source_->take();
  }
}

bool SimNode::busy() {
  const Row* row = source_->peek();
  return options_.speed == 0 && row != nullptr && node_->readings_free() >= row->values.size();
}

void SimNode::step(double hours_since_last) {
  const auto happens = [&](double per_hour) {
    return per_hour > 0 && std::bernoulli_distribution{std::min(1.0, per_hour * hours_since_last)}(random_);
  };
  if (happens(options_.faults.reboot_per_hour)) reboot();
  if (happens(options_.faults.drop_wifi_per_hour)) port_.drop_wifi();
  node_->step();
}

Totals SimNode::totals() const {
  Totals totals = earlier_;
  const node::Counts& counts = node_->counts();
  totals.add({.taken = counts.taken,
              .sent = counts.sent,
              .acked = counts.acked,
              .lost = counts.lost,
              .refused = counts.refused,
              .pending = node_->readings_held(),
              .messages = counts.messages,
              .resent = counts.resent,
              .unconfirmed = port_.unconfirmed()});
  if (options_.plain) totals.unconfirmed += port_.broken();  // nobody sends these again
  return totals;
}

}  // namespace alona::sim
