// Bytes in and out for the store's packed rows: little-endian integers, varints, zigzag. A Packer grows its
// buffer; an Unpacker never reads past its end: it goes bad instead, gives zeros from then on, and the caller
// asks ok() once.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace alona::store {

// 64 bits, wrapping: hostile times may lie as far apart as those allow, and must still come back.
[[nodiscard]] inline std::int64_t minus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
[[nodiscard]] inline std::int64_t plus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
[[nodiscard]] inline std::int64_t times(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
}

class Packer {
 public:
  explicit Packer(std::vector<std::uint8_t>& out) : out_(out) {}
  void u8(std::uint8_t v) { out_.push_back(v); }
  void u16(std::uint16_t v) { fixed(v); }
  void u32(std::uint32_t v) { fixed(v); }
  void u64(std::uint64_t v) { fixed(v); }
  void f64(double v) { fixed(std::bit_cast<std::uint64_t>(v)); }
  void varint(std::uint64_t v) {
    for (; v >= 0x80; v >>= 7) out_.push_back(static_cast<std::uint8_t>(v | 0x80));
    out_.push_back(static_cast<std::uint8_t>(v));
  }
  void zigzag(std::int64_t v) {
    varint((static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63));
  }
  void bytes(std::span<const std::uint8_t> v) { append(v.data(), v.size()); }
  void text(std::string_view v) {
    varint(v.size());
    append(v.data(), v.size());
  }

 private:
  template <class T>
  void fixed(T v) {
    static_assert(std::endian::native == std::endian::little);
    append(&v, sizeof v);
  }
  // Not by insert(): GCC 14 takes how that grows for a write beyond the end.
  void append(const void* data, std::size_t n) {
    if (n == 0) return;
    const std::size_t at = out_.size();
    out_.resize(at + n);
    std::memcpy(out_.data() + at, data, n);
  }
  std::vector<std::uint8_t>& out_;
};

class Unpacker {
 public:
  explicit Unpacker(std::span<const std::uint8_t> in) : at_(in.data()), end_(in.data() + in.size()) {}
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return at_ == end_; }
  [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  std::uint8_t u8() { return fixed<std::uint8_t>(); }
  std::uint16_t u16() { return fixed<std::uint16_t>(); }
  std::uint32_t u32() { return fixed<std::uint32_t>(); }
  std::uint64_t u64() { return fixed<std::uint64_t>(); }
  double f64() { return std::bit_cast<double>(fixed<std::uint64_t>()); }
  std::uint64_t varint() {
    std::uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (at_ == end_) return bad();
      const std::uint8_t byte = *at_++;
      v |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if ((byte & 0x80) == 0) return v;
    }
    return bad();
  }
  std::int64_t zigzag() {
    const std::uint64_t v = varint();
    return static_cast<std::int64_t>(v >> 1) ^ -static_cast<std::int64_t>(v & 1);
  }
  std::string text() {
    const std::uint64_t size = varint();
    if (size > static_cast<std::uint64_t>(end_ - at_)) return bad(), std::string{};
    std::string v(reinterpret_cast<const char*>(at_), static_cast<std::size_t>(size));
    at_ += size;
    return v;
  }
  // Of what is unpacked, not copied.
  std::span<const std::uint8_t> bytes(std::uint64_t size) {
    if (size > static_cast<std::uint64_t>(end_ - at_)) return bad(), std::span<const std::uint8_t>{};
    const std::span v{at_, static_cast<std::size_t>(size)};
    at_ += size;
    return v;
  }
  // What was read makes no sense: as if the end had come.
  void spoil() { bad(); }
  // A count of items, each at least one byte: more than the bytes left is damage, and memory isn't asked for
  // it.
  std::size_t count() {
    const std::uint64_t n = varint();
    return n <= static_cast<std::uint64_t>(end_ - at_) ? static_cast<std::size_t>(n)
                                                       : static_cast<std::size_t>(bad());
  }

 private:
  std::uint64_t bad() {
    ok_ = false;
    at_ = end_;
    return 0;
  }
  template <class T>
  T fixed() {
    if (static_cast<std::size_t>(end_ - at_) < sizeof(T)) return static_cast<T>(bad());
    T v;
    std::memcpy(&v, at_, sizeof v);
    at_ += sizeof v;
    return v;
  }
  const std::uint8_t* at_;
  const std::uint8_t* end_;
  bool ok_ = true;
};

}  // namespace alona::store
