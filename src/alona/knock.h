// A visitor's first step: is there somebody at this address, and what does the page answer? Blocks, bounded.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/time.h"

namespace alona {

// `host`: an IPv4 or IPv6 address as numbers, or a name. temporary: nobody listens, or no answer in time.
[[nodiscard]] Result<void> knock(const std::string& host, std::uint16_t port, Ms patience);

struct PageAnswer {
  int status = 0;
  std::string text;  // head and body, at most some KiB
};
// GET over HTTP/1.1 on a connection of its own.
[[nodiscard]] Result<PageAnswer> visit(const std::string& host, std::uint16_t port, const std::string& target,
                                       Ms patience);

}  // namespace alona
