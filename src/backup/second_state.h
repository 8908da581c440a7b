// What is known of the second copies: SECOND.state beside the box's own sets, so that it can be told while
// the stick is away. Text, lines `copied TIME NAME`, `failed TIME WHY`, `missing-since TIME`; frozen. No
// state.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/time.h"

namespace alona::backup {

struct SecondState {
  std::optional<UtcMs> copied;  // when all that should be there was there
  std::string name;             // the newest of it
  std::optional<UtcMs> failed;  // since when nothing comes through; and the latest reason
  std::string why;
  std::optional<UtcMs> missing;  // since when the target isn't there
  // Since when there has been no whole copying, whatever the reason changed to.
  [[nodiscard]] std::optional<UtcMs> trouble_since() const { return missing ? missing : failed; }
};

// `folder`: of the box's own sets. What isn't understood says nothing.
[[nodiscard]] SecondState second_state(const std::filesystem::path& folder);
[[nodiscard]] Result<void> put_second_state(const std::filesystem::path& folder, const SecondState& state);

// What the outcome of a try makes of it. not_found: it is missing; temporary tells nothing.
[[nodiscard]] SecondState after_trying(SecondState before, const Result<std::string>& newest, UtcMs now);

}  // namespace alona::backup
