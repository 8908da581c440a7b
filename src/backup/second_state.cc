#include "backup/second_state.h"

#include <fmt/format.h>

#include <algorithm>

#include "backup/words.h"
#include "base/files.h"

namespace alona::backup {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t state_bytes_max = 4096;

fs::path path_in(const fs::path& folder) { return folder / "SECOND.state"; }

}  // namespace

SecondState second_state(const fs::path& folder) {
  SecondState state;
  const auto read = files::read(path_in(folder), state_bytes_max);
  if (!read) return state;
  std::string_view text = *read;
  while (!text.empty()) {
    std::string_view line = take(text, '\n');
    const std::string_view key = take(line, ' ');
    const auto at = parse_iso8601(take(line, ' '));
    if (!at) continue;
    if (key == "copied") state.copied = at, state.name = line;
    if (key == "failed") state.failed = at, state.why = line;
    if (key == "missing-since") state.missing = at;
  }
  return state;
}

Result<void> put_second_state(const fs::path& folder, const SecondState& state) {
  std::string text;
  if (state.copied) text += fmt::format("copied {} {}\n", iso8601(*state.copied), state.name);
  std::string why = state.why.substr(0, 2000);
  std::ranges::replace(why, '\n', ' ');
  if (state.failed) text += fmt::format("failed {} {}\n", iso8601(*state.failed), why);
  if (state.missing) text += fmt::format("missing-since {}\n", iso8601(*state.missing));
  return files::replace(path_in(folder), text, 0640);
}

SecondState after_trying(SecondState before, const Result<std::string>& newest, UtcMs now) {
  if (newest) return {.copied = now, .name = *newest, .failed = {}, .why = {}, .missing = {}};
  if (newest.error().code == Errc::temporary) return before;
  const UtcMs since = before.trouble_since().value_or(now);
  before.missing.reset(), before.failed.reset(), before.why.clear();
  if (newest.error().code == Errc::not_found) {
    before.missing = since;
  } else {
    before.failed = since, before.why = newest.error().what;
  }
  return before;
}

}  // namespace alona::backup
