#include "store/chunk_columns.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numeric>

#include "store/decimal.h"

namespace alona::store {
namespace {

enum TimeKind : std::uint8_t { regular = 0, offsets = 1, changes = 2 };
enum ValueKind : std::uint8_t {
  decimals = 0,
  steps = 1,
  raw = 2,
  planes = 3,
  xor_planes = 4,
  dictionary = 5
};

constexpr int try_level = 3;  // ranks the codings as pack_level does, at a fraction of its time
constexpr std::size_t entries_max = 256;
constexpr std::size_t varint_bytes_max = 10;

std::uint64_t bits(double v) { return std::bit_cast<std::uint64_t>(v); }

template <class T>
std::span<const std::uint8_t> bytes_of(std::span<const T> words) {
  static_assert(std::endian::native == std::endian::little && sizeof(T) == 8);
  return {reinterpret_cast<const std::uint8_t*>(words.data()), words.size_bytes()};
}

std::size_t packed_bytes(Zstd& zstd, std::span<const std::uint8_t> section) {
  const std::size_t n = zstd.pack(section, try_level).size();
  return n == 0 ? section.size() : n;
}

// The largest number that divides them all; 1 when all are zero.
std::int64_t unit_of(std::span<const std::int64_t> numbers) {
  std::uint64_t unit = 0;
  for (const std::int64_t n : numbers) {
    const auto magnitude = n < 0 ? 0 - static_cast<std::uint64_t>(n) : static_cast<std::uint64_t>(n);
    unit = std::gcd(unit, magnitude);
    if (unit == 1) break;
  }
  return unit == 0 || unit > static_cast<std::uint64_t>(INT64_MAX) ? 1 : static_cast<std::int64_t>(unit);
}

void put_zigzags(Bytes& out, std::span<const std::int64_t> numbers, std::int64_t less = 0) {
  out.clear();
  Packer p{out};
  for (const std::int64_t n : numbers) p.zigzag(minus(n, less));
}

void put_changes(Bytes& out, std::span<const std::int64_t> numbers, std::int64_t before) {
  out.clear();
  Packer p{out};
  for (const std::int64_t n : numbers) p.zigzag(minus(n, std::exchange(before, n)));
}

// Byte by byte across all numbers: what changes slowly then stands together.
template <class Bits>
void put_planes(Bytes& out, std::size_t n, Bits&& bits_of) {
  out.resize(8 * n);
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint64_t v = bits_of(i);
    for (std::size_t b = 0; b < 8; ++b) out[b * n + i] = static_cast<std::uint8_t>(v >> (8 * b));
  }
}

// m / 10^places for each, with the same places; false: not all are such.
bool as_decimals(std::span<const double> values, std::vector<std::int64_t>& m, std::size_t& places) {
  places = 0;
  for (const double v : values) {
    const auto one = as_decimal(v);
    if (!one) return false;
    places = std::max(places, one->places);
  }
  m.clear();
  for (const double v : values) {
    const auto one = at_places(v, places);
    if (!one) return false;
    m.push_back(*one);
  }
  return true;
}

// The distinct ones in order of their bits; false: more than fit.
bool entries_of(std::span<const double> values, std::vector<std::uint64_t>& entries) {
  entries.clear();
  for (const double v : values) {
    const auto at = std::ranges::lower_bound(entries, bits(v));
    if (at != entries.end() && *at == bits(v)) continue;
    if (entries.size() == entries_max) return false;
    entries.insert(at, bits(v));
  }
  return true;
}

struct Best {
  std::size_t bytes = SIZE_MAX;
  std::uint8_t kind = 0;
  void offer(std::size_t offered, std::uint8_t of) {
    if (offered < bytes) bytes = offered, kind = of;
  }
};

}  // namespace

// ---- times ----

