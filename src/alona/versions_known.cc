#include "alona/versions_known.h"

#include <fmt/format.h>

#include <filesystem>
#include <vector>

#include "alona/dpkg.h"
#include "alona/sticks.h"
#include "backup/upgrade.h"

namespace alona {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// What tells one package from another without reading it.
std::string marks_of(const std::vector<fs::path>& folders) {
  std::string marks;
  for (const fs::path& file : backup::packages_in(folders)) {
    std::error_code gone;
    marks += fmt::format("{} {} {}\n", file.string(), fs::file_size(file, gone),
                         fs::last_write_time(file, gone).time_since_epoch().count());
  }
  return marks;
}

std::string_view word(backup::Outcome::State state) {
  using State = backup::Outcome::State;
  return state == State::running ? "running" : state == State::done ? "done" : "failed";
}

}  // namespace

web::Versions VersionsKnown::look() const {
  std::error_code ec;
  if (!fs::is_directory(paths_.requests(), ec)) return {};
  std::vector<fs::path> folders = stick_folders();
  for (std::size_t i = 0, n = folders.size(); i < n; ++i) folders.push_back(folders[i] / "packages");
  auto found = backup::read_found(paths_);
  std::string marks = marks_of(folders) + marks_of({backup::releases_folder(paths_)});
  for (const auto& stick : found) marks += fmt::format("{}\n{}\n", stick.version, stick.trouble);
  const std::scoped_lock lock{mutex_};
  if (marks != seen_) {
    const auto packages = dpkg_packages({});
    found.push_back(backup::find_package(folders, *packages));
    const auto now = packages->installed();
    const auto offer = backup::offer_of(found, now ? now->version : "", *packages);
    found_ = {.offer = offer.version, .trouble = offer.trouble, .former = {}, .last = {}};
    if (const auto former = backup::former_package(paths_, *packages)) {
      if (const auto about = packages->look(*former)) found_.former = about->version;
    }
    seen_ = marks;
  }
  web::Versions versions = found_;
  if (const auto last = backup::read_outcome(paths_)) {
    Ms ahead = clock_.utc() - SystemClock{}.utc();
    if (ahead > -1s && ahead < 1s) ahead = 0ms;
    versions.last = {last->at + ahead, last->back, std::string(word(last->state)), last->text};
  }
  return versions;
}

}  // namespace alona
