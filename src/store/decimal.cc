#include "store/decimal.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace alona::store {
namespace {

std::int64_t ten_to(std::size_t places) { return static_cast<std::int64_t>(powers_of_ten[places]); }

}  // namespace

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

double decimal_sum(double a, double b) {
  const auto x = as_decimal(a), y = as_decimal(b);
  if (!x || !y) return a + b;
  const std::size_t places = std::max(x->places, y->places);
  std::int64_t m = 0, n = 0, sum = 0;
  constexpr std::int64_t exact_max = std::int64_t{1} << 53;
  if (__builtin_mul_overflow(x->m, ten_to(places - x->places), &m) ||
      __builtin_mul_overflow(y->m, ten_to(places - y->places), &n) || __builtin_add_overflow(m, n, &sum) ||
      sum > exact_max || sum < -exact_max)
    return a + b;
  return static_cast<double>(sum) / powers_of_ten[places];
}

}  // namespace alona::store
