#include "backup/bundle_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include "backup/sets.h"
#include "backup/tar_writer.h"
#include "base/files.h"

namespace alona::backup {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view prefix = "alona-bundle-", part_suffix = ".part";
constexpr std::size_t time_chars = std::string_view{"20261125T031504Z"}.size();

Result<void> write_members(TarWriter& writer, const std::vector<BundleMember>& members) {
  for (const auto& [name, text] : members) {
    if (auto begun = writer.begin_member(name, text.size(), 0640); !begun) return begun;
    if (auto put = writer.data({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}); !put)
      return put;
  }
  if (auto closed = writer.close(); !closed) return closed;
  return writer.sync();
}

std::unexpected<Error> is_there(const fs::path& path) {
  return fail(Errc::refused, fmt::format("there is a file {} already", path.string()),
              "Give another name with --output.");
}

Result<void> give_name(const fs::path& part, const fs::path& path, There there) {
  // link, not rename: what has this name already stays. FAT, as on sticks, has no links.
  const bool linked = there == There::refuse && ::link(part.c_str(), path.c_str()) == 0;
  if (!linked && there == There::refuse && errno == EEXIST) return is_there(path);
  if (!linked && ::rename(part.c_str(), path.c_str()) != 0) return file_error("make", path, errno);
  std::error_code ec;
  fs::remove(part, ec);
  give_to_owner_of_folder(path);
  return files::sync_folder(path.parent_path());
}

// What a person does about it: the error that comes from below only knows what happened.
Error with_advice(Error error) {
  if (error.code == Errc::disk_full)
    error.next = "Make room, or write it elsewhere, such as onto a stick: `alona bundle --output FILE`.";
  if (error.code == Errc::io || error.code == Errc::not_found)
    error.next =
        "Write it elsewhere: `alona bundle --output FILE`; for the folder itself `sudo alona doctor`.";
  return error;
}

}  // namespace

std::string bundle_name(std::string_view host, UtcMs taken) {
  const std::string set = set_folder_name(host, taken);
  return std::string(prefix) + set.substr(set.find('-') + 1);
}

bool is_bundle_name(std::string_view file_name) {
  return file_name.starts_with(prefix) && file_name.ends_with(bundle_suffix) &&
         file_name.size() > prefix.size() + time_chars + bundle_suffix.size();
}

Result<void> write_bundle(const fs::path& path, There there, const std::string& folder, UtcMs taken,
                          const std::vector<BundleMember>& members) {
  std::error_code ec;
  if (there == There::refuse && fs::exists(path, ec)) return is_there(path);
  const fs::path part = fmt::format("{}.{}{}", path.string(), ::getpid(), part_suffix);
  TarWriter writer{part, folder, taken};
  auto done = writer.begin();
  if (!done) return std::unexpected(with_advice(done.error()));
  done = write_members(writer, members);
  if (done) done = give_name(part, path, there);
  if (done) return done;
  fs::remove(part, ec);
  return std::unexpected(with_advice(done.error()));
}

void thin_bundles(const fs::path& folder, std::size_t keep, const std::string& just_made) {
  struct Found {
    std::string time, name;
  };
  std::vector<Found> found;
  std::error_code ec;
  std::vector<fs::path> gone;
  for (fs::directory_iterator it{folder, ec}, end; !ec && it != end; it.increment(ec)) {
    const std::string name = it->path().filename().string();
    if (name.starts_with(prefix) && name.ends_with(part_suffix)) {
      // One that another process is writing now is younger than an hour.
      const auto age = fs::file_time_type::clock::now() - fs::last_write_time(it->path(), ec);
      if (!ec && age > std::chrono::hours{1}) gone.push_back(it->path());
    } else if (is_bundle_name(name) && name != just_made) {
      found.push_back({name.substr(name.size() - bundle_suffix.size() - time_chars, time_chars), name});
    }
  }
  std::ranges::sort(found, std::greater{}, &Found::time);
  for (std::size_t i = keep > 0 ? keep - 1 : 0; i < found.size(); ++i) gone.push_back(folder / found[i].name);
  for (const fs::path& file : gone) fs::remove(file, ec);
}

}  // namespace alona::backup
