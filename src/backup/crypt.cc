#include "backup/crypt.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <vector>

#include "backup/archive.h"

namespace alona::backup {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<unsigned char>;

static_assert(std::endian::native == std::endian::little);
constexpr std::string_view magic = "alona-enc-1\n", magic_family = "alona-enc-";
constexpr std::size_t plain_chunk = std::size_t{64} * 1024;
constexpr std::size_t chunk_more = crypto_secretstream_xchacha20poly1305_ABYTES;
constexpr std::size_t header_bytes = 124, hashed_bytes = 92;
static_assert(chunk_more == 17 && crypto_secretstream_xchacha20poly1305_HEADERBYTES == 24);
// A stranger's file must not take all of a small box.
constexpr std::uint32_t passes_max = 8, memory_kib_max = 256 * 1024;

struct Header {
  CryptCost cost;
  std::array<unsigned char, crypto_pwhash_SALTBYTES> salt{};
  std::uint32_t number = 0, base = 0;
  std::int64_t taken = 0;
  std::array<unsigned char, 16> check{};
  std::array<unsigned char, 24> stream{};

  // Calls f(field's address, its bytes) in their order.
  template <class Self, class F>
  static void fields(Self& h, F&& f) {
    f(&h.cost.passes, 4), f(&h.cost.memory_kib, 4), f(h.salt.data(), h.salt.size());
    f(&h.number, 4), f(&h.base, 4), f(&h.taken, 8), f(h.check.data(), h.check.size()),
        f(h.stream.data(), h.stream.size());
  }
};

std::unexpected<Error> bad(const fs::path& file, std::string_view why) {
  return fail(Errc::corrupt, fmt::format("{} is no whole encrypted set: {}", file.string(), why),
              "Nothing of it was used. Take another one.");
}

Bytes bytes_of(const Header& header) {
  Bytes out(magic.begin(), magic.end());
  Header::fields(header, [&](const void* at, std::size_t n) {
    const auto* from = static_cast<const unsigned char*>(at);
    out.insert(out.end(), from, from + n);
  });
  std::array<unsigned char, 32> hash{};
  crypto_hash_sha256(hash.data(), out.data(), out.size());
  out.insert(out.end(), hash.begin(), hash.end());
  return out;
}

Result<Header> parse(const fs::path& file, const Bytes& bytes) {
  const std::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  if (!text.starts_with(magic)) {
    if (text.starts_with(magic_family) && text.find('\n') < magic.size() + 4)
      return fail(Errc::newer, fmt::format("{} is encrypted in a later format", file.string()),
                  "Use the version of Alona that made it, or a later one.");
    return bad(file, "it doesn't begin as one");
  }
  if (bytes.size() < header_bytes) return bad(file, "it is cut off");
  std::array<unsigned char, 32> hash{};
  crypto_hash_sha256(hash.data(), bytes.data(), hashed_bytes);
  if (std::memcmp(hash.data(), bytes.data() + hashed_bytes, hash.size()) != 0)
    return bad(file, "its header is damaged");
  Header header;
  const unsigned char* from = bytes.data() + magic.size();
  Header::fields(header, [&](void* at, std::size_t n) {
    std::memcpy(at, from, n);
    from += n;
  });
  const CryptCost& cost = header.cost;
  if (cost.passes < 1 || cost.passes > passes_max || cost.memory_kib < 8 || cost.memory_kib > memory_kib_max)
    return bad(file, "it asks for more work than this program does");
  return header;
}

// The key, wiped at the end, and what tells whether it is the right one.
struct Key {
  std::array<unsigned char, 48> bytes{};
  Key() = default;
  Key(const Key&) = default;
  Key& operator=(const Key&) = delete;
  ~Key() { sodium_memzero(bytes.data(), bytes.size()); }
};

Result<Key> key_of(const std::string& passphrase, const Header& header) {
  Key key;
  if (crypto_pwhash(key.bytes.data(), key.bytes.size(), passphrase.data(), passphrase.size(),
                    header.salt.data(), header.cost.passes, std::size_t{header.cost.memory_kib} * 1024,
                    crypto_pwhash_ALG_ARGON2ID13) != 0)
    return fail(Errc::temporary,
                fmt::format("there aren't {} MiB of memory for the key", header.cost.memory_kib >> 10),
                "End other programs, then do it again.");
  return key;
}

Result<void> ready() {
  if (::sodium_init() < 0) return fail(Errc::failed, "libsodium can't be used");
  return {};
}

// Reads in pieces of a given size; only the last may be shorter.
class In {
 public:
  explicit In(const fs::path& path) : path_(path), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  Result<std::uint64_t> begin() {
    struct stat about{};
    if (fd_.get() < 0 || ::fstat(fd_.get(), &about) != 0) return file_error("read", path_, errno);
    if (!S_ISREG(about.st_mode)) return bad(path_, "it is no file");
    return static_cast<std::uint64_t>(about.st_size);
  }
  Result<Bytes> piece(std::size_t want) {
    Bytes out(want);
    std::size_t got = 0;
    while (got < want) {
      const ssize_t n = ::read(fd_.get(), out.data() + got, want - got);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return file_error("read", path_, errno);
      if (n == 0) break;
      got += static_cast<std::size_t>(n);
    }
    out.resize(got);
    return out;
  }

