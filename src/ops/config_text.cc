#include <sstream>

#include <toml++/toml.h>

#include "ops/config.h"

namespace alona::ops {

Result<std::string> config_without_comments(std::string_view text) {
  try {
    std::ostringstream out;
    out << toml::parse(text) << "\n";
    return out.str();
  } catch (const toml::parse_error& error) {
    return fail(Errc::config, std::string(error.description()));
  }
}

}  // namespace alona::ops
