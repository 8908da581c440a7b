// Inside the store only: the packed parts of a chunk (store/chunk.h, "section"), and the codings of its
// columns.
#pragma once

#include <zstd.h>

#include <memory>
#include <span>
#include <vector>

#include "store/pack.h"

namespace alona::store {

using Bytes = std::vector<std::uint8_t>;

// zstd with contexts that are used again.
class Zstd {
 public:
  Zstd();
  // Empty: it would not be smaller than `raw`.
  [[nodiscard]] std::span<const std::uint8_t> pack(std::span<const std::uint8_t> raw, int level);
  // False: damaged, or more than `bytes_max`.
  [[nodiscard]] bool unpack(std::span<const std::uint8_t> packed, std::size_t bytes_max, Bytes& out);

 private:
  struct Free {
    void operator()(ZSTD_CCtx* c) const { ZSTD_freeCCtx(c); }
    void operator()(ZSTD_DCtx* d) const { ZSTD_freeDCtx(d); }
  };
  std::unique_ptr<ZSTD_CCtx, Free> packing_;
  std::unique_ptr<ZSTD_DCtx, Free> unpacking_;
  Bytes packed_;
};

void put_section(Packer& p, Zstd& zstd, std::span<const std::uint8_t> raw);
// Its content: of the chunk's own bytes, or unpacked into `memory`. Not ok: `u` has gone bad.
[[nodiscard]] std::span<const std::uint8_t> take_section(Unpacker& u, Zstd& zstd, std::size_t bytes_max,
                                                         Bytes& memory);

// As many zigzags as `out` has room for. False: the section holds more, fewer or none such.
[[nodiscard]] bool read_zigzags(std::span<const std::uint8_t> section, std::span<std::int64_t> out);

}  // namespace alona::store
