#include "backup/sets.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <regex>
#include <set>
#include <system_error>
#include <tuple>

#include "backup/set_file.h"
#include "backup/words.h"

namespace alona::backup {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t state_bytes_max = 4096;
constexpr std::size_t verified_kept = 3;
constexpr std::size_t days_kept = 7;
constexpr std::uint64_t sets_a_base = 7;
constexpr auto days_a_base = std::chrono::days{7};

fs::path state_path(const fs::path& set) { return set.string() + ".state"; }

// What isn't understood says nothing.
SetState parse_state(std::string_view text) {
  SetState state;
  while (!text.empty()) {
    std::string_view line = take(text, '\n');
    const std::string_view key = take(line, ' ');
    const auto at = parse_iso8601(take(line, ' '));
    if (!at) continue;
    if (key == "verified") state.verified = at;
    if (key == "proven") state.proven = at;
    if (key == "failed") state.failed = line.empty() ? "it is damaged" : line;
  }
  return state;
}

std::int64_t week_of(const BackupSet& set) {
  return std::chrono::floor<std::chrono::weeks>(set.manifest->taken).time_since_epoch().count();
}

// In the order to go: beyond the newest seven the sets of changes, and of a week with several whole ones all
// but its newest, the oldest first; then the oldest.
std::vector<BackupSet> in_order_to_go(const std::vector<BackupSet>& good) {
  std::vector<BackupSet> doubles, others;
  std::set<std::int64_t> weeks;
  for (std::size_t i = 0; i < good.size(); ++i) {
    const bool stays = i < days_kept || (!good[i].manifest->base && weeks.insert(week_of(good[i])).second);
    (stays ? others : doubles).push_back(good[i]);
  }
  std::ranges::reverse(doubles);
  std::ranges::reverse(others);
  doubles.insert(doubles.end(), others.begin(), others.end());
  return doubles;
}

}  // namespace

std::string_view state_word(const BackupSet& set) {
  if (!set.state.failed.empty()) return "failed";
  return set.state.proven ? "proven" : set.state.verified ? "verified" : "not verified";
}

BackupSet set_at(const fs::path& file, Result<Manifest> manifest) {
  BackupSet set{.file = file};
  std::error_code ec;
  set.bytes = fs::file_size(file, ec);
  set.state = read_state(file);
  if (manifest) set.manifest = std::move(*manifest);
  if (!manifest && set.state.failed.empty()) set.state.failed = manifest.error().what;
  return set;
}

std::string set_folder_name(std::string_view host, UtcMs taken) {
  std::string name;
  for (const char c : host) {
    const char low = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if ((low >= 'a' && low <= 'z') || (low >= '0' && low <= '9') || low == '-') name += low;
  }
  if (name.empty()) name = "box";
  return fmt::format("alona-{}-{:%Y%m%dT%H%M%S}Z", name.substr(0, 64),
                     std::chrono::floor<std::chrono::seconds>(taken));
}

bool is_set_name(std::string_view file_name) {
  static const std::regex form{R"(alona-[a-z0-9-]{1,64}-\d{8}T\d{6}Z\.tar\.zst)"};
  return std::regex_match(file_name.begin(), file_name.end(), form);
}

Result<std::vector<BackupSet>> list_sets(const fs::path& folder) {
  std::vector<BackupSet> sets;
  std::error_code ec;
  for (fs::directory_iterator it{folder, ec}, end; !ec && it != end; it.increment(ec)) {
    if (is_set_name(it->path().filename().string()))
      sets.push_back(set_at(it->path(), look_into_set(it->path())));
  }
  if (ec) {
    return fail(ec == std::errc::no_such_file_or_directory ? Errc::not_found : Errc::io,
                fmt::format("cannot look into {}: {}", folder.string(), ec.message()),
                "`alona setup` makes the folder.");
  }
  std::ranges::sort(sets, std::greater{}, [](const BackupSet& set) {
    return std::tuple{set.manifest ? set.manifest->number : 0, set.file.filename()};
  });
  count_without_base(sets);
  return sets;
}

Result<BackupSet> find_set(const fs::path& folder, const std::string& name) {
  std::error_code ec;
  for (const fs::path& path : {folder / name, folder / (name + std::string{set_suffix}), fs::path{name}}) {
    if (fs::is_regular_file(path, ec)) return set_at(path, look_into_set(path));
  }
  return fail(Errc::not_found, fmt::format("there is no backup {}", name), "`alona backup list` shows all.");
}