 private:
  const fs::path& path_;
  Fd fd_;
};

std::unexpected<Error> stopped() { return fail(Errc::temporary, "it was stopped", "Do it again."); }

Result<void> decrypt_chunks(In& in, const fs::path& file, crypto_secretstream_xchacha20poly1305_state& state,
                            std::uint64_t left, const Bytes& head, const PutBytes& put,
                            const SetProgress& progress) {
  const std::uint64_t all = left;
  Bytes plain(plain_chunk);
  for (bool first = true; left > 0; first = false) {
    const auto chunk =
        in.piece(static_cast<std::size_t>(std::min<std::uint64_t>(left, plain_chunk + chunk_more)));
    if (!chunk) return std::unexpected(chunk.error());
    if (chunk->empty()) return bad(file, "it is cut off");
    left -= std::min<std::uint64_t>(left, chunk->size());
    unsigned char tag = 0;
    unsigned long long n = 0;
    if (chunk->size() <= chunk_more || crypto_secretstream_xchacha20poly1305_pull(
                                           &state, plain.data(), &n, &tag, chunk->data(), chunk->size(),
                                           first ? head.data() : nullptr, first ? head.size() : 0) != 0)
      return bad(file, "it is damaged, cut off or put together anew");
    const bool final = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
    if (final != (left == 0)) return bad(file, final ? "more follows behind its end" : "its end is missing");
    if (!progress(all - left, all)) return stopped();
    if (auto done = put(plain.data(), static_cast<std::size_t>(n)); !done) return done;
  }
  return {};
}

// The last bytes of a set are the hash of those before them.
class SealCheck {
 public:
  void add(const void* data, std::size_t n) {
    tail_.append(static_cast<const char*>(data), n);
    if (tail_.size() <= set_seal_bytes) return;
    const std::size_t sure = tail_.size() - set_seal_bytes;
    hash_.add(std::string_view{tail_}.substr(0, sure));
    tail_.erase(0, sure);
  }
  [[nodiscard]] bool holds() { return tail_ == set_seal(hash_.finish()); }

 private:
  Sha256 hash_;
  std::string tail_;
};

}  // namespace

std::uint64_t encrypted_bytes(std::uint64_t plain) {
  return header_bytes + plain + (plain + plain_chunk - 1) / plain_chunk * chunk_more;
}

