// A visitor's first step: is there somebody at this address, and what does the page answer? Blocks, bounded.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/time.h"

namespace alona {

// `host`: an IPv4 or IPv6 address as numbers, or a name. temporary: nobody listens, or no answer in time.
[[nodiscard]] Result<void> knock(const std::string& host, std::uint16_t port, Ms patience);

// The status of a GET on a connection of its own; any is a success. Errors as http::unix_request, too.
[[nodiscard]] Result<int> visit(const std::string& host, std::uint16_t port, const std::string& target,
                                Ms patience);

}  // namespace alona
