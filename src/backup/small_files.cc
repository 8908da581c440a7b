#include "backup/small_files.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <functional>
#include <system_error>

#include "backup/readme.h"
#include "base/files.h"
#include "ops/paths.h"

namespace alona::backup {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t small_bytes_max = std::uint64_t{16} << 20;

Result<void> add_file(std::vector<Source>& sources, const fs::path& file, const std::string& member) {
  std::error_code ec;
  const auto bytes = fs::file_size(file, ec);
  if (!ec && bytes > small_bytes_max)
    return fail(Errc::refused, fmt::format("{} is longer than {} MiB", file.string(), small_bytes_max >> 20),
                "Take it out of [backup] include.");
  auto text = files::read(file, small_bytes_max);
  if (!text) return std::unexpected(text.error());
  struct stat about{};
  const unsigned mode = ::stat(file.c_str(), &about) == 0 ? about.st_mode & 0777u : 0600u;
  sources.push_back({.member = {.path = member}, .text = std::move(*text), .read = {}, .mode = mode});
  return {};
}

// Every plain file of a folder, in the order of their names; what a link leads to isn't ours to copy.
Result<void> add_folder(std::vector<Source>& sources, const fs::path& folder, const std::string& member,
                        const std::function<bool(const fs::path&)>& wanted) {
  std::vector<fs::path> found;
  std::error_code ec;
  for (fs::recursive_directory_iterator it{folder, ec}, end; !ec && it != end; it.increment(ec)) {
    if (it->symlink_status(ec).type() == fs::file_type::regular && wanted(it->path()))
      found.push_back(it->path());
  }
  if (ec) return fail(Errc::io, fmt::format("cannot look into {}: {}", folder.string(), ec.message()));
  std::ranges::sort(found);
  for (const fs::path& file : found) {
    auto added = add_file(sources, file, member + "/" + file.lexically_relative(folder).string());
    if (!added) return added;
  }
  return {};
}

Result<void> add_includes(std::vector<Source>& sources, const ops::Config& config) {
  for (const fs::path path : config.backup.include) {
    const std::string member = "include" + path.lexically_normal().string();
    std::error_code ec;
    auto added = fs::is_directory(path, ec)
                     ? add_folder(sources, path, member, [](const fs::path&) { return true; })
                     : add_file(sources, path, member);
    if (!added) return with_context("[backup] include", added.error());
  }
  return {};
}

}  // namespace

Result<std::vector<Source>> small_files(const Box& box) {
  const ops::Paths paths{box.config};
  std::vector<Source> sources;
  sources.push_back(
      {.member = {.path = "README"}, .text = std::string{set_readme}, .read = {}, .mode = 0644});
  const fs::path database_folder = paths.database().parent_path();
  auto added = add_folder(sources, paths.live(), "live", [&](const fs::path& file) {
    return file.extension() != ".lock" && file.lexically_relative(database_folder).string().starts_with("..");
  });
  std::error_code ec;
  if (added && fs::exists(box.config_file, ec)) added = add_file(sources, box.config_file, "etc/alona.toml");
  if (added && fs::exists(box.config.mqtt.password_file, ec))
    added = add_file(sources, box.config.mqtt.password_file, "etc/mqtt-password");
  if (added) added = add_includes(sources, box.config);
  if (!added) return std::unexpected(added.error());
  return sources;
}

}  // namespace alona::backup
