// The reading that `alona health` sends as no node: it goes the way of all others, and ends as one row of its
// own that the next one replaces. No node, no series, no history.
#include <cmath>

#include "ingest/arrival.h"

namespace alona::ingest {
namespace {

using protocol::Reason;
using protocol::Refusal;

// What it must be: one reading, whose value is the mark.
std::expected<std::int64_t, Refusal> mark_in(std::string_view payload) {
  auto decoded = protocol::decode({"canary", protocol::TopicKind::telemetry_batch, {}}, payload);
  if (!decoded) return std::unexpected(std::move(decoded.error()));
  const auto& telemetry = std::get<protocol::Telemetry>(decoded->body);
  if (!telemetry.refused.empty()) return std::unexpected(telemetry.refused.front().why);
  if (telemetry.readings.size() != 1 || telemetry.readings.front().sensor != canary_sensor)
    return std::unexpected(Refusal{Reason::field, "readings: the canary sends one, of the sensor canary"});
  const double value = telemetry.readings.front().value;
  if (value < 1 || value != std::floor(value))
    return std::unexpected(Refusal{Reason::range, "value: the canary's is a whole number from 1"});
  return static_cast<std::int64_t>(value);
}

}  // namespace

void Ingest::take_canary(Arrival& a) {
  if (a.message.retained)
    return refuse(a, {Reason::retained, "only status may be retained; the broker keeps an old copy"});
  const auto mark = mark_in(a.message.payload);
  if (!mark) return refuse(a, mark.error());
  // A repeat changes nothing. One that a later mark has followed could come again only from a broker that
  // fell back to an old save, in front of the next one: it is nobody's any more.
  if (*mark == canary_) return;
  batch_->canary = canary_ = *mark;
}

}  // namespace alona::ingest
