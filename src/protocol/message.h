// The messages of protocol v1 as values (docs/protocol.md). Plain data: decode.h makes them from bytes,
// encode.h makes bytes of them. Nothing here knows the broker or the database.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/time.h"

namespace alona::protocol {

// What every message of a node may carry. boot, seq and low come together or not at all.
struct Stamp {
  std::optional<UtcMs> ts;  // the node's own clock, rounded to a millisecond; not yet judged
  struct Sequence {
    std::uint32_t boot = 0;
    std::uint32_t seq = 0;  // counts from 1 in each boot
    std::uint32_t low = 0;  // the lowest seq the node still holds; 1 <= low <= seq
  };
  std::optional<Sequence> sequence;
};

struct Reading {
  std::string sensor;
  std::string unit;         // empty only in a bare number, whose series knows it
  double value = 0;         // finite, |value| <= limits::value_abs_max
  std::optional<UtcMs> ts;  // its own; that of a message with one reading is its stamp's
  std::optional<Ms> age;    // before sending
};

// Why a message, or one reading of a batch, is refused. The texts are what is stored and shown: frozen.
enum class Reason : std::uint8_t {
  topic,
  too_large,
  encoding,
  json,
  version,
  field,
  range,
  mismatch,
  retained,
  window,
  unknown_node,
  limit
};
inline constexpr auto reason_names =
    std::to_array<std::string_view>({"topic", "too_large", "encoding", "json", "version", "field", "range",
                                     "mismatch", "retained", "window", "unknown_node", "limit"});
[[nodiscard]] constexpr std::string_view name(Reason reason) {
  return reason_names[static_cast<std::size_t>(reason)];
}

// Below Reason, whose `version` GCC 12 would otherwise call a shadow of it.
inline constexpr int version = 1;

struct Refusal {
  Reason reason = Reason::json;
  // For the node builder: which field, what was there, what is allowed. Valid UTF-8, no controls, one short
  // line.
  std::string detail = {};
  // Where it could be read: a refused message is settled too, else its node would send it for ever.
  std::optional<Stamp::Sequence> sequence = {};
};

struct Telemetry {
  std::vector<Reading> readings;
  // Readings of a batch that break a rule, each on its own, in the order they came.
  struct Refused {
    Refusal why;
    std::string text;  // that reading's JSON, for the reject
  };
  std::vector<Refused> refused;
  bool batch = false;
  bool bare = false;  // the payload was only a number
};

struct Event {
  std::string type;
  std::string data;  // JSON text, at most limits::event_data_bytes_max
};

struct Heartbeat {
  std::int64_t uptime_s = 0;
  std::int32_t rssi_dbm = 0;
  std::string firmware;  // empty: not said
  std::optional<std::int64_t> heap_bytes;
  std::optional<std::int64_t> lost;  // readings that left its memory unacknowledged in this boot
  std::optional<double> battery_v;
  std::string reset;
};

struct Status {
  bool online = false;
  std::string firmware;
  std::optional<std::int64_t> sleep_s;  // until it is back
  std::optional<std::uint32_t> boot;
};

struct NodeError {
  std::string code;
  std::string message;
};

struct Message {
  Stamp stamp;
  std::variant<Telemetry, Event, Heartbeat, Status, NodeError> body;
};

}  // namespace alona::protocol
