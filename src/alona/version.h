#pragma once

#include <string_view>

namespace alona {

// The same as in CMakeLists.txt, which a test of the command line compares.
inline constexpr std::string_view version = "0.1.0";

}  // namespace alona