std::uint8_t code_times(Packer& p, Scratch& scratch, std::span<const std::int64_t> ts) {
  std::vector<std::int64_t>& gaps = scratch.numbers;
  gaps.clear();
  for (std::size_t i = 1; i < ts.size(); ++i) gaps.push_back(minus(ts[i], ts[i - 1]));
  const std::int64_t unit = unit_of(gaps);
  for (std::int64_t& gap : gaps) gap /= unit;
  std::vector<std::int64_t> sorted = gaps;  // for the middle one: what is regular becomes zeros
  std::ranges::nth_element(sorted, sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2));
  const std::int64_t step = sorted.empty() ? 0 : sorted[sorted.size() / 2];
  p.zigzag(ts.front());
  p.varint(static_cast<std::uint64_t>(unit));
  p.varint(static_cast<std::uint64_t>(step));
  if (std::ranges::all_of(gaps, [&](std::int64_t gap) { return gap == step; })) return regular;
  put_zigzags(scratch.first, gaps, step);
  put_changes(scratch.second, gaps, step);
  const bool by_offsets =
      packed_bytes(scratch.zstd, scratch.first) <= packed_bytes(scratch.zstd, scratch.second);
  put_section(p, scratch.zstd, by_offsets ? scratch.first : scratch.second);
  return by_offsets ? offsets : changes;
}

namespace {

// A section of a zigzag for each of `n` readings, until the next; not ok: `u` has gone bad.
std::span<const std::int64_t> take_zigzags(Unpacker& u, Scratch& scratch, std::size_t n) {
  const auto section = take_section(u, scratch.zstd, varint_bytes_max * n, scratch.first);
  scratch.numbers.resize(n);
  if (!read_zigzags(section, scratch.numbers)) u.spoil();
  return scratch.numbers;
}

}  // namespace

void decode_times(Unpacker& u, Scratch& scratch, std::uint8_t kind, std::span<std::int64_t> out) {
  std::int64_t ts = u.zigzag();
  const auto unit = static_cast<std::int64_t>(u.varint());
  const auto step = static_cast<std::int64_t>(u.varint());
  out[0] = ts;
  if (kind == regular) {
    for (std::size_t i = 1; i < out.size(); ++i) out[i] = ts = plus(ts, times(unit, step));
    return;
  }
  if (kind > changes) return u.spoil();
  const auto numbers = take_zigzags(u, scratch, out.size() - 1);
  std::int64_t gap = step;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    gap = plus(kind == offsets ? step : gap, numbers[i]);
    out[i + 1] = ts = plus(ts, times(unit, gap));
  }
}

// ---- values ----

namespace {

// Writes all of one kind; `scratch.tries[kind]` holds its section.
void write_values(Packer& p, Scratch& scratch, ValueKind kind, std::size_t places, std::int64_t first,
                  std::int64_t unit, std::span<const std::uint64_t> entries) {
  if (kind == decimals || kind == steps) {
    p.u8(static_cast<std::uint8_t>(places));
    p.zigzag(first);
    p.varint(static_cast<std::uint64_t>(unit));
  } else if (kind == dictionary) {
    p.varint(entries.size());
    put_section(p, scratch.zstd, bytes_of(entries));
  }
  put_section(p, scratch.zstd, scratch.tries[kind]);
}

}  // namespace

std::uint8_t code_values(Packer& p, Scratch& scratch, std::span<const double> values) {
  scratch.tries.resize(dictionary + 1);
  auto& tries = scratch.tries;
  Best best;
  const auto offer = [&](ValueKind kind, std::size_t beside = 0) {
    best.offer(packed_bytes(scratch.zstd, tries[kind]) + beside, kind);
  };
  std::size_t places = 0;
  std::int64_t first = 0;
  std::int64_t unit = 1;
  std::vector<std::int64_t>& m = scratch.numbers;
  if (as_decimals(values, m, places)) {
    first = m.front();
    for (std::int64_t& one : m) one = minus(one, first);
    unit = unit_of(m);
    for (std::int64_t& one : m) one /= unit;
    put_zigzags(tries[decimals], m), offer(decimals);
    put_changes(tries[steps], m, 0), offer(steps);
  }
  const auto words = bytes_of(values);
  tries[raw].assign(words.begin(), words.end()), offer(raw);
  put_planes(tries[planes], values.size(), [&](std::size_t i) { return bits(values[i]); }), offer(planes);
  put_planes(tries[xor_planes], values.size(),
             [&](std::size_t i) { return bits(values[i]) ^ (i == 0 ? 0 : bits(values[i - 1])); }),
      offer(xor_planes);
  std::vector<std::uint64_t> entries;
  if (entries_of(values, entries)) {
    tries[dictionary].clear();
    for (const double v : values) {
      const auto at = std::ranges::lower_bound(entries, bits(v)) - entries.begin();
      tries[dictionary].push_back(static_cast<std::uint8_t>(at));
    }
    offer(dictionary, packed_bytes(scratch.zstd, bytes_of(std::span<const std::uint64_t>{entries})));
  }
  write_values(p, scratch, static_cast<ValueKind>(best.kind), places, first, unit, entries);
  return best.kind;
}

