#include "store/chunk_sections.h"

#include <new>

namespace alona::store {
namespace {

constexpr int pack_level = 14;  // written once, read for years; 19 takes three times as long for one percent

}  // namespace

Zstd::Zstd() : packing_(ZSTD_createCCtx()), unpacking_(ZSTD_createDCtx()) {
  if (!packing_ || !unpacking_) throw std::bad_alloc{};
}

std::span<const std::uint8_t> Zstd::pack(std::span<const std::uint8_t> raw, int level) {
  packed_.resize(ZSTD_compressBound(raw.size()));
  const std::size_t n =
      ZSTD_compressCCtx(packing_.get(), packed_.data(), packed_.size(), raw.data(), raw.size(), level);
  if (ZSTD_isError(n) != 0 || n >= raw.size()) return {};
  return {packed_.data(), n};
}

bool Zstd::unpack(std::span<const std::uint8_t> packed, std::size_t bytes_max, Bytes& out) {
  const unsigned long long size = ZSTD_getFrameContentSize(packed.data(), packed.size());
  if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR || size > bytes_max) return false;
  out.resize(static_cast<std::size_t>(size));
  return ZSTD_decompressDCtx(unpacking_.get(), out.data(), out.size(), packed.data(), packed.size()) == size;
}

void put_section(Packer& p, Zstd& zstd, std::span<const std::uint8_t> raw) {
  const auto packed = zstd.pack(raw, pack_level);
  p.varint(packed.empty() ? 2 * raw.size() : 2 * packed.size() + 1);
  p.bytes(packed.empty() ? raw : packed);
}

std::span<const std::uint8_t> take_section(Unpacker& u, Zstd& zstd, std::size_t bytes_max, Bytes& memory) {
  const std::uint64_t head = u.varint();
  const auto stored = u.bytes(head >> 1);
  if ((head & 1) == 0) {
    if (stored.size() > bytes_max) u.spoil();
    return stored;
  }
  if (!zstd.unpack(stored, bytes_max, memory)) u.spoil();
  return memory;
}

}  // namespace alona::store
