#include "store/chunk_sections.h"

#include <new>

namespace alona::store {
namespace {

constexpr int pack_level = 14;  // written once, read for years; 19 takes three times as long for one percent

constexpr std::int64_t unzigzag(std::uint64_t v) {
  return static_cast<std::int64_t>(v >> 1) ^ -static_cast<std::int64_t>(v & 1);
}

// Slow series change by less than 64 units from reading to reading: a byte each, and the compiler takes many
// at once.
bool read_bytes(std::span<const std::uint8_t> section, std::span<std::int64_t> out) {
  std::uint8_t all = 0;
  for (const std::uint8_t byte : section) all |= byte;
  if ((all & 0x80) != 0) return false;
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = unzigzag(section[i]);
  return true;
}

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

// A year's chart is half a million of these.
bool read_zigzags(std::span<const std::uint8_t> section, std::span<std::int64_t> out) {
  if (section.size() == out.size() && read_bytes(section, out)) return true;
  const std::uint8_t* at = section.data();
  const std::uint8_t* const end = at + section.size();
  for (std::int64_t& v : out) {
    if (end - at >= 2 && ((at[0] & at[1]) & 0x80) == 0) {
      // One byte or two, without a branch that can't be foreseen.
      const auto second = static_cast<std::uint64_t>(at[0] >> 7);
      v = unzigzag((at[0] & 0x7Fu) | ((at[1] & 0x7Fu & -second) << 7));
      at += 1 + second;
      continue;
    }
    Unpacker rest{{at, end}};
    v = rest.zigzag();
    if (!rest.ok()) return false;
    at = end - rest.left();
  }
  return at == end;
}

}  // namespace alona::store
