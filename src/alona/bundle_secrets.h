// What must never leave the box in a debug bundle: found once, then taken out of every text. The second line
// of defence: no member is made of anything that holds secrets. One thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ops/config.h"
#include "ops/paths.h"

namespace alona {

class Secrets {
 public:
  // The passwords and hashes that this user can read; who can't read them can't spill them.
  [[nodiscard]] static Secrets of(const ops::Config& config, const ops::Paths& paths);
  void add(std::string secret);  // too short to be one: not added

  // The text without any of them, and without whatever has the form of a password's hash or of a password or
  // token that Alona makes, as nodes' passwords are known to nobody; "[left out]" in its place.
  [[nodiscard]] std::string taken_out_of(std::string text) const;

 private:
  std::vector<std::string> known_;
};

}  // namespace alona
