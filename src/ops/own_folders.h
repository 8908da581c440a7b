// Folders that belong to the core's user, handled by root. Whoever broke into the core could leave a link
// there, at any moment: nothing here follows one below `top`, and what was looked at is what is changed.
#pragma once

#include <sys/types.h>

#include <filesystem>

#include "base/error.h"

namespace alona::ops {

// refused: a folder on the way from `top` down to `path` is a link. What isn't there is no link.
[[nodiscard]] Result<void> no_link_below(const std::filesystem::path& top, const std::filesystem::path& path);

// The folder's own mode. refused as above.
[[nodiscard]] Result<void> set_mode(const std::filesystem::path& top, const std::filesystem::path& path,
                                    mode_t mode);

// Everything in the folder becomes the user's; a link itself, never what it leads to. Groups stay as they
// are. refused as above, and for a file that has a second name elsewhere.
[[nodiscard]] Result<void> hand_over(const std::filesystem::path& top, const std::filesystem::path& path,
                                     uid_t user);

}  // namespace alona::ops
