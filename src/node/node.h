// What every Alona node does, whatever it measures: keep readings, events and errors until the core has them
// on disk, say them once for good, come back by itself. Passive: the platform calls step() again and again
// (every 10–100 ms) and hands in what arrives; all memory is the caller's, and after construction nothing is
// allocated. One thread.
//
// What lies in memory is lost in a power cut; what the ring can't hold leaves oldest first, counted, and the
// next heartbeat says so. A message keeps its seq and its readings for good: the core drops repeats by boot
// and seq.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "node/connector.h"
#include "node/limits.h"
#include "node/note_ring.h"
#include "node/port.h"
#include "node/reading_ring.h"
#include "protocol/encode.h"

namespace alona::node {

// Texts must live as long as the node; names and units keep the protocol's rules.
struct Sensor {
  std::string_view name;
  std::string_view unit;
};

struct Settings {
  std::string_view node_id;
  std::string_view firmware;
  std::string_view reset;             // why it started, for the heartbeats
  std::optional<std::uint32_t> boot;  // kept over deep sleep; else drawn
  bool single = false;                // never batches
  // Where the broker is: tried in this order (node/hosts.h). All empty: the port knows itself.
  std::string_view broker_name{};
  std::string_view kept_address{};  // that worked last, as the port has kept it; copied
  std::string_view broker_address{};
  bool plain = false;  // no boot and seq, no acknowledgement of the core: as simple nodes do
};

struct Memory {
  std::span<const Sensor> sensors;
  std::span<ReadingSlot> readings;
  std::span<char> notes;
  std::span<char>
      payload;  // where messages are encoded: limits::payload_bytes_max; nodes of one thread may share it
};

struct Counts {
  std::uint64_t taken = 0;       // readings recorded
  std::uint64_t sent = 0;        // readings sent, each once
  std::uint64_t acked = 0;       // readings the core has settled (plain: handed to the transport)
  std::uint64_t lost = 0;        // readings the ring gave up
  std::uint64_t refused = 0;     // readings that broke a rule: not finite, too large, no such sensor
  std::uint64_t notes_lost = 0;  // events, errors, heartbeats given up
  std::uint64_t messages = 0;    // messages sent, each once
  std::uint64_t resent = 0;      // messages sent again
};

class Node {
 public:
  Node(Port& port, const Settings& settings, const Memory& memory);
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // `utc_ms`: when it was measured; without it: now. False: it breaks a rule and isn't kept.
  bool record(std::size_t sensor, double value, std::optional<std::int64_t> utc_ms = {});
  bool event(std::string_view type, std::string_view data_json);
  bool error(std::string_view code, std::string_view message);

  void step();
  void on_message(std::string_view topic, std::string_view payload, bool retained);
  // Before deep sleep: says when it will be back. False: not connected.
  bool say_sleep(std::int64_t seconds);

  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] std::size_t readings_held() const { return readings_.size(); }
  [[nodiscard]] std::size_t readings_free() const { return readings_.capacity() - readings_.size(); }
  [[nodiscard]] std::size_t notes_held() const { return notes_.size(); }
  [[nodiscard]] bool idle() const { return readings_.size() == 0 && notes_.size() == 0; }
  [[nodiscard]] std::uint32_t boot() const { return boot_; }
  // The best idea of UTC: the platform's, else the core's; nothing while nobody confirmed one.
  [[nodiscard]] std::optional<std::int64_t> utc_ms(std::int64_t mono_ms);

 private:
  using Topic = std::array<char, topic_bytes_max>;
  std::string_view topic(Topic& memory, std::string_view kind, std::string_view name = {}) const;
  bool note(const Note& note);
  void freeze_time(bool& utc, std::int64_t& time_ms);
  std::optional<UtcMs> ts_of(bool utc, std::int64_t time_ms);

  void greet();
  bool say_status(bool online, std::optional<std::int64_t> sleep_s);
  void heartbeat();
  void start_resend();
  void resend();
  void send_new();
  bool send_new_note();
  bool send_new_readings();
  void went(std::size_t readings);
  bool publish_note(const Note& note, std::uint32_t seq);
  // Sends up to `count` readings from `index`; how many went, 0 for none.
  std::size_t publish_readings(std::size_t index, std::size_t count, std::uint32_t seq);
  std::size_t encode_batch(std::size_t index, std::size_t& count, const protocol::Stamp& stamp);
  [[nodiscard]] protocol::Stamp stamp(std::uint32_t seq) const;
  [[nodiscard]] std::uint32_t low() const;
  void settle(std::uint32_t seq);
  void take_time(std::string_view payload);

  Port& port_;
  const Settings settings_;
  const Memory memory_;
  const std::uint32_t boot_;
  ReadingRing readings_;
  NoteRing notes_;
  Connector connector_;
  Counts counts_;
  std::array<char, topic_bytes_max> will_topic_;
  std::array<char, 256> will_payload_;
  LastWill will_;
  std::int64_t now_ms_ = 0, start_ms_ = 0;
  std::optional<std::int64_t> utc_offset_ms_;  // UTC - mono, from the core
  std::uint32_t next_seq_ = 1;
  std::uint32_t resend_next_ = 0, resend_end_ = 0;  // equal: nothing to send again
  std::int64_t resend_due_ms_ = 0;                  // when its next message may go
  std::int64_t progress_ms_ = 0;  // when the core last settled something, or we last began again
  std::int64_t patience_ms_ = resend_after_ms;
  std::int64_t heartbeat_ms_ = 0;
  bool core_offline_ = false;  // it said so; what is sent waits in the broker
  bool say_online_ = false;    // a status that could not go yet
};

}  // namespace alona::node
