// Whether the broker that runs keeps Alona's rules, found by trying: real logins and real messages, with a
// second user who hears everything, since MQTT 3.1.1 refuses silently. Two users of the doctor's own do it,
// so that no node is ever impersonated or thrown out, and what they say is nothing that a node or the core
// could take for its own. Blocks for some seconds at most.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "ops/broker_talk.h"
#include "ops/paths.h"

namespace alona::ops {

struct RuleTried {
  std::string id;  // its name in docs/runbook.md
  bool holds = false;
  std::string what;  // what was seen, when it doesn't hold
};

// All of them, also those that hold. auth: the broker refuses the doctor's own users. temporary: no broker,
// or another doctor is trying. Others: the passwords can't be read, as by who isn't root.
[[nodiscard]] Result<std::vector<RuleTried>> try_broker_rules(const Paths& paths,
                                                              const std::filesystem::path& core_password,
                                                              const BrokerAddress& broker);

}  // namespace alona::ops
