#include "room/droppable.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "base/limits.h"

namespace alona::room {
namespace fs = std::filesystem;
namespace {

class WholeFolder final : public Droppable {
 public:
  explicit WholeFolder(fs::path folder) : folder_(std::move(folder)) {}

  std::vector<File> list() override {
    std::vector<std::pair<fs::file_time_type, File>> found;
    std::error_code ec;
    for (fs::recursive_directory_iterator at{folder_, ec}, end; !ec && at != end; at.increment(ec)) {
      std::error_code gone;
      if (!at->is_regular_file(gone) || at->is_symlink(gone)) continue;
      const auto changed = at->last_write_time(gone);
      const auto bytes = at->file_size(gone);
      if (!gone) found.push_back({changed, {at->path(), bytes}});
      if (found.size() == limits::room_files_max) break;
    }
    std::ranges::sort(found, {}, [](const auto& one) { return std::pair{one.first, one.second.path}; });
    std::vector<File> files;
    files.reserve(found.size());
    for (auto& [changed, file] : found) files.push_back(std::move(file));
    return files;
  }

 private:
  const fs::path folder_;
};

}  // namespace

Result<void> Droppable::drop(const File& file) {
  std::error_code ec;
  fs::remove(file.path, ec);
  if (ec) return fail(Errc::io, fmt::format("cannot delete {}: {}", file.path.string(), ec.message()));
  return {};
}

std::unique_ptr<Droppable> whole_folder(const fs::path& folder) {
  return std::make_unique<WholeFolder>(folder);
}

}  // namespace alona::room
