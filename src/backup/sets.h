// The folder of backup sets: what is there, what is known of each, which may go. Beside a set lies
// NAME.state, text, with what the last verification and the last drill found; a set without it hasn't been
// verified. One process at a time changes the folder: it holds lock(). No state.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backup/manifest.h"
#include "base/error.h"
#include "base/files.h"

namespace alona::backup {

// What NAME.state says; lines `verified TIME`, `proven TIME`, `failed TIME WHY`.
struct SetState {
  std::optional<UtcMs> verified;  // read back whole
  std::optional<UtcMs> proven;    // a drill restored it
  std::string failed;             // why it counts for nothing; empty: nothing is wrong
};

struct BackupSet {
  std::filesystem::path file;
  std::uint64_t bytes = 0;
  std::optional<Manifest> manifest;  // nothing: it can't be read, and `state.failed` says why
  SetState state;
  [[nodiscard]] std::string name() const { return file.filename().string(); }
  [[nodiscard]] bool counts() const { return manifest && state.failed.empty(); }
};

// "proven", "verified", "not verified" or "failed".
[[nodiscard]] std::string_view state_word(const BackupSet& set);

// alona-HOST-20261125T031504Z; the host's name in lower case, other characters than a–z, 0–9 and - left out.
[[nodiscard]] std::string set_folder_name(std::string_view host, UtcMs taken);
inline constexpr std::string_view set_suffix = ".tar.zst";
[[nodiscard]] bool is_set_name(std::string_view file_name);

// The newest first, by their numbers, for clocks go wrong; what can't be read comes last.
[[nodiscard]] Result<std::vector<BackupSet>> list_sets(const std::filesystem::path& folder);
// `name`: of the set, with or without its suffix, or a path. not_found.
[[nodiscard]] Result<BackupSet> find_set(const std::filesystem::path& folder, const std::string& name);

// The set at `file`, with what is known of it; `manifest` as it says of itself, or why that can't be read.
[[nodiscard]] BackupSet set_at(const std::filesystem::path& file, Result<Manifest> manifest);
[[nodiscard]] SetState read_state(const std::filesystem::path& set_file);  // nothing known: empty
[[nodiscard]] std::string state_text(const SetState& state);
[[nodiscard]] Result<void> put_state(const BackupSet& set);
// Whether `base` is the one that `set` builds on.
[[nodiscard]] bool builds_on(const BackupSet& set, const BackupSet& base);
// Of `sets`: what builds on none that counts, counts for nothing itself.
void count_without_base(std::vector<BackupSet>& sets);
// Of `sets` (newest first) the whole one to build the next, `number`, on. Nothing: the next one has to be
// whole, for there is none, or it is the seventh before, or seven days older or younger.
[[nodiscard]] std::optional<BackupSet> base_for(const std::vector<BackupSet>& sets, std::uint64_t number,
                                                UtcMs now);
// The set and what is known of it.
[[nodiscard]] Result<void> drop_set(const BackupSet& set);

// temporary: another backup is under way.
[[nodiscard]] Result<files::Lock> lock_sets(const std::filesystem::path& folder);

struct Retention {
  std::size_t keep = 14;
  std::uint64_t bytes_max = 0;
};
// Which of `sets` (newest first) may go, the first to go first. Never the three newest verified ones, nor
// what another one that stays builds on. What is older than the seven newest is thinned to one a week, a
// whole one, before any of those seven goes; their order is that of their numbers, so that a wrong clock
// makes none of them old. Of those that failed the newest is kept to be looked at.
[[nodiscard]] std::vector<BackupSet> to_drop(const std::vector<BackupSet>& sets, const Retention& retention);

}  // namespace alona::backup
