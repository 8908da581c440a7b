// The target of a request: a path and a query, decoded strictly. What isn't exactly right is refused, never
// guessed: two readers of one address must not understand two things. No state; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace alona::http {

struct Target {
  std::string path;                                        // as sent, without the query
  std::vector<std::string> segments;                       // decoded, split before decoding; "/" has none
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in order, each name once

  [[nodiscard]] const std::string* find(std::string_view name) const;
};

// Nothing for a target that isn't a path beginning with "/", for a broken or overlong %-sequence, control
// characters, invalid UTF-8, "." and ".." segments, a query name given twice, or too many segments or fields.
[[nodiscard]] std::optional<Target> parse_target(std::string_view text);

// One %-encoded piece; `plus_is_space` as in queries.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);

// True when a page of ours may have been asked under this Host: an IP literal, localhost, a *.local name or
// one of `allowed`, each with or without a port. Anything else may be a stranger's name that was pointed here
// (DNS rebinding).
[[nodiscard]] bool host_allowed(std::string_view host, const std::vector<std::string>& allowed);

}  // namespace alona::http
