// Inside the store only: the codings of a chunk's columns (store/chunk.h). Each code_… tries those that can
// be and writes the smallest; it returns its kind.
#pragma once

#include "store/chunk.h"
#include "store/chunk_sections.h"

namespace alona::store {

// What the tries write into, and sections are unpacked into; used again from chunk to chunk.
struct Scratch {
  Zstd zstd;
  std::vector<Bytes> tries;
  Bytes first, second;
  std::vector<std::int64_t> numbers;
};

[[nodiscard]] std::uint8_t code_times(Packer& p, Scratch& scratch, std::span<const std::int64_t> ts);
[[nodiscard]] std::uint8_t code_values(Packer& p, Scratch& scratch, std::span<const double> values);
[[nodiscard]] std::uint8_t code_flags(Packer& p, Scratch& scratch, std::span<const std::uint8_t> flags);

// Into `out`, whose size is the number of readings. What makes no sense spoils `u`.
void decode_times(Unpacker& u, Scratch& scratch, std::uint8_t kind, std::span<std::int64_t> out);
void decode_values(Unpacker& u, Scratch& scratch, std::uint8_t kind, std::span<double> out);
void decode_flags(Unpacker& u, Scratch& scratch, std::uint8_t kind, std::span<std::uint8_t> out);

}  // namespace alona::store
