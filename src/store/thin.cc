#include "store/thin.h"

#include <algorithm>
#include <cmath>

#include "store/decimal.h"

namespace alona::store {
namespace {

constexpr std::int64_t width = Ms{limits::thin_bucket}.count();
constexpr std::size_t rows_left = 3;

bool stays(std::uint8_t flags) { return (flags & (flag::thinned | flag::implausible | flag::excluded)) != 0; }

void put(Columns& out, std::int64_t ts, double value, std::uint8_t flags) {
  out.ts.push_back(ts), out.values.push_back(value), out.flags.push_back(flags);
}

// One more place than the readings have: more would be noise, and wouldn't pack.
double rounded(double mean, std::optional<std::size_t> places) {
  if (!places || *places + 1 >= powers_of_ten.size()) return mean;
  const double scale = powers_of_ten[*places + 1];
  const double m = std::nearbyint(mean * scale);
  return std::abs(m) < 9e15 ? m / scale : mean;
}

// Rows [from, to) of one bucket.
class Bucket10 {
 public:
  Bucket10(const Columns& in, std::size_t from, std::size_t to) : in_(in), from_(from), to_(to) {
    for (std::size_t i = from; i < to; ++i) {
      thinned_ = thinned_ || (in.flags[i] & flag::thinned) != 0;
      if (!stays(in.flags[i])) add(in.values[i], in.flags[i]);
    }
  }

  // False: it is to stay as it is.
  [[nodiscard]] bool put_thinned(Columns& out) const {
    if (thinned_ || n_ <= rows_left) return false;
    const std::int64_t start = thin_bucket_of(in_.ts[from_]) * width;
    const auto exact = static_cast<double>(sum_ / static_cast<long double>(n_));
    const double mean = std::clamp(rounded(exact, places_), min_, max_);
    const std::size_t before = out.ts.size();
    std::size_t i = from_;
    const auto place = [&](std::int64_t ts, double value) {
      for (; i < to_ && in_.ts[i] <= ts; ++i) {
        if (stays(in_.flags[i])) put(out, in_.ts[i], in_.values[i], in_.flags[i]);
      }
      const bool free = out.ts.size() == before || out.ts.back() < ts;
      if (free) put(out, ts, value, static_cast<std::uint8_t>(marks_ | quality_ | flag::thinned));
      return free;
    };
    if (place(start + width / 4, min_) && place(start + width / 2, mean) &&
        place(start + width / 4 * 3, max_)) {
      for (; i < to_; ++i) {
        if (stays(in_.flags[i])) put(out, in_.ts[i], in_.values[i], in_.flags[i]);
      }
      return true;
    }
    // One that stays has just that time.
    out.ts.resize(before), out.values.resize(before), out.flags.resize(before);
    return false;
  }

 private:
  void add(double value, std::uint8_t flags) {
    min_ = n_ == 0 ? value : std::min(min_, value);
    max_ = n_ == 0 ? value : std::max(max_, value);
    sum_ += value;
    const auto decimal = as_decimal(value);
    if (!decimal) places_.reset();
    if (places_ && decimal) places_ = std::max(*places_, decimal->places);
    // The least certain time speaks for all.
    quality_ = std::max(quality_, static_cast<std::uint8_t>(flags & flag::quality_mask));
    marks_ = static_cast<std::uint8_t>(marks_ | (flags & ~flag::quality_mask));
    ++n_;
  }

  const Columns& in_;
  std::size_t from_, to_;
  bool thinned_ = false;
  std::size_t n_ = 0;
  double min_ = 0, max_ = 0;
  long double sum_ = 0;
  std::optional<std::size_t> places_ = 0;  // nothing: one of them is no decimal
  std::uint8_t quality_ = 0, marks_ = 0;
};

}  // namespace

std::int64_t thin_bucket_of(std::int64_t ts) { return ts / width - (ts % width < 0 ? 1 : 0); }

void thin(const Columns& in, bool shared_head, bool shared_tail, Columns& out) {
  out.ts.clear(), out.values.clear(), out.flags.clear();
  const std::size_t n = in.ts.size();
  for (std::size_t from = 0, to = 0; from < n; from = to) {
    const std::int64_t bucket = thin_bucket_of(in.ts[from]);
    while (to < n && thin_bucket_of(in.ts[to]) == bucket) ++to;
    const bool shared = (shared_head && from == 0) || (shared_tail && to == n);
    if (!shared && Bucket10{in, from, to}.put_thinned(out)) continue;
    for (std::size_t i = from; i < to; ++i) put(out, in.ts[i], in.values[i], in.flags[i]);
  }
}

}  // namespace alona::store
