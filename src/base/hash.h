// Checksums and random bytes. crc32c finds damage; keyed_hash tells messages apart and can't be aimed by a
// stranger who doesn't know the key. Any thread; no state.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct evp_md_ctx_st;  // OpenSSL's, whose header stays in hash.cc

namespace alona {

// CRC-32C (Castagnoli, reflected 0x82F63B78), as in RFC 3720 appendix B.4. `seed` continues an earlier one.
[[nodiscard]] std::uint32_t crc32c(std::span<const std::uint8_t> bytes, std::uint32_t seed = 0);
// The same without the processor's own instruction, where it has one; for tests.
[[nodiscard]] std::uint32_t crc32c_by_tables(std::span<const std::uint8_t> bytes, std::uint32_t seed = 0);

using HashKey = std::array<std::uint8_t, 16>;
[[nodiscard]] HashKey random_hash_key();
// SipHash-2-4 over topic, a zero byte and payload.
[[nodiscard]] std::uint64_t keyed_hash(const HashKey& key, std::string_view topic, std::string_view payload);

// SHA-256 (FIPS 180-4), piece by piece, as sha256sum prints it. OpenSSL's: by the processor's instructions.
class Sha256 {
 public:
  Sha256();
  void add(std::span<const std::uint8_t> bytes);
  void add(std::string_view text) { add({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}); }
  [[nodiscard]] std::array<std::uint8_t, 32> finish();  // once
  [[nodiscard]] std::string finish_hex();

 private:
  struct End {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, End> context_;
};

// From the kernel. Lower-case hexadecimal, two characters a byte.
[[nodiscard]] std::string random_hex(std::size_t bytes);
[[nodiscard]] std::uint64_t random_u64();

}  // namespace alona
