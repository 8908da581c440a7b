#include "store/chunk.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/hash.h"
#include "base/limits.h"
#include "store/chunk_columns.h"
#include "store/thin.h"

namespace alona::store {
namespace {

constexpr std::uint8_t format_version = 1;
constexpr std::size_t header_bytes = 5;

std::uint32_t checksum(SeriesNo series, std::span<const std::uint8_t> rest) {
  const auto number = static_cast<std::int64_t>(series);
  std::array<std::uint8_t, 8> bytes;
  std::memcpy(bytes.data(), &number, bytes.size());
  return crc32c(rest, crc32c(bytes));
}

// Bit for bit: two zeros or two NaNs may differ.
bool same(const Columns& a, const Columns& b) {
  return a.ts == b.ts && a.flags == b.flags && a.values.size() == b.values.size() &&
         std::memcmp(a.values.data(), b.values.data(), 8 * a.values.size()) == 0;
}

Result<void> check(const Columns& c) {
  if (c.ts.empty() || c.ts.size() > limits::chunk_readings_max || c.values.size() != c.ts.size() ||
      c.flags.size() != c.ts.size() || std::ranges::adjacent_find(c.ts, std::greater_equal{}) != c.ts.end()) {
    return fail(Errc::failed, "a chunk's readings must ascend in time, and be 1 to 4,096");
  }
  return {};
}

std::unexpected<Error> damaged() {
  return fail(Errc::corrupt, "a piece of sealed history is damaged",
              "It is set aside and shown as a gap; the newest proven backup may have it whole.");
}

}  // namespace

struct ChunkCodec::Impl {
  Scratch scratch;
  Columns proof;
};

ChunkCodec::ChunkCodec() : impl_(std::make_unique<Impl>()) {}
ChunkCodec::~ChunkCodec() = default;

Result<Chunk> ChunkCodec::encode(SeriesNo series, const Columns& columns) {
  if (auto good = check(columns); !good) return std::unexpected(good.error());
  Scratch& scratch = impl_->scratch;
  Chunk chunk{.start = utc_ms(columns.ts.front()),
              .end = utc_ms(columns.ts.back()),
              .count = static_cast<std::uint32_t>(columns.ts.size()),
              .min = *std::ranges::min_element(columns.values),
              .max = *std::ranges::max_element(columns.values)};
  for (std::size_t i = 0; i < columns.ts.size(); ++i)
    chunk.sum += weight(columns.ts[i], columns.flags[i]) * columns.values[i];
  for (const std::uint8_t flags : columns.flags) chunk.marks = static_cast<std::uint8_t>(chunk.marks | flags);
  chunk.bytes.assign(header_bytes, format_version);
  Packer p{chunk.bytes};
  p.varint(chunk.count);
  const std::size_t kinds_at = chunk.bytes.size();
  p.u8(0);
  const std::uint8_t time_kind = code_times(p, scratch, columns.ts);
  const std::uint8_t value_kind = code_values(p, scratch, columns.values);
  const std::uint8_t flags_kind = code_flags(p, scratch, columns.flags);
  chunk.bytes[kinds_at] = static_cast<std::uint8_t>(time_kind | value_kind << 2 | flags_kind << 5);
  const std::uint32_t sum = checksum(series, std::span(chunk.bytes).subspan(header_bytes));
  std::memcpy(chunk.bytes.data() + 1, &sum, sizeof sum);
  if (auto decoded = decode(series, chunk.bytes, impl_->proof); !decoded || !same(columns, impl_->proof))
    return fail(
        Errc::failed,
        fmt::format("the sealed readings of series {} don't unpack to what went in",
                    static_cast<int>(series)),
        "They stay as they were. Keep a copy of the database and report it: this is a fault of the program.");
  return chunk;
}

bool chunk_is_whole(SeriesNo series, std::span<const std::uint8_t> bytes) {
  if (bytes.size() < header_bytes || bytes[0] != format_version) return false;
  std::uint32_t sum = 0;
  std::memcpy(&sum, bytes.data() + 1, sizeof sum);
  return checksum(series, bytes.subspan(header_bytes)) == sum;
}

Result<void> ChunkCodec::decode(SeriesNo series, std::span<const std::uint8_t> bytes, Columns& out) {
  if (!chunk_is_whole(series, bytes)) return damaged();
  Unpacker u{bytes.subspan(header_bytes)};
  const std::uint64_t n = u.varint();
  const std::uint8_t kinds = u.u8();
  if (!u.ok() || n == 0 || n > limits::chunk_readings_max) return damaged();
  out.ts.resize(n), out.values.resize(n), out.flags.resize(n);
  decode_times(u, impl_->scratch, kinds & 3, out.ts);
  decode_values(u, impl_->scratch, kinds >> 2 & 7, out.values);
  decode_flags(u, impl_->scratch, kinds >> 5, out.flags);
  if (!u.ok() || !u.at_end()) return damaged();
  return {};
}

}  // namespace alona::store
