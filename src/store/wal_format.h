// Inside the store only: SQLite's log of writes, https://www.sqlite.org/fileformat2.html#walformat. A header
// of 32 bytes, then frames: 24 bytes and a page. A frame counts when its two salts are the header's and its
// checksum, which goes on from frame to frame, holds.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

namespace alona::store::wal {

inline constexpr std::size_t header_bytes = 32, frame_header_bytes = 24;
using Bytes = std::span<const std::uint8_t>;
using Sums = std::array<std::uint32_t, 2>;

inline std::uint32_t big(Bytes bytes, std::size_t at) {
  std::uint32_t v = 0;
  std::memcpy(&v, bytes.data() + at, sizeof v);
  return __builtin_bswap32(v);
}

// The magic's last bit says in which byte order the words are summed.
inline Sums sum_on(Sums s, Bytes bytes, bool big_endian) {
  for (std::size_t i = 0; i + 8 <= bytes.size(); i += 8) {
    std::array<std::uint32_t, 2> words{};
    std::memcpy(words.data(), bytes.data() + i, 8);
    if (big_endian) words = {__builtin_bswap32(words[0]), __builtin_bswap32(words[1])};
    s[0] += words[0] + s[1];
    s[1] += words[1] + s[0];
  }
  return s;
}

class File {
 public:
  explicit File(const std::filesystem::path& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] bool open() const { return fd_ >= 0; }
  // False: there isn't so much.
  [[nodiscard]] bool read(std::span<std::uint8_t> to, std::uint64_t at) const {
    std::size_t done = 0;
    while (done < to.size()) {
      const ssize_t n = ::pread(fd_, to.data() + done, to.size() - done, static_cast<off_t>(at + done));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      done += static_cast<std::size_t>(n);
    }
    return true;
  }

 private:
  int fd_;
};

inline Sums stored_sums(Bytes frame) { return {big(frame, 16), big(frame, 20)}; }

// The sums of the frames so far, and what the next one must have.
struct Walk {
  bool big_endian = false;
  Sums sums{};
  std::array<std::uint32_t, 2> salts{};

  [[nodiscard]] Sums sums_of(Bytes frame) const {
    return sum_on(sum_on(sums, frame.first(8), big_endian), frame.subspan(frame_header_bytes), big_endian);
  }
  [[nodiscard]] bool salted(Bytes frame) const {
    return big(frame, 8) == salts[0] && big(frame, 12) == salts[1];
  }
  [[nodiscard]] bool holds(Bytes frame) const {
    if (!salted(frame)) return false;
    const Sums s = sums_of(frame);
    return s[0] == big(frame, 16) && s[1] == big(frame, 20) && big(frame, 0) != 0;
  }
};

inline bool is_commit(Bytes frame) { return big(frame, 4) != 0; }

inline void flip(std::span<std::uint8_t> bytes, std::size_t bit) {
  bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ 1u << bit % 8);
}

// The bits of which one, flipped back, makes the frame hold; none: a torn write, or worse. The checksum is a
// weak one: the top bits of every third word are alike to it, and a bit of the last word is like the same bit
// of the checksum. Where there is a `next` frame, those that it doesn't follow from are left out.
inline std::vector<std::size_t> flipped_bits(const Walk& walk, std::vector<std::uint8_t>& frame,
                                             Bytes next = {}) {
  std::vector<std::size_t> found, leading_on;
  const int strange =
      std::popcount(big(frame, 8) ^ walk.salts[0]) + std::popcount(big(frame, 12) ^ walk.salts[1]);
  if (strange > 1) return found;
  for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
    flip(frame, bit);
    if (walk.holds(frame)) {
      found.push_back(bit);
      if (!next.empty() && Walk{walk.big_endian, stored_sums(frame), walk.salts}.holds(next))
        leading_on.push_back(bit);
    }
    flip(frame, bit);
  }
  return leading_on.empty() ? found : leading_on;
}

struct Head {
  std::array<std::uint8_t, header_bytes> bytes{};
  std::uint32_t page = 0;  // bytes
  Walk walk;               // at the first frame
};

// Nothing: it isn't a log's head.
inline std::optional<Head> read_head(const std::array<std::uint8_t, header_bytes>& bytes) {
  Head head{.bytes = bytes, .page = big(bytes, 8), .walk = {}};
  head.walk.big_endian = (big(bytes, 0) & 1) != 0;
  head.walk.salts = {big(bytes, 16), big(bytes, 20)};
  head.walk.sums = sum_on({}, Bytes{bytes}.first(24), head.walk.big_endian);
  const bool sane = (big(bytes, 0) & ~1u) == 0x377f0682 && big(bytes, 4) == 3'007'000 && head.page >= 512 &&
                    head.page <= 65536 && std::has_single_bit(head.page) &&
                    head.walk.sums[0] == big(bytes, 24) && head.walk.sums[1] == big(bytes, 28);
  return sane ? std::optional{head} : std::nullopt;
}

}  // namespace alona::store::wal
