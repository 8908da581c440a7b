// How the box is reached on its LAN: by name and by address. Any thread; nothing is kept.
#pragma once

#include <filesystem>
#include <string>

#include "base/time.h"

namespace alona::ops {

// Where avahi-daemon answers, in its plain protocol. Anybody may ask.
inline constexpr const char* avahi_socket = "/run/avahi-daemon/socket";

// The first IPv4 address that isn't loopback, else the machine's own name with ".local".
[[nodiscard]] std::string lan_address();

// The name that the box really has on the LAN, such as alona.local, or alona-2.local where another was first:
// what avahi says of this machine's own address. Empty: it doesn't run, has no answer within `patience`, or
// there is no address. Blocks so long.
[[nodiscard]] std::string lan_name(const std::filesystem::path& socket = avahi_socket,
                                   Ms patience = Ms{1500});
// The same for a given address.
[[nodiscard]] std::string name_of_address(const std::string& address, const std::filesystem::path& socket,
                                          Ms patience);

}  // namespace alona::ops