SetState read_state(const fs::path& set_file) {
  const auto text = files::read(state_path(set_file), state_bytes_max);
  return text ? parse_state(*text) : SetState{};
}

std::string state_text(const SetState& state) {
  const auto line = [](const char* key, const std::optional<UtcMs>& at, std::string_view why = "") {
    return at ? fmt::format("{} {}{}{}\n", key, iso8601(*at), why.empty() ? "" : " ", why) : std::string{};
  };
  std::string text = line("verified", state.verified) + line("proven", state.proven);
  if (!state.failed.empty()) {
    std::string why = state.failed.substr(0, 2000);
    std::ranges::replace(why, '\n', ' ');
    text += line("failed", UtcMs{}, why);
  }
  return text;
}

Result<void> put_state(const BackupSet& set) {
  return files::replace(state_path(set.file), state_text(set.state), 0640);
}

Result<void> drop_set(const BackupSet& set) {
  std::error_code ec;
  fs::remove(set.file, ec);
  if (ec) return fail(Errc::io, fmt::format("cannot remove {}: {}", set.file.string(), ec.message()));
  fs::remove(state_path(set.file), ec);
  return files::sync_folder(set.file.parent_path());
}

Result<files::Lock> lock_sets(const fs::path& folder) {
  auto lock = files::Lock::take(folder / ".lock");
  if (!lock && lock.error().code == Errc::temporary)
    return fail(Errc::temporary, "another backup is under way: " + lock.error().what,
                "Wait until it is done.");
  return lock;
}

bool builds_on(const BackupSet& set, const BackupSet& base) {
  if (!set.manifest || !base.manifest || !set.manifest->base || base.manifest->base) return false;
  const Base& wanted = *set.manifest->base;  // of an encrypted one only the number is known
  return wanted.number == base.manifest->number &&
         (wanted.set.empty() || base.name().starts_with(wanted.set));
}

void count_without_base(std::vector<BackupSet>& sets) {
  for (BackupSet& set : sets) {
    if (!set.counts() || !set.manifest->base) continue;
    const auto base = std::ranges::find_if(sets, [&](const BackupSet& b) { return builds_on(set, b); });
    const std::string name = base != sets.end() ? base->name()
                             : set.manifest->base->set.empty()
                                 ? fmt::format("the set number {}", set.manifest->base->number)
                                 : set.manifest->base->set;
    if (base == sets.end() || !base->counts())
      set.state.failed = fmt::format("it holds what has changed since {}, which {}", name,
                                     base == sets.end() ? "isn't there" : "is bad");
  }
}

std::optional<BackupSet> base_for(const std::vector<BackupSet>& sets, std::uint64_t number, UtcMs now) {
  const auto base = std::ranges::find_if(
      sets, [](const BackupSet& set) { return set.counts() && set.state.verified && !set.manifest->base; });
  if (base == sets.end() || number - base->manifest->number >= sets_a_base) return std::nullopt;
  const bool young = now - base->manifest->taken < days_a_base && base->manifest->taken - now < days_a_base;
  return young ? std::optional{*base} : std::nullopt;
}

std::vector<BackupSet> to_drop(const std::vector<BackupSet>& sets, const Retention& retention) {
  std::vector<BackupSet> good, gone;
  std::size_t bad = 0, verified = 0;
  for (const BackupSet& set : sets) {
    if (!set.counts() && ++bad > 1) gone.push_back(set);
    if (set.counts()) good.push_back(set);
  }
  std::set<fs::path> safe;
  for (const BackupSet& set : good) {
    if (set.state.verified && verified++ < verified_kept) safe.insert(set.file);
  }
  std::vector<BackupSet> left = in_order_to_go(good);
  std::uint64_t bytes = 0;
  for (const BackupSet& set : good) bytes += set.bytes;
  // One after the other, for what goes may set its base free.
  while (left.size() > retention.keep || bytes > retention.bytes_max) {
    const auto next = std::ranges::find_if(left, [&](const BackupSet& set) {
      return !safe.contains(set.file) &&
             std::ranges::none_of(left, [&](const BackupSet& other) { return builds_on(other, set); });
    });
    if (next == left.end()) break;
    bytes -= next->bytes;
    gone.push_back(std::move(*next));
    left.erase(next);
  }
  return gone;
}

}  // namespace alona::backup
