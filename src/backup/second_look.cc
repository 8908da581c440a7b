// What lies on the second target.
#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <tuple>

#include "backup/archive.h"
#include "backup/copy_file.h"
#include "backup/second.h"

namespace alona::backup {
namespace fs = std::filesystem;

Result<std::vector<BackupSet>> list_copies(const SecondTarget& target) {
  auto sets = list_sets(target.folder());
  if (!sets) return std::unexpected(target.told(sets.error()));
  std::error_code ec;
  for (fs::directory_iterator it{target.folder(), ec}, end; !ec && it != end; it.increment(ec)) {
    const std::string name = it->path().filename().string();
    if (name.ends_with(crypt_suffix) && is_set_name(name.substr(0, name.size() - crypt_suffix.size())))
      sets->push_back(set_at(it->path(), look_into_encrypted(it->path())));
  }
  if (ec) return std::unexpected(target.told(file_error("look into", target.folder(), ec.value()).error()));
  std::ranges::sort(*sets, std::greater{}, [](const BackupSet& set) {
    return std::tuple{set.manifest ? set.manifest->number : 0, set.name()};
  });
  count_without_base(*sets);
  for (BackupSet& set : *sets) set.state.failed = target.told(std::move(set.state.failed));
  return sets;
}

Result<void> verify_copy(BackupSet& set, const SecondTarget& target,
                         const std::optional<std::string>& passphrase, const Clock& clock,
                         const Doing& doing) {
  const auto read = read_copy(set.file, passphrase, doing);
  if (!read && read.error().code != Errc::corrupt && read.error().code != Errc::newer)
    return std::unexpected(target.told(read.error()));  // it wasn't read
  set.state = {};
  if (read) {
    set.state.verified = clock.utc();
  } else {
    set.state.failed = target.told(read.error()).what;
  }
  if (auto put = put_copy_state(set); !put) return std::unexpected(target.told(put.error()));
  return read ? Result<void>{} : std::unexpected(target.told(read.error()));
}

Result<std::optional<Passphrase>> passphrase_of(const ops::Config& config) {
  const fs::path& file = config.backup.passphrase_file;
  if (file.empty()) return std::nullopt;
  for (const fs::path included : config.backup.include) {
    const std::string below =
        file.lexically_normal().lexically_relative(included.lexically_normal()).string();
    if (!below.empty() && !below.starts_with(".."))
      return fail(Errc::config,
                  fmt::format("[backup] include holds {}: a set would hold its own key", file.string()),
                  "Keep the passphrase's file outside of what is included.");
  }
  auto found = read_passphrase(file);
  if (!found) return std::unexpected(found.error());
  return std::optional{std::move(*found)};
}

}  // namespace alona::backup