namespace {

void decode_decimals(Unpacker& u, Scratch& scratch, bool summed, std::span<double> out) {
  const std::size_t d = u.u8();
  std::int64_t m = u.zigzag();
  const auto unit = static_cast<std::int64_t>(u.varint());
  if (d >= powers_of_ten.size()) return u.spoil();
  const auto numbers = take_zigzags(u, scratch, out.size());
  const std::int64_t first = m;
  for (std::size_t i = 0; i < out.size(); ++i) {
    m = plus(summed ? m : first, times(unit, numbers[i]));
    out[i] = static_cast<double>(m) / powers_of_ten[d];
  }
}

void decode_planes(Unpacker& u, Scratch& scratch, bool changed, std::span<double> out) {
  const auto section = take_section(u, scratch.zstd, out.size_bytes(), scratch.first);
  if (!u.ok() || section.size() != out.size_bytes()) return u.spoil();
  std::uint64_t before = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::uint64_t v = 0;
    for (std::size_t b = 0; b < 8; ++b) v |= std::uint64_t{section[b * out.size() + i]} << (8 * b);
    if (changed) before = v ^= before;
    out[i] = std::bit_cast<double>(v);
  }
}

void decode_dictionary(Unpacker& u, Scratch& scratch, std::span<double> out) {
  const std::uint64_t n = u.varint();
  if (n == 0 || n > entries_max) return u.spoil();
  const auto listed = take_section(u, scratch.zstd, 8 * n, scratch.first);
  const auto which = take_section(u, scratch.zstd, out.size(), scratch.second);
  if (!u.ok() || listed.size() != 8 * n || which.size() != out.size()) return u.spoil();
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (which[i] >= n) return u.spoil();
    std::memcpy(&out[i], listed.data() + std::size_t{8} * which[i], 8);
  }
}

}  // namespace

void decode_values(Unpacker& u, Scratch& scratch, std::uint8_t kind, std::span<double> out) {
  switch (kind) {
    case decimals:
    case steps:
      return decode_decimals(u, scratch, kind == steps, out);
    case raw: {
      const auto section = take_section(u, scratch.zstd, out.size_bytes(), scratch.first);
      if (!u.ok() || section.size() != out.size_bytes()) return u.spoil();
      std::memcpy(out.data(), section.data(), section.size());
      return;
    }
    case planes:
    case xor_planes:
      return decode_planes(u, scratch, kind == xor_planes, out);
    case dictionary:
      return decode_dictionary(u, scratch, out);
    default:
      u.spoil();
  }
}

// ---- flags ----

std::uint8_t code_flags(Packer& p, Scratch& scratch, std::span<const std::uint8_t> flags) {
  const bool same = std::ranges::all_of(flags, [&](std::uint8_t f) { return f == flags.front(); });
  if (same) {
    p.u8(flags.front());
  } else {
    put_section(p, scratch.zstd, flags);
  }
  return same ? 0 : 1;
}

void decode_flags(Unpacker& u, Scratch& scratch, std::uint8_t kind, std::span<std::uint8_t> out) {
  if (kind == 0) {
    std::ranges::fill(out, u.u8());
    return;
  }
  const auto section = take_section(u, scratch.zstd, out.size(), scratch.first);
  if (!u.ok() || section.size() != out.size()) return u.spoil();
  std::ranges::copy(section, out.begin());
}

}  // namespace alona::store
