#include "store/decimal.h"

#include <bit>
#include <cmath>

namespace alona::store {

std::optional<std::int64_t> at_places(double value, std::size_t places) {
  constexpr double exact_max = 9007199254740992.0;  // 2^53
  const double power = powers_of_ten[places];
  const double scaled = std::nearbyint(value * power);
  if (!(std::abs(scaled) < exact_max)) return std::nullopt;
  const auto m = static_cast<std::int64_t>(scaled);
  // By bits: -0 is no decimal.
  const bool same =
      std::bit_cast<std::uint64_t>(static_cast<double>(m) / power) == std::bit_cast<std::uint64_t>(value);
  return same ? std::optional{m} : std::nullopt;
}

std::optional<Decimal> as_decimal(double value) {
  for (std::size_t places = 0; places < powers_of_ten.size(); ++places) {
    if (const auto m = at_places(value, places)) return Decimal{*m, places};
  }
  return std::nullopt;
}

}  // namespace alona::store
