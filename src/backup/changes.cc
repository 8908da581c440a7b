#include "backup/changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace alona::backup {
namespace {

namespace fs = std::filesystem;
constexpr std::array<char, block_bytes> zeros{};

bool all_zeros(const char* block, std::size_t bytes) { return std::memcmp(block, zeros.data(), bytes) == 0; }

std::span<const std::uint8_t> bytes_of(std::span<const char> piece) {
  return {reinterpret_cast<const std::uint8_t*>(piece.data()), piece.size()};
}

// Calls f(where it begins, its bytes) for each block of a piece; the last one of a file may be shorter.
template <class F>
void each_block(std::size_t bytes, F&& f) {
  for (std::size_t at = 0; at < bytes; at += block_bytes) f(at, std::min(block_bytes, bytes - at));
}

class Comparison {
 public:
  Comparison(BaseDatabase& base, Difference& found) : base_(base), found_(found) {}

  // False: a block that has changed is all zeros.
  Result<bool> take(std::span<const std::uint8_t> now) {
    piece_.resize(now.size());
    const auto n = base_.data(piece_);
    if (!n) return std::unexpected(n.error());
    whole_.add(now);
    const auto* bytes = reinterpret_cast<const char*>(now.data());
    bool fits = true;
    each_block(now.size(), [&](std::size_t at, std::size_t size) {
      const bool same = at + size <= *n && std::memcmp(bytes + at, piece_.data() + at, size) == 0;
      found_.changed.push_back(!same);
      if (!same) found_.changed_bytes += size, fits = fits && !all_zeros(bytes + at, size);
      changes_.add(same ? bytes_of(std::span{zeros}.first(size)) : now.subspan(at, size));
    });
    found_.whole.bytes += now.size();
    return fits;
  }
  void finish() {
    found_.whole.path = database_member, found_.whole.sha256 = whole_.finish_hex();
    found_.changes = {std::string{changes_member}, found_.whole.bytes, changes_.finish_hex()};
  }

 private:
  BaseDatabase& base_;
  Difference& found_;
  Sha256 whole_, changes_;
  std::vector<char> piece_;
};

}  // namespace

Result<void> BaseDatabase::begin(const std::string& database_sha256) {
  if (auto begun = stream_.begin(); !begun) return begun;
  const auto manifest = stream_.manifest();
  if (!manifest) return std::unexpected(manifest.error());
  for (const Member& member : manifest->members) {
    if (member.path != database_member) {
      auto passed = stream_.member(member, [](std::span<char>) { return Result<void>{}; });
      if (!passed) return passed;
      continue;
    }
    if (member.sha256 != database_sha256) break;
    return stream_.begin_member(member);
  }
  return fail(Errc::corrupt, "its database is another one than the changes were made against",
              "Restore another set; `alona backup list` shows them.");
}

Filling::Filling(const fs::path& set, const Manifest& manifest)
    : set_(set), manifest_(manifest), base_(set.parent_path() / manifest.base->set) {}

Result<void> Filling::begin() {
  auto begun = base_.begin(manifest_.base->database_sha256);
  if (begun) return begun;
  const std::string where =
      fmt::format("{} holds what has changed since {}", set_.filename().string(), manifest_.base->set);
  if (begun.error().code == Errc::not_found)
    return fail(Errc::not_found, fmt::format("{}, which isn't beside it", where),
                "Put both into one folder; or take another set.");
  return with_context(where, begun.error());
}

Result<void> Filling::fill(std::span<char> piece) {
  piece_.resize(piece.size());
  const auto n = base_.data(piece_);
  if (!n) return with_context(manifest_.base->set, n.error());
  bool missing = false;
  each_block(piece.size(), [&](std::size_t at, std::size_t size) {
    if (!all_zeros(piece.data() + at, size)) return;
    if (at + size > *n) missing = true;
    if (!missing) std::memcpy(piece.data() + at, piece_.data() + at, size);
  });
  if (missing) return no_whole_set(set_, "it lacks what its base lacks, too");
  hash_.add(bytes_of(piece));
  return {};
}

Result<void> Filling::end() {
  if (hash_.finish_hex() == manifest_.whole.sha256) return {};
  return no_whole_set(
      set_, fmt::format("with {} it doesn't make the database it was made of", manifest_.base->set));
}

Result<std::optional<Difference>> difference(store::Snapshot& moment, const fs::path& base_set,
                                             const std::string& database_sha256,
                                             const SetProgress& progress) {
  BaseDatabase base{base_set};
  if (auto begun = base.begin(database_sha256); !begun) return std::unexpected(begun.error());
  Difference found;
  found.changed.reserve(moment.bytes() / block_bytes + 1);
  Comparison comparison{base, found};
  bool fits = true;
  auto read = moment.read([&](std::span<const std::uint8_t> piece) -> Result<void> {
    const auto compared = comparison.take(piece);
    if (!compared) return std::unexpected(compared.error());
    fits = fits && *compared;
    if (progress(found.whole.bytes, moment.bytes())) return {};
    return fail(Errc::temporary, "the backup was stopped", "Start it again later.");
  });
  if (read) read = base.end();
  if (!read) return std::unexpected(read.error());
  comparison.finish();
  if (!fits || found.changed_bytes > found.whole.bytes / 2) return std::nullopt;
  return found;
}

Result<void> read_changes(store::Snapshot& moment, const Difference& found, const Take& take) {
  std::size_t block = 0;
  std::vector<std::uint8_t> changes;
  return moment.read([&](std::span<const std::uint8_t> piece) {
    changes.assign(piece.size(), 0);
    each_block(piece.size(), [&](std::size_t at, std::size_t size) {
      const bool changed = block < found.changed.size() && found.changed[block];
      ++block;
      if (changed)
        std::copy_n(piece.begin() + static_cast<std::ptrdiff_t>(at), size,
                    changes.begin() + static_cast<std::ptrdiff_t>(at));
    });
    return take(changes);
  });
}

}  // namespace alona::backup
