#include "web/second_findings.h"

#include <fmt/format.h>

namespace alona::web {

std::optional<Finding> second_finding(const SecondPicture& picture, UtcMs now) {
  if (picture.target.empty() || !picture.since || now - *picture.since <= second_copy_alert) return {};
  const auto days = std::chrono::floor<std::chrono::days>(now - *picture.since).count();
  const std::string last = picture.copied ? fmt::format("The last second copy is of {} ({}).",
                                                        iso8601(*picture.copied).substr(0, 10), picture.name)
                                          : "There is no second copy yet.";
  return Finding{
      "second_copy",
      Level::needs_you,
      fmt::format("The backups have had no second copy for {} days", days),
      picture.missing ? fmt::format("The second target {} isn't there. {}", picture.target, last)
                      : fmt::format("Copying to {} fails: {}. {}", picture.target, picture.why, last),
      picture.missing
          ? "Plug it in and run `sudo alona backup copy`. If it is gone for good, set [backup] second_target "
            "to another one. Until then a dead card takes every backup with it."
          : "Run `sudo alona backup copy`: it says what to do. A stick that keeps failing wants to be "
            "changed.",
      picture.since,
      {}};
}

}  // namespace alona::web
