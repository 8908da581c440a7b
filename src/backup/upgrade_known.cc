// What an upgrade would find, and what the last one left for who wasn't there.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <system_error>

#include "backup/upgrade.h"
#include "backup/words.h"
#include "base/files.h"
#include "protocol/text.h"

namespace alona::backup {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t text_bytes_max = 4096;
constexpr std::string_view head = "alona-outcome 1", found_head = "alona-stick 1";
constexpr std::size_t found_max = 16;

fs::path outcome_file(const ops::Paths& paths) { return releases_folder(paths) / "outcome"; }

std::string_view word(Outcome::State state) {
  return state == Outcome::State::running ? "running" : state == Outcome::State::done ? "done" : "failed";
}

bool earlier(const std::string& a, const std::string& b, Packages& packages) {
  const auto order = packages.compare(a, b);
  return order && *order < 0;
}

}  // namespace

std::vector<fs::path> packages_in(const std::vector<fs::path>& folders) {
  std::vector<fs::path> files;
  for (const fs::path& folder : folders) {
    std::error_code ec;
    for (fs::directory_iterator it{folder, ec}, end; !ec && it != end; it.increment(ec)) {
      const std::string name = it->path().filename().string();
      if (name.starts_with("alona_") && name.ends_with(".deb")) files.push_back(it->path());
    }
  }
  return files;
}

std::string why_not_here(const Package& package, const Package& now, Packages& packages) {
  if (package.name != "alona") return fmt::format("it is a package of {}, not of Alona", package.name);
  if (package.architecture != now.architecture)
    return fmt::format("{} is for {}, and this machine is {}", package.version, package.architecture,
                       now.architecture);
  // tools/package writes the release into the version.
  const std::string release = packages.release();
  const std::size_t mark = package.version.rfind("+deb");
  if (mark != std::string::npos && !release.empty() && package.version.substr(mark + 4) != release)
    return fmt::format("{} is for Debian {}, and this is {}", package.version,
                       package.version.substr(mark + 4), release);
  return {};
}

// By the package's version, not by the program's: the release that it was made for is part of that alone.
OnStick find_package(const std::vector<fs::path>& folders, Packages& packages) {
  const auto files = packages_in(folders);
  if (files.empty()) return {};
  const auto now = packages.installed();
  if (!now) return {.file = {}, .version = {}, .trouble = now.error().what + "."};
  OnStick best;
  std::string strange;  // a kit for another box is no trouble where there is one for this
  for (const fs::path& file : files) {
    const auto found = packages.look(file);
    if (!found) {
      best.trouble = found.error().what + ".";
      continue;
    }
    if (auto why = why_not_here(*found, *now, packages); !why.empty()) {
      strange = fmt::format("{}: {}.", file.filename().string(), why);
      continue;
    }
    if (best.file.empty() || earlier(best.version, found->version, packages))
      best.file = file, best.version = found->version;
  }
  if (best.file.empty() && best.trouble.empty()) best.trouble = strange;
  return best;
}

Offer offer_of(const std::vector<OnStick>& found, const std::string& now, Packages& packages) {
  Offer offer;
  std::string others;
  for (const OnStick& stick : found) {
    if (!stick.trouble.empty()) offer.trouble = stick.trouble;
    if (stick.version.empty()) continue;
    if (!earlier(now, stick.version, packages))
      others = fmt::format("{} is on the stick, and {} runs.", stick.version, now);
    else if (offer.version.empty() || earlier(offer.version, stick.version, packages))
      offer.version = stick.version;
  }
  if (!offer.version.empty()) offer.trouble.clear();
  if (offer.version.empty() && offer.trouble.empty()) offer.trouble = others;
  return offer;
}

fs::path sticks_folder(const ops::Paths& paths) { return paths.runtime().string() + "-sticks"; }

Result<void> write_found(const ops::Paths& paths, const std::string& device, const OnStick& found) {
  const fs::path folder = sticks_folder(paths) / device;
  if (auto made = files::make_folder(folder, 0755); !made) return made;
  return files::replace(folder / "found",
                        fmt::format("{}\n{}\nend\n{}\n", found_head, found.version,
                                    protocol::clipped(found.trouble, text_bytes_max)),
                        0644);
}

std::vector<OnStick> read_found(const ops::Paths& paths) {
  std::vector<fs::path> files;
  std::error_code ec;
  for (fs::directory_iterator it{sticks_folder(paths), ec}, end; !ec && it != end; it.increment(ec))
    files.push_back(it->path() / "found");
  std::ranges::sort(files);
  std::vector<OnStick> sticks;
  for (const fs::path& file : files) {
    const auto text = files::read(file, 2 * text_bytes_max);
    if (!text || sticks.size() == found_max) continue;
    std::string_view left = *text;
    if (take(left, '\n') != found_head) continue;
    const std::string_view version = take(left, '\n');
    if (take(left, '\n') != "end") continue;
    while (left.ends_with('\n')) left.remove_suffix(1);
    sticks.push_back({.file = {}, .version = std::string(version), .trouble = std::string(left)});
  }
  return sticks;
}

Result<void> write_outcome(const ops::Paths& paths, const Outcome& outcome) {
  if (auto made = files::make_folder(releases_folder(paths), 0755); !made) return made;
  return files::replace(
      outcome_file(paths),
      fmt::format("{}\n{}\n{}\n{}\n{}\n", head, count(outcome.at), outcome.back ? "roll_back" : "upgrade",
                  word(outcome.state), protocol::clipped(outcome.text, text_bytes_max)),
      0644);
}

std::optional<Outcome> read_outcome(const ops::Paths& paths) {
  const auto text = files::read(outcome_file(paths), 2 * text_bytes_max);
  if (!text) return std::nullopt;
  std::string_view left = *text;
  if (take(left, '\n') != head) return std::nullopt;
  Outcome outcome;
  const std::string at{take(left, '\n')};
  std::int64_t ms = 0;
  const auto [end, error] = std::from_chars(at.data(), at.data() + at.size(), ms);
  if (error != std::errc{} || end != at.data() + at.size() || ms < 0 || ms >= limits::ts_end_ms)
    return std::nullopt;
  outcome.at = utc_ms(ms);
  const std::string_view what = take(left, '\n'), state = take(left, '\n');
  if (what != "upgrade" && what != "roll_back") return std::nullopt;
  outcome.back = what == "roll_back";
  using State = Outcome::State;
  if (state != "running" && state != "done" && state != "failed") return std::nullopt;
  outcome.state = state == "running" ? State::running : state == "done" ? State::done : State::failed;
  while (left.ends_with('\n')) left.remove_suffix(1);
  outcome.text = left;
  return outcome;
}

}  // namespace alona::backup