Result<void> encrypt_set(const BackupSet& set, const std::string& passphrase, const CryptCost& cost,
                         const PutBytes& put, const SetProgress& progress) {
  if (auto able = ready(); !able) return able;
  In in{set.file};
  const auto bytes = in.begin();
  if (!bytes) return std::unexpected(bytes.error());
  Header header{.cost = cost};
  randombytes_buf(header.salt.data(), header.salt.size());
  if (set.manifest) {
    header.number = static_cast<std::uint32_t>(set.manifest->number);
    header.base = set.manifest->base ? static_cast<std::uint32_t>(set.manifest->base->number) : 0;
    header.taken = count(set.manifest->taken);
  }
  const auto key = key_of(passphrase, header);
  if (!key) return std::unexpected(key.error());
  std::copy_n(key->bytes.begin() + 32, header.check.size(), header.check.begin());
  crypto_secretstream_xchacha20poly1305_state state;
  crypto_secretstream_xchacha20poly1305_init_push(&state, header.stream.data(), key->bytes.data());
  const Bytes head = bytes_of(header);
  if (auto done = put(head.data(), head.size()); !done) return done;
  Bytes sealed(plain_chunk + chunk_more);
  for (std::uint64_t left = *bytes; left > 0;) {
    const auto plain = in.piece(static_cast<std::size_t>(std::min<std::uint64_t>(left, plain_chunk)));
    if (!plain) return std::unexpected(plain.error());
    if (plain->empty()) return file_error("read", set.file, EIO);  // it was longer a moment ago
    const bool first = left == *bytes;
    left -= plain->size();
    unsigned long long n = 0;
    crypto_secretstream_xchacha20poly1305_push(&state, sealed.data(), &n, plain->data(), plain->size(),
                                               first ? head.data() : nullptr, first ? head.size() : 0,
                                               left == 0 ? crypto_secretstream_xchacha20poly1305_TAG_FINAL
                                                         : crypto_secretstream_xchacha20poly1305_TAG_MESSAGE);
    if (!progress(*bytes - left, *bytes)) return stopped();
    if (auto done = put(sealed.data(), static_cast<std::size_t>(n)); !done) return done;
  }
  return {};
}

Result<void> decrypt_set(const fs::path& file, const std::string& passphrase, const PutBytes& put,
                         const SetProgress& progress) {
  if (auto able = ready(); !able) return able;
  In in{file};
  const auto bytes = in.begin();
  if (!bytes) return std::unexpected(bytes.error());
  const auto head = in.piece(header_bytes);
  if (!head) return std::unexpected(head.error());
  const auto header = parse(file, *head);
  if (!header) return std::unexpected(header.error());
  if (*bytes <= header_bytes) return bad(file, "it is cut off");
  const auto key = key_of(passphrase, *header);
  if (!key) return std::unexpected(key.error());
  if (sodium_memcmp(key->bytes.data() + 32, header->check.data(), header->check.size()) != 0)
    return fail(Errc::auth, fmt::format("the passphrase isn't the one of {}", file.string()),
                "[backup] passphrase_file names the one in use; was it another when this set was made?");
  crypto_secretstream_xchacha20poly1305_state state;
  if (crypto_secretstream_xchacha20poly1305_init_pull(&state, header->stream.data(), key->bytes.data()) != 0)
    return bad(file, "its header is damaged");
  return decrypt_chunks(in, file, state, *bytes - header_bytes, *head, put, progress);
}

Result<void> verify_encrypted(const fs::path& file, const std::string& passphrase,
                              const SetProgress& progress) {
  SealCheck seal;
  auto read = decrypt_set(
      file, passphrase, [&](const void* data, std::size_t n) { return seal.add(data, n), Result<void>{}; },
      progress);
  if (read && !seal.holds()) return bad(file, "what was encrypted is no whole backup set");
  return read;
}

Result<Manifest> look_into_encrypted(const fs::path& file) {
  In in{file};
  if (const auto bytes = in.begin(); !bytes) return std::unexpected(bytes.error());
  const auto head = in.piece(header_bytes);
  if (!head) return std::unexpected(head.error());
  const auto header = parse(file, *head);
  if (!header) return std::unexpected(header.error());
  Manifest manifest;
  manifest.number = header->number, manifest.taken = utc_ms(header->taken);
  if (header->base != 0) manifest.base = Base{.set = {}, .number = header->base, .database_sha256 = {}};
  return manifest;
}

bool is_encrypted(const fs::path& file) {
  In in{file};
  if (!in.begin()) return false;
  const auto head = in.piece(magic_family.size());
  return head && std::ranges::equal(*head, magic_family);
}

}  // namespace alona::backup
