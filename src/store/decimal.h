// Doubles that are decimals: m / 10^places, equal to the last bit. Up to 2^53, m and the quotient are exact
// and well rounded, so that whoever divides gets the same 64 bits. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

namespace alona::store {

inline constexpr auto powers_of_ten =
    std::to_array<double>({1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9});

// The m for so many places (0–9); nothing: there is none.
[[nodiscard]] std::optional<std::int64_t> at_places(double value, std::size_t places);

struct Decimal {
  std::int64_t m = 0;
  std::size_t places = 0;
};
// With the fewest places there can be.
[[nodiscard]] std::optional<Decimal> as_decimal(double value);

// The sum as people write it: 1234.4 + 0.2 is 1234.6, not 1234.6000000000001. Of two decimals it is the
// double nearest to their decimal sum, so that subtracting one gives the other again; of anything else, and
// of more than 2^53 of the last place, the sum of the doubles.
[[nodiscard]] double decimal_sum(double a, double b);

}  // namespace alona::store
