// The node runtime's own limits and times; those that core and node must agree on are in base/limits.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/limits.h"

namespace alona::node {

// Up to this many fresh readings go one by one, so that the page shows each at once; more go as a batch.
inline constexpr std::size_t live_readings_max = 8;
// A batch is given up whole when the ring overflows, so it must be a small part of it.
inline constexpr std::size_t batches_per_ring_min = 16;
// A reading without time grows when it is sent again: from "age":0 to "ts":1795545727.123, 13 bytes on 45. So
// an ageing batch begins below 3/4 of the payload, and one with times only leaves room for a longer `low`.
inline constexpr std::size_t growing_payload_bytes_max = limits::payload_bytes_max * 3 / 4;
inline constexpr std::size_t frozen_payload_bytes_max = limits::payload_bytes_max - 32;

inline constexpr std::int64_t resend_after_ms = 30'000;
inline constexpr std::int64_t resend_after_ms_max =
    300'000;                                           // doubled while the core stays silent, up to this
inline constexpr std::int64_t resend_spacing_ms = 10;  // 100 messages a second
inline constexpr std::int64_t resend_burst_ms = 100;   // what a late step may catch up
inline constexpr std::int64_t heartbeat_every_ms = 60'000;
inline constexpr std::int64_t connect_first_ms = 1'000;
inline constexpr std::int64_t connect_wait_ms_max = 300'000;
inline constexpr std::int64_t connect_timeout_ms = 15'000;
inline constexpr std::int64_t stable_after_ms = 30'000;  // a link that lasts this long begins again at 1 s

// Notes (events, errors, heartbeats) have this much beside the readings, unless the port gives more: two
// events of the largest size, or some eighty small ones.
inline constexpr std::size_t note_bytes_default = 10 * 1024;
inline constexpr std::size_t topic_bytes_max = 96;
static_assert(topic_bytes_max > sizeof "alona//telemetry/" + 2 * limits::name_bytes_max);

}  // namespace alona::node
