// Printing that goes on when the terminal or the pipe is gone, as with a lost ssh; fmt::print throws then.
// What stdout didn't take, main() says at the end.
#pragma once

#include <cstdio>
#include <string_view>

namespace alona {

inline void say(std::FILE* to, std::string_view text) {
  [[maybe_unused]] const std::size_t printed = std::fwrite(text.data(), 1, text.size(), to);
}

}  // namespace alona
