#include "alona/backups_known.h"

#include <sys/stat.h>

#include <algorithm>

namespace alona {

std::optional<UtcMs> box_since(const std::filesystem::path& made_at_setup) {
  struct stat about{};
  if (::stat(made_at_setup.c_str(), &about) != 0) return std::nullopt;
  return utc_ms(std::int64_t{about.st_mtim.tv_sec} * 1000);
}

web::BackupsKnown backups_known(const std::vector<backup::BackupSet>& sets,
                                const std::filesystem::path& made_at_setup, Ms age_max) {
  web::BackupsKnown known{
      .news = {}, .failed = {}, .box_since = box_since(made_at_setup), .age_max = age_max};
  for (const backup::BackupSet& set : sets) {
    if (!set.counts()) {
      if (known.failed.empty()) known.failed = set.state.failed;
      continue;
    }
    if (!known.news.newest) known.news.newest = set.manifest->taken;
    known.news.proven = std::max(known.news.proven, set.state.proven);
  }
  return known;
}

}  // namespace alona
