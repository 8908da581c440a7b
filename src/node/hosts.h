// Where a node looks for its broker: the box's name first, for it stays when the address changes; then the
// address that worked last, which the port keeps over a restart; then the one it was set up with. No heap.
// Owned by the connector.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace alona::node {

inline constexpr std::size_t host_bytes_max = 64;

class Hosts {
 public:
  // Texts that live as long as the node. Empty ones aren't tried; with all of them empty the port knows
  // itself where to connect.
  Hosts(std::string_view name, std::string_view address) : name_(name), address_(address) {}

  // As the port has kept it. False: it was kept already, or is none.
  bool remember(std::string_view address) {
    if (address.empty() || address.size() > host_bytes_max || address == last()) return false;
    std::ranges::copy(address, last_.begin());
    last_bytes_ = address.size();
    return true;
  }
  void from_the_first() { next_ = 0; }
  // Which to try now: each once, then from the first again. Empty: the port knows itself.
  std::string_view next() {
    std::size_t tried = 0;
    while (tried++ < places) {
      const std::string_view host = at(next_);
      const bool again = host == at((next_ + places - 1) % places) && next_ > 0;
      next_ = (next_ + 1) % places;
      if (!host.empty() && !again) return host;
    }
    return {};
  }
  // All of them were tried; the next is the first again.
  [[nodiscard]] bool round_over() const {
    for (std::size_t i = next_; i != 0 && i < places; ++i)
      if (!at(i).empty() && at(i) != at(i - 1)) return false;
    return true;
  }

 private:
  static constexpr std::size_t places = 3;
  [[nodiscard]] std::string_view last() const { return {last_.data(), last_bytes_}; }
  [[nodiscard]] std::string_view at(std::size_t i) const {
    return i == 0 ? name_ : i == 1 ? last() : address_;
  }

  std::string_view name_, address_;
  std::array<char, host_bytes_max> last_{};
  std::size_t last_bytes_ = 0;
  std::size_t next_ = 0;
};

}  // namespace alona::node
