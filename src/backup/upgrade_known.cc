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
constexpr std::string_view head = "alona-outcome 1";

fs::path outcome_file(const ops::Paths& paths) { return releases_folder(paths) / "outcome"; }

std::string_view word(Outcome::State state) {
  return state == Outcome::State::running ? "running" : state == Outcome::State::done ? "done" : "failed";
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

// By the package's version, not by the program's: the release that it was made for is part of that alone.
Offer look_for_later(const std::vector<fs::path>& folders, Packages& packages) {
  const auto files = packages_in(folders);
  if (files.empty()) return {};
  const auto now = packages.installed();
  if (!now) return {.version = {}, .trouble = now.error().what + "."};
  Offer offer;
  std::string others;  // whole, and not later
  for (const fs::path& file : files) {
    const auto found = packages.look(file);
    if (!found) {
      offer.trouble = found.error().what + ".";
      continue;
    }
    const auto later = packages.compare(now->version, found->version);
    if (!later || *later >= 0) {
      others = fmt::format("{} is on the stick, and {} runs.", found->version, now->version);
      continue;
    }
    const auto better = packages.compare(offer.version, found->version);
    if (offer.version.empty() || (better && *better < 0)) offer.version = found->version;
  }
  if (!offer.version.empty()) offer.trouble.clear();
  if (offer.version.empty() && offer.trouble.empty()) offer.trouble = others;
  return offer;
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
