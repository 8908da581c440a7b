#include "store/wal_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <system_error>
#include <vector>

#include "store/wal_format.h"

namespace alona::store {
namespace {

using namespace wal;  // NOLINT(google-build-using-namespace): its format

// What lies behind the first frame that doesn't hold.
void look_behind(const File& file, const Walk& walk, std::uint64_t at, std::vector<std::uint8_t>& frame,
                 WalState& state) {
  const std::uint64_t stopped_at = at;
  bool of_another_commit = false;
  (void)file.read(frame, at);
  const bool flipped = !flipped_bits(walk, frame).empty();
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
  const auto head = read_head(header);
  if (!head) {
    // It is synced before the first frame is written.
    state.damaged = true;
    state.lost_commits = 1;
    state.why = "the head of its log of writes is damaged, and nobody knows what is behind it";
    return state;
  }
  Walk walk = head->walk;
  std::vector<std::uint8_t> frame(frame_header_bytes + head->page);
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
