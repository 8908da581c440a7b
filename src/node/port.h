// What a platform supplies to the node runtime: the whole of it. Called from the one thread that calls
// Node::step, never from an interrupt; no call may block longer than a few seconds (the watchdog watches
// step). Whoever implements it hands incoming messages to Node::on_message between steps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace alona::node {

enum class Link { down, connecting, up };

struct LastWill {
  std::string_view topic;
  std::string_view payload;  // retained, QoS 1
};

class Port {
 public:
  virtual ~Port() = default;
  // Milliseconds since some start; never goes back, and goes on during sleep.
  virtual std::int64_t mono_ms() = 0;
  // The platform's own clock (SNTP, RTC) in ms since 1970; nothing while it isn't set.
  virtual std::optional<std::int64_t> utc_ms() = 0;
  virtual std::uint32_t random() = 0;  // 32 random bits, different at each start

  // ---- MQTT ----
  // Begins to connect; link() tells how it goes. The will's texts live until the next call.
  virtual void connect(const LastWill& will) = 0;
  virtual Link link() = 0;
  virtual void hang_up() = 0;  // without goodbye
  // Where the next connect() goes: the broker's name or address. Not called when the settings name none.
  virtual void use_host(std::string_view) {}
  // While the link is up: the other end's address in figures, and its length; 0: not known.
  virtual std::size_t peer_address(std::span<char>) { return 0; }
  // To be kept over a restart, and given back in Settings::kept_address. Called only when it is another.
  virtual void keep_address(std::string_view) {}
  // Both take QoS 1 as given. False: not now, step will try again; nothing was taken.
  virtual bool publish(std::string_view topic, std::string_view payload, bool retain) = 0;
  virtual bool subscribe(std::string_view filter) = 0;

  // ---- for the heartbeat ----
  virtual std::int32_t rssi_dbm() { return 0; }
  virtual std::optional<std::int64_t> heap_bytes() { return {}; }
  virtual std::optional<double> battery_v() { return {}; }
};

}  // namespace alona::node
