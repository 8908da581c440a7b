#include "ops/admitted.h"

namespace alona::ops {

bool Admitted::operator()(std::string_view node) {
  std::error_code ec;
  const auto changed = std::filesystem::last_write_time(path_, ec);
  if (ec) return false;
  if (!passwords_ || changed != read_at_) {
    auto read = BrokerPasswords::read(path_);
    if (!read) return false;
    passwords_ = std::move(*read);
    read_at_ = changed;
  }
  return passwords_->has(node);
}

}  // namespace alona::ops
