// When to connect, and where: at once, to each place that is known (node/hosts.h) one after the other, then
// after 1 s doubling up to 5 min, each wait between half and the whole of that at random, so that a house
// full of nodes doesn't come back in one instant after a power cut.
#pragma once

#include <algorithm>
#include <array>

#include "node/hosts.h"
#include "node/limits.h"
#include "node/port.h"

namespace alona::node {

class Connector {
 public:
  // `kept`: the address that worked last, as the port has kept it.
  Connector(std::string_view name, std::string_view address, std::string_view kept) : hosts_(name, address) {
    hosts_.remember(kept);
  }
  // True once for each new connection. Call in every step.
  bool step(Port& port, const LastWill& will, std::int64_t now) {
    const Link link = port.link();
    if (link == Link::up) return came_up(port, now);
    if (link == Link::connecting) {
      if (now - began_ms_ > connect_timeout_ms) port.hang_up();
      return false;
    }
    if (up_ || trying_) lost(port, now);
    if (now < next_ms_) return false;
    trying_ = true;
    began_ms_ = now;
    if (const std::string_view host = hosts_.next(); !host.empty()) port.use_host(host);
    port.connect(will);
    return port.link() == Link::up && came_up(port, now);
  }

 private:
  bool came_up(Port& port, std::int64_t now) {
    if (up_) {
      if (now - began_ms_ > stable_after_ms) wait_ms_ = connect_first_ms;
      return false;
    }
    up_ = true;
    trying_ = false;
    began_ms_ = now;
    hosts_.from_the_first();
    std::array<char, host_bytes_max> address{};
    const std::size_t bytes = std::min(port.peer_address(address), address.size());
    // Flash wears: only another one is written.
    if (hosts_.remember({address.data(), bytes})) port.keep_address({address.data(), bytes});
    return true;
  }
  void lost(Port& port, std::int64_t now) {
    const bool another = trying_ && !hosts_.round_over();
    up_ = trying_ = false;
    if (another) {
      next_ms_ = now;  // the next place, without a wait
      return;
    }
    const auto half = static_cast<std::uint32_t>(wait_ms_ / 2);
    next_ms_ = now + half + port.random() % (half + 1);
    wait_ms_ = std::min(wait_ms_ * 2, connect_wait_ms_max);
  }

  Hosts hosts_;
  bool up_ = false, trying_ = false;
  std::int64_t began_ms_ = 0, next_ms_ = 0, wait_ms_ = connect_first_ms;
};

}  // namespace alona::node
