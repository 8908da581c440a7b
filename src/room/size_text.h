// "240 MiB", "1.2 GiB": for people. Any thread.
#pragma once

#include <cstdint>
#include <string>

namespace alona::room {

[[nodiscard]] std::string size_text(std::uint64_t bytes);

}  // namespace alona::room
