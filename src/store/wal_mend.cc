#include "store/wal_mend.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <string>
#include <utility>

#include "store/wal_format.h"

namespace alona::store {
namespace {

using namespace wal;  // NOLINT(google-build-using-namespace): its format

void put_big(std::span<std::uint8_t> bytes, std::size_t at, std::uint32_t v) {
  v = __builtin_bswap32(v);
  std::memcpy(bytes.data() + at, &v, sizeof v);
}

// The first frame tells which of several bits it was.
std::optional<Head> mended_head(std::array<std::uint8_t, header_bytes> bytes, const File& file,
                                MendedWal& report) {
  if (auto head = read_head(bytes)) return head;
  std::optional<Head> found;
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    flip(bytes, bit);
    if (const auto head = read_head(bytes)) {
      std::vector<std::uint8_t> frame(frame_header_bytes + head->page);
      const bool leads_on = file.read(frame, header_bytes) && head->walk.holds(frame);
      if (!found || leads_on) found = head;
    }
    flip(bytes, bit);
  }
  if (found) ++report.frames_mended;
  return found;
}

// Frames that follow from one another again, whatever they followed from where they were read.
class Chain {
 public:
  Chain(std::ofstream& out, const Head& head) : out_(out), walk_(head.walk) { put(head.bytes); }
  void add(std::vector<std::uint8_t>& frame) {
    for (std::size_t i = 0; i < 2; ++i) put_big(frame, 8 + 4 * i, walk_.salts[i]);
    walk_.sums = walk_.sums_of(frame);
    for (std::size_t i = 0; i < 2; ++i) put_big(frame, 16 + 4 * i, walk_.sums[i]);
    put(frame);
  }
  void add_lost(std::uint32_t page, std::size_t bytes) {
    std::vector<std::uint8_t> frame(bytes);
    put_big(frame, 0, page);
    add(frame);
  }

 private:
  void put(Bytes bytes) {
    out_.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
  std::ofstream& out_;
  Walk walk_;
};

class Mender {
 public:
  Mender(const Head& head, std::ofstream& out, bool spare, MendedWal& report)
      : salts_of_(head.walk),
        frame_(frame_header_bytes + head.page),
        next_(frame_.size()),
        chain_(out, head),
        report_(report),
        spare_(spare),
        damaged_(report.frames_mended > 0) {}

  void run(const File& file) {
    Walk walk = salts_of_;
    for (std::uint64_t at = header_bytes; file.read(frame_, at); at += frame_.size()) {
      const Sums as_it_stands = stored_sums(frame_);
      std::vector<std::size_t> bits;
      const bool whole = walk.holds(frame_);
      if (!whole) bits = flipped_bits(walk, frame_, next_to(file, at));
      if (bits.size() == 1) flip(frame_, bits[0]), ++report_.frames_mended, damaged_ = true;
      const bool good = whole || bits.size() == 1;
      walk.sums = good ? stored_sums(frame_) : as_it_stands;
      good ? take() : pass_over(bits);
    }
    // Behind the end lies an earlier round, a torn transaction, or commits that nobody can tell apart from
    // it.
    for (const Lost& lost : waiting_) report_.commits_lost += lost.commit ? 1 : 0;
  }

 private:
  [[nodiscard]] Bytes next_to(const File& file, std::uint64_t at) {
    return file.read(next_, at + next_.size()) ? Bytes{next_} : Bytes{};
  }
  struct Lost {
    std::set<std::uint32_t> pages;  // that it may be of
    bool commit = false;
  };
  void pass_over(const std::vector<std::size_t>& bits) {
    Lost lost;
    if (salts_of_.salted(frame_)) lost = {.pages = {big(frame_, 0)}, .commit = is_commit(frame_)};
    for (const std::size_t bit : bits) {
      if (bit >= 32 || spare_) break;
      flip(frame_, bit), lost.pages.insert(big(frame_, 0)), flip(frame_, bit);
    }
    waiting_.push_back(std::move(lost));
  }
  void take() {
    for (const Lost& lost : waiting_) {
      ++report_.frames_lost;
      damaged_ = true;
      // The first page's older one leads on to all others. Where nobody knows which page it was, the older
      // one stands, too.
      for (const std::uint32_t page : lost.pages) {
        if (page > 1) chain_.add_lost(page, frame_.size());
      }
    }
    waiting_.clear();
    report_.commits_behind += damaged_ && is_commit(frame_) ? 1 : 0;
    chain_.add(frame_);
  }

  const Walk salts_of_;
  std::vector<std::uint8_t> frame_, next_;
  Chain chain_;
  MendedWal& report_;
  const bool spare_;           // only the page that the head says is emptied
  std::vector<Lost> waiting_;  // until a whole frame shows that the log goes on behind them
  bool damaged_;               // by now
};

}  // namespace

Result<MendedWal> mend_wal(const std::filesystem::path& database, const std::filesystem::path& to,
                           bool spare) {
  const std::filesystem::path path = database.string() + "-wal";
  MendedWal report;
  const File file{path};
  std::array<std::uint8_t, header_bytes> bytes{};
  if (!file.open() || !file.read(bytes, 0))
    return fail(Errc::io, fmt::format("cannot read {}", path.string()), "Look for disk errors with `dmesg`.");
  const auto head = mended_head(bytes, file, report);
  if (!head) {
    report.whole_head = false;
    return report;
  }
  std::ofstream out{to, std::ios::binary | std::ios::trunc};
  Mender{*head, out, spare, report}.run(file);
  out.close();
  if (!out) {
    const bool full = errno == ENOSPC;
    return fail(full ? Errc::disk_full : Errc::io, fmt::format("cannot write {}", to.string()),
                full ? "Free some room on this disk." : "Look for disk errors with `dmesg`.");
  }
  return report;
}

}  // namespace alona::store
