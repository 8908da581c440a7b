// The format: https://www.sqlite.org/fileformat2.html#walformat. A header of 32 bytes, then frames: 24 bytes
// and a page. A frame counts when its two salts are the header's and its checksum, which goes on from frame
// to frame, holds.
#include "store/wal_check.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <span>
#include <system_error>
#include <vector>

namespace alona::store {
namespace {

constexpr std::size_t header_bytes = 32, frame_header_bytes = 24;
using Bytes = std::span<const std::uint8_t>;
using Sums = std::array<std::uint32_t, 2>;

std::uint32_t big(Bytes bytes, std::size_t at) {
  std::uint32_t v = 0;
  std::memcpy(&v, bytes.data() + at, sizeof v);
  return __builtin_bswap32(v);
}

// The magic's last bit says in which byte order the words are summed.
Sums sum_on(Sums s, Bytes bytes, bool big_endian) {
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

bool is_commit(Bytes frame) { return big(frame, 4) != 0; }

// Whether one flipped bit explains why the frame doesn't hold: a torn write hardly ever looks like that.
bool one_bit(const Walk& walk, std::vector<std::uint8_t> frame) {
  for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
    const auto flip = static_cast<std::uint8_t>(1u << bit % 8);
    frame[bit / 8] ^= flip;
    if (walk.holds(frame)) return true;
    frame[bit / 8] ^= flip;
  }
  return false;
}

// What lies behind the first frame that doesn't hold.
void look_behind(const File& file, const Walk& walk, std::uint64_t at, std::vector<std::uint8_t>& frame,
                 WalState& state) {
  const std::uint64_t stopped_at = at;
  bool of_another_commit = false;
  (void)file.read(frame, at);
  const bool flipped = one_bit(walk, frame);
  std::uint64_t commits = walk.salted(frame) && is_commit(frame) ? 1 : 0;
  for (at += frame.size(); file.read(frame, at); at += frame.size()) {
    if (!walk.salted(frame)) continue;
    // A power cut tears the last transaction alone: what was begun behind a whole one was begun after its
    // sync.
    if (commits > 0) of_another_commit = true;
    if (is_commit(frame)) ++commits;
  }
  state.damaged = flipped || of_another_commit;
  state.lost_commits = std::max<std::uint64_t>(commits, state.damaged ? 1 : 0);
  if (state.damaged)
    state.why = fmt::format("its log of writes is damaged at byte {}, with {} later commit{} behind that",
                            stopped_at, state.lost_commits, state.lost_commits == 1 ? "" : "s");
}

}  // namespace

Result<WalState> check_wal(const std::filesystem::path& database) {
  const std::filesystem::path path = database.string() + "-wal";
  WalState state;
  std::error_code ec;
  const std::uint64_t bytes = std::filesystem::file_size(path, ec);
  if (ec || bytes <= header_bytes) return state;
  const File file{path};
  if (!file.open())
    return fail(Errc::io,
                fmt::format("cannot read {}: {}", path.string(), std::generic_category().message(errno)),
                "Run it as root or as the user alona.");
  std::array<std::uint8_t, header_bytes> header{};
  if (!file.read(header, 0))
    return fail(Errc::io, fmt::format("cannot read {}", path.string()), "Look for disk errors with `dmesg`.");
  // Space that a file system gave before the power went, and nothing in it.
  if (std::ranges::all_of(header, [](std::uint8_t b) { return b == 0; })) return state;
  Walk walk{.big_endian = (big(header, 0) & 1) != 0, .salts = {big(header, 16), big(header, 20)}};
  walk.sums = sum_on({}, Bytes{header}.first(24), walk.big_endian);
  const std::uint32_t page = big(header, 8);
  const bool sane = (big(header, 0) & ~1u) == 0x377f0682 && big(header, 4) == 3'007'000 && page >= 512 &&
                    page <= 65536 && std::has_single_bit(page) && walk.sums[0] == big(header, 24) &&
                    walk.sums[1] == big(header, 28);
  if (!sane) {
    // It is synced before the first frame is written.
    state.damaged = true;
    state.lost_commits = 1;
    state.why = "the head of its log of writes is damaged, and nobody knows what is behind it";
    return state;
  }
  std::vector<std::uint8_t> frame(frame_header_bytes + page);
  std::uint64_t at = header_bytes;
  for (; file.read(frame, at); at += frame.size()) {
    if (!walk.holds(frame)) {
      look_behind(file, walk, at, frame, state);
      return state;
    }
    walk.sums = walk.sums_of(frame);
    ++state.frames;
  }
  return state;
}

Result<void> refuse_damaged_wal(const std::filesystem::path& database) {
  const auto state = check_wal(database);
  if (!state) return std::unexpected(state.error());
  if (!state->damaged) return {};
  return fail(Errc::corrupt, fmt::format("{}: {}", database.string(), state->why),
              "Leave it as it is and restore the newest backup.");
}

}  // namespace alona::store
