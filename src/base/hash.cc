#include "base/hash.h"

#include <openssl/evp.h>
#include <sodium.h>

#include <bit>
#include <cstring>
#include <vector>

#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

namespace alona {
namespace {

using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

// Eight tables, so that eight bytes are taken a step (Intel's slicing-by-8).
constexpr Tables make_tables() {
  Tables t{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78u : 0u);
    t[0][i] = crc;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t i = 0; i < 256; ++i) t[k][i] = (t[k - 1][i] >> 8) ^ t[0][t[k - 1][i] & 0xFF];
  }
  return t;
}
constexpr Tables tables = make_tables();

std::uint32_t by_tables(std::span<const std::uint8_t> bytes, std::uint32_t crc) {
  static_assert(std::endian::native == std::endian::little);
  while (bytes.size() >= 8) {
    std::uint32_t low = 0, high = 0;
    std::memcpy(&low, bytes.data(), 4);
    std::memcpy(&high, bytes.data() + 4, 4);
    low ^= crc;
    crc = tables[7][low & 0xFF] ^ tables[6][(low >> 8) & 0xFF] ^ tables[5][(low >> 16) & 0xFF] ^
          tables[4][low >> 24] ^ tables[3][high & 0xFF] ^ tables[2][(high >> 8) & 0xFF] ^
          tables[1][(high >> 16) & 0xFF] ^ tables[0][high >> 24];
    bytes = bytes.subspan(8);
  }
  for (const std::uint8_t byte : bytes) crc = (crc >> 8) ^ tables[0][(crc ^ byte) & 0xFF];
  return crc;
}

// Processors of the last ten years have this very checksum as an instruction: a third of the time. Every page
// that is read and every chunk pass through here.
#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t by_processor(std::span<const std::uint8_t> bytes,
                                                             std::uint32_t crc) {
  std::uint64_t wide = crc;
  for (; bytes.size() >= 8; bytes = bytes.subspan(8)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), 8);
    wide = __builtin_ia32_crc32di(wide, word);
  }
  crc = static_cast<std::uint32_t>(wide);
  for (const std::uint8_t byte : bytes) crc = __builtin_ia32_crc32qi(crc, byte);
  return crc;
}
bool processor_can() { return __builtin_cpu_supports("sse4.2") != 0; }
#elif defined(__aarch64__)
std::uint32_t by_processor(std::span<const std::uint8_t> bytes, std::uint32_t crc) {
  for (; bytes.size() >= 8; bytes = bytes.subspan(8)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), 8);
    asm(".arch_extension crc\n\tcrc32cx %w0, %w0, %x1" : "+r"(crc) : "r"(word));
  }
  for (const std::uint32_t byte : bytes)
    asm(".arch_extension crc\n\tcrc32cb %w0, %w0, %w1" : "+r"(crc) : "r"(byte));
  return crc;
}
bool processor_can() { return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0; }
#else
constexpr auto by_processor = by_tables;
bool processor_can() { return false; }
#endif

// OpenSSL fails only without memory, or where a policy of the machine forbids SHA-256.
void must(bool done) {
  if (!done) throw std::bad_alloc{};
}

}  // namespace

std::uint32_t crc32c(std::span<const std::uint8_t> bytes, std::uint32_t seed) {
  static const bool quick = processor_can();
  return ~(quick ? by_processor(bytes, ~seed) : by_tables(bytes, ~seed));
}

std::uint32_t crc32c_by_tables(std::span<const std::uint8_t> bytes, std::uint32_t seed) {
  return ~by_tables(bytes, ~seed);
}

HashKey random_hash_key() {
  HashKey key;
  randombytes_buf(key.data(), key.size());
  return key;
}

std::uint64_t keyed_hash(const HashKey& key, std::string_view topic, std::string_view payload) {
  static_assert(crypto_shorthash_KEYBYTES == std::tuple_size_v<HashKey>);
  static_assert(crypto_shorthash_BYTES == sizeof(std::uint64_t));
  thread_local std::vector<std::uint8_t> joined;
  joined.assign(topic.begin(), topic.end());
  joined.push_back(0);
  joined.insert(joined.end(), payload.begin(), payload.end());
  std::uint64_t hash = 0;
  crypto_shorthash(reinterpret_cast<unsigned char*>(&hash), joined.data(), joined.size(), key.data());
  return hash;
}

std::string random_hex(std::size_t bytes) {
  std::vector<std::uint8_t> raw(bytes);
  randombytes_buf(raw.data(), raw.size());
  std::string hex(2 * bytes + 1, '\0');
  sodium_bin2hex(hex.data(), hex.size(), raw.data(), raw.size());
  hex.pop_back();
  return hex;
}

std::uint64_t random_u64() {
  std::uint64_t value = 0;
  randombytes_buf(&value, sizeof value);
  return value;
}

void Sha256::End::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  must(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
}

void Sha256::add(std::span<const std::uint8_t> bytes) {
  must(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

std::array<std::uint8_t, 32> Sha256::finish() {
  std::array<std::uint8_t, 32> hash{};
  must(EVP_DigestFinal_ex(context_.get(), hash.data(), nullptr) == 1);
  return hash;
}

std::string Sha256::finish_hex() {
  const auto hash = finish();
  std::string hex(2 * hash.size() + 1, '\0');
  sodium_bin2hex(hex.data(), hex.size(), hash.data(), hash.size());
  hex.pop_back();
  return hex;
}

}  // namespace alona
