// Proof that a broker admits a user: a real login, repeated until the broker has read its new password file
// or the time is up. Blocks; never on the web or writer thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/time.h"

namespace alona::ops {

struct BrokerAddress {
  std::string host;
  std::uint16_t port = 1883;
};

// One login with a clean session, and goodbye. auth: the broker refused it. temporary: no broker, or no
// answer. Careful: it ends whatever else is logged in under this name and destroys what the broker holds for
// it.
[[nodiscard]] Result<void> log_in_once(const BrokerAddress& broker, const std::string& user,
                                       const std::string& password, Ms timeout);

// The same, again and again while it is refused or unreachable; the last failure when the time is up.
[[nodiscard]] Result<void> log_in_within(const BrokerAddress& broker, const std::string& user,
                                         const std::string& password, Ms patience);

}  // namespace alona::ops
