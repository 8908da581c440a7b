// What a debug bundle holds: enough for somebody far away to see what is wrong with this box, and nothing
// that lets them in or tells what was measured. One thread; each part is bounded in time and size.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "alona/bundle_secrets.h"
#include "backup/bundle_file.h"
#include "base/error.h"
#include "base/time.h"

namespace alona {

struct BundleWish {
  const ops::Config& config;
  std::filesystem::path config_file;
  UtcMs now{}, since{};                            // of the journal
  std::chrono::steady_clock::time_point deadline;  // what isn't there by then is left out
  // Of this many, what is left; never nothing, so that whatever answers at once is in it.
  [[nodiscard]] Ms patience(Ms wanted) const {
    const auto left = std::chrono::floor<Ms>(deadline - std::chrono::steady_clock::now());
    return std::clamp(left, Ms{200}, wanted);
  }
};

// The members, MANIFEST first.
struct Bundle {
  std::vector<backup::BundleMember> members;
  std::vector<std::string> left_out;  // "journal.txt: why", for people
};

// `doing` hears what is collected, and how far. Never fails as a whole: what can't be had is left out, and
// MANIFEST says so.
[[nodiscard]] Bundle collect_bundle(
    const BundleWish& wish, const std::function<void(std::string_view, std::uint64_t, std::uint64_t)>& doing);

// Inside the bundle's room only: the parts. An error says why it is left out.
namespace bundle {
using Text = Result<std::string>;
inline constexpr std::size_t part_bytes_max = std::size_t{256} << 10;
inline constexpr std::size_t journal_bytes_max = std::size_t{5} << 20;
inline constexpr std::size_t bytes_max = std::size_t{10} << 20;  // all together, before compression

// What the programs say one after the other, each under its own headline; an error when none was there.
[[nodiscard]] Text said_by(const BundleWish& wish, const std::vector<std::vector<std::string>>& programs,
                           std::size_t bytes_max_each = part_bytes_max);

[[nodiscard]] Text versions(const BundleWish& wish);
[[nodiscard]] Text configuration(const BundleWish& wish);
[[nodiscard]] Text overview(const BundleWish& wish);
[[nodiscard]] Text system(const BundleWish& wish);
[[nodiscard]] Text health(const BundleWish& wish);
[[nodiscard]] Text nodes(const BundleWish& wish);
[[nodiscard]] Text rejects(const BundleWish& wish);
[[nodiscard]] Text database(const BundleWish& wish);
[[nodiscard]] Text backups(const BundleWish& wish);
[[nodiscard]] Text broker_rules(const BundleWish& wish);
[[nodiscard]] Text broker_conf(const BundleWish& wish);
[[nodiscard]] Text broker_users(const BundleWish& wish);
[[nodiscard]] Text files(const BundleWish& wish);
[[nodiscard]] Text journal(const BundleWish& wish);
[[nodiscard]] Text units(const BundleWish& wish);
[[nodiscard]] Text disks(const BundleWish& wish);
[[nodiscard]] Text memory(const BundleWish& wish);
[[nodiscard]] Text kernel(const BundleWish& wish);
}  // namespace bundle

}  // namespace alona
