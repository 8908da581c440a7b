// Texts as one tar archive in zstd, for debug bundles: wholly there or not at all, however it ends. No state;
// one thread.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace alona::backup {

struct BundleMember {
  std::string name, text;
};

// alona-bundle-HOST-20261125T031504Z
[[nodiscard]] std::string bundle_name(std::string_view host, UtcMs taken);
inline constexpr std::string_view bundle_suffix = ".tar.zst";
[[nodiscard]] bool is_bundle_name(std::string_view file_name);

// What becomes of a file of that name.
enum class There { refuse, replace };

// Written beside, synced, then given its name. refused: there is such a file already. disk_full, io say what
// to do. On failure nothing is left.
[[nodiscard]] Result<void> write_bundle(const std::filesystem::path& path, There there,
                                        const std::string& folder, UtcMs taken,
                                        const std::vector<BundleMember>& members);

// Removes bundles beyond the newest `keep` by the times in their names, never `just_made`, and what a power
// cut left of one.
void thin_bundles(const std::filesystem::path& folder, std::size_t keep, const std::string& just_made);

}  // namespace alona::backup
