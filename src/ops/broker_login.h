// Proof that a broker admits a user: a real login, repeated until the broker has read its new password file
// or the time is up. Blocks; never on the web or writer thread.
#pragma once

#include <string>

#include "base/error.h"
#include "base/time.h"
#include "ops/broker_talk.h"

namespace alona::ops {

// One login with a clean session, and goodbye: BrokerTalk::log_in, with its errors and its warning.
[[nodiscard]] Result<void> log_in_once(const BrokerAddress& broker, const std::string& user,
                                       const std::string& password, Ms timeout);

// The same, again and again while it is refused or unreachable; the last failure when the time is up.
[[nodiscard]] Result<void> log_in_within(const BrokerAddress& broker, const std::string& user,
                                         const std::string& password, Ms patience);

}  // namespace alona::ops
