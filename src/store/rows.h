// What the store keeps, as values without any table in sight. A Batch is what one commit carries; the same
// immutable batch then tells the web thread what changed. Owned by whoever holds it; no behaviour.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/limits.h"
#include "base/time.h"

namespace alona::store {

// Numbers that stay for ever once given: they lie in sealed history.
enum class NodeNo : std::int32_t {};
enum class SeriesNo : std::int32_t {};
// A stretch between two changes of the core's clock (table clock_epoch). 0: timed by their node, or settled.
enum class EpochNo : std::int32_t {};

struct NodeRow {
  NodeNo no{};
  std::string id;    // never changes
  std::string name;  // what people read; empty: the id
  std::string place;
  UtcMs created{};
  bool removed = false;   // no longer welcome; its history stays
  bool may_lose = false;  // it has published at QoS 0
  Ms sleep{};             // as it last announced; 0: it doesn't
};

struct SeriesRow {
  SeriesNo no{};
  NodeNo node{};
  std::string sensor;
  std::string unit;
  std::string label;  // empty: the sensor's name
  std::optional<int> decimals;
};

// Flags of a reading; the low two bits are its TimeQuality. The bits lie on disk: frozen.
namespace flag {
inline constexpr std::uint8_t quality_mask = 0x03;
inline constexpr std::uint8_t implausible = 0x04;
inline constexpr std::uint8_t excluded = 0x08;
inline constexpr std::uint8_t replayed = 0x10;  // a bare number that may be a repeat
inline constexpr std::uint8_t received_late =
    0x20;  // came with the backlog after a (re)connect: receipt isn't its time
inline constexpr std::uint8_t node_clock_wrong = 0x40;  // the node's ts was replaced by receipt
inline constexpr std::uint8_t thinned = 0x80;  // no reading of its own: what ten minutes had (store/thin.h)
}  // namespace flag

struct ReadingRow {
  SeriesNo series{};
  UtcMs ts{};
  double value = 0;
  std::uint8_t flags = 0;
  EpochNo epoch{};  // by whose clock `ts` was taken
  [[nodiscard]] TimeQuality quality() const { return static_cast<TimeQuality>(flags & flag::quality_mask); }
};

struct EventRow {
  NodeNo node{};
  UtcMs ts{};
  std::uint8_t flags = 0;
  std::string type;
  std::string data;  // JSON text
  bool own = false;  // said by the core of the node, which wasn't heard; not kept
};

struct ErrorRow {
  NodeNo node{};
  UtcMs ts{};
  std::uint8_t flags = 0;
  std::string code;
  std::string message;
};

struct HeartbeatRow {
  NodeNo node{};
  UtcMs ts{};
  std::int64_t uptime_s = 0;
  std::int32_t rssi_dbm = 0;
  std::string firmware;
  std::optional<std::int64_t> heap_bytes;
  std::optional<std::int64_t> lost;  // readings it gave up in this boot, by its own count
  std::optional<double> battery_v;
  std::string reset;
};

enum class Presence : std::uint8_t { never_seen = 0, online = 1, stale = 2, offline = 3 };  // frozen

struct PresenceRow {
  NodeNo node{};
  UtcMs at{};  // of the change
  Presence state{};
  UtcMs last_seen{};  // epoch when never
};

struct RejectRow {
  std::string node;  // as in the topic, empty when there is none
  std::string topic;
  std::string reason;
  std::string detail;
  std::string payload;              // cut at limits::reject_payload_bytes_max
  std::uint32_t payload_bytes = 0;  // before the cut
  std::uint32_t readings = 1;       // what it counts for in sent = stored + rejected + repeated + pending
  UtcMs at{};
};

// A node was heard for the first time with this boot number.
struct BootRow {
  NodeNo node{};
  UtcMs at{};  // receipt
  std::uint32_t boot = 0;
};

// What of one boot's messages is settled: everything up to `acked`, and acked + 1 + i for each bit i that is
// set.
struct WindowRow {
  NodeNo node{};
  std::uint32_t boot = 0;
  std::uint32_t acked = 0;
  std::bitset<limits::window_length> beyond;
};

// A delivered message without boot and seq, so that its repeat is known.
struct TailEntry {
  std::uint16_t packet_id = 0;
  std::uint64_t hash = 0;  // its low 40 bits
};
inline constexpr std::uint64_t tail_hash_mask = 0xFF'FFFF'FFFF;

// Readings of one node and UTC day, as differences to what is kept. Everything not named is a message count.
struct CountRow {
  NodeNo node{};
  std::int32_t day = 0;  // utc_day of the receipt
  std::uint32_t stored = 0;
  std::uint32_t rejected = 0;
  std::uint32_t repeated = 0;
  std::uint32_t corrected = 0;  // stored under a (series, ts) that had another value
  std::uint32_t lost = 0;       // messages given up by the node (below its low, never came)
  std::uint32_t events = 0;
  std::uint32_t heartbeats = 0;
};

// Who said what time it is; a higher one wins. The numbers lie on disk: frozen.
enum class ClockSource : std::uint8_t { floor = 0, chip = 1, visitor = 2, ntp = 3 };

// What became known of a stretch after it. Frozen, too.
enum class Truth : std::uint8_t {
  none = 0,   // nobody has confirmed or corrected it
  bound = 1,  // true time came in a later boot; how long it was dark between is unknown
  known = 2,  // true time came in the same boot: the error is known exactly
};

// A stretch between two changes of the core's clock (docs/time.md).
struct EpochRow {
  EpochNo no{};
  std::string boot;
  ClockSource source{};
  UtcMs begun{};  // by its own clock, as all that is stored in it
  Mono mono{};    // at that moment
  std::optional<UtcMs> ended;
  Ms shift{0};  // what must be added
  Truth truth{};
  bool settled = false;  // a part is sealed as epoch 0: it can't be moved any more
};

// From `at` on, `base` is added to each reading of a series before it is stored: a counter goes on when its
// meter is replaced. Of several that have begun the one with the highest number counts.
struct BaseRow {
  std::int64_t id = 0;  // counts up over all series
  SeriesNo series{};
  UtcMs at{};  // true time where it is read
  EpochNo epoch{};
  double base = 0;
  double before = 0;                   // the base until then
  std::optional<std::int64_t> undoes;  // the row that this one takes back
};

// Who changed what, for people.
struct AuditRow {
  UtcMs at{};
  std::string who, what;
};

struct Batch {
  UtcMs received{};               // by the core's clock, of the commit
  EpochNo epoch{};                // of that clock; its readings of another quality than `node` belong to it
  std::vector<EpochRow> epochs;   // new or changed
  bool true_time = false;         // the clock was set right: the floor comes to `received`, even down
  Ms sessions_by{0};              // what was timed to end by the clock before ends so much later
  std::vector<NodeRow> nodes;     // new or changed
  std::vector<SeriesRow> series;  // new or changed
  std::vector<ReadingRow> readings;
  std::vector<EventRow> events;
  std::vector<ErrorRow> errors;
  std::vector<HeartbeatRow> heartbeats;
  std::vector<PresenceRow> presence;
  std::vector<RejectRow> rejects;
  std::vector<WindowRow> windows;  // changed
  std::vector<TailEntry> tail;     // new
  bool tail_emptied = false;       // the broker lost its session: packet ids begin anew, the old tail is void
  std::vector<CountRow> counts;
  std::vector<AuditRow> audit;
  std::vector<BootRow> boots;          // new; beside their windows
  std::vector<BaseRow> bases;          // new
  bool imported = false;               // of a file, for listeners: nobody was heard from
  std::optional<std::int64_t> canary;  // the mark of a reading by which the box proves its own road

  [[nodiscard]] bool empty() const { return !canary && only_canary(); }
  // Nothing that the log of commits would keep.
  [[nodiscard]] bool only_canary() const {
    return nodes.empty() && series.empty() && readings.empty() && events.empty() && errors.empty() &&
           heartbeats.empty() && presence.empty() && rejects.empty() && windows.empty() && tail.empty() &&
           !tail_emptied && counts.empty() && epochs.empty() && audit.empty() && bases.empty();
  }
};

struct UserRow {
  std::string name;
  std::string password_hash;  // argon2id, libsodium's string form
  bool admin = true;
};

struct SessionRow {
  std::string token_hash;  // hex of a hash of the cookie's token; the token itself is nowhere
  std::string user;
  UtcMs expires{};
};

}  // namespace alona::store
