// Sealed history: up to 4,096 readings of one series in one blob, the smallest of a few simple codings of
// each column, packed by zstd. What goes in comes out to the last bit. docs/chunks.md shows the format to
// people.
//
// Format 1, frozen; integers little-endian; "varint" as in Protocol Buffers (7 bits a byte, low first),
// "zigzag" a signed varint; arithmetic on 64 bits, wrapping:
//   u8      1
//   u32     CRC-32C of the series' number (i64) and of everything that follows
//   varint  n, the readings: 1 to 4,096
//   u8      kinds: bits 0–1 times, 2–4 values, 5 flags
//   times, in ascending order, no two equal
//     zigzag first, ms UTC; varint unit, ms; varint step, in units
//     then by kind, for each reading but the first, its distance to the one before, in units:
//     0 regular    nothing: it is the step
//     1 offsets    section of zigzags: the distance less the step
//     2 changes    section of zigzags: the distance less the one before it (the first: less the step)
//   values, by kind, for each reading:
//     0 decimals   u8 d; zigzag m; varint unit; section of zigzags k: the value is (m + k × unit) / 10^d
//     1 steps      u8 d; zigzag m; varint unit; section of zigzags k: as above, k summed up from the first on
//     2 raw        section of f64
//     3 planes     section: byte 0 of each f64, then byte 1 of each, …
//     4 changes    as planes, of each f64's bits xor those of the one before (the first: xor 0)
//     5 dictionary varint entries (1 to 256); section of f64; section of u8, which entry
//   flags, by kind: 0 u8, the same for all; 1 section of u8
//   section: varint 2 × bytes + packed; so many bytes: a zstd frame that tells its size, or as they are
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/error.h"
#include "store/rows.h"

namespace alona::store {

struct Chunk {
  UtcMs start{}, end{};  // of the first and the last reading
  std::uint32_t count = 0;
  double min = 0, max = 0, sum = 0;  // sum: each row by its weight (store/thin.h)
  std::uint8_t marks = 0;            // the flags of all its readings in one
  std::vector<std::uint8_t> bytes;
};

// By reading, the same length each.
struct Columns {
  std::vector<std::int64_t> ts;  // ms UTC
  std::vector<double> values;
  std::vector<std::uint8_t> flags;
};

// By its checksum alone: these are the bytes that were sealed.
[[nodiscard]] bool chunk_is_whole(SeriesNo series, std::span<const std::uint8_t> bytes);

// Holds zstd's working memory and some of its own, for one thread; several hundred KiB once used.
class ChunkCodec {
 public:
  ChunkCodec();
  ~ChunkCodec();
  ChunkCodec(const ChunkCodec&) = delete;
  ChunkCodec& operator=(const ChunkCodec&) = delete;

  // `columns`: 1 to limits::chunk_readings_max, times ascending, no two equal; else failed. Decodes what it
  // made and compares: what it returns is proven.
  [[nodiscard]] Result<Chunk> encode(SeriesNo series, const Columns& columns);

  // Replaces what is in `out`, whose memory is kept. corrupt: checksum or format is wrong; `out` is
  // undefined.
  [[nodiscard]] Result<void> decode(SeriesNo series, std::span<const std::uint8_t> bytes, Columns& out);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace alona::store
