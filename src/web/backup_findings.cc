#include "web/backup_findings.h"

#include <fmt/format.h>

namespace alona::web {
namespace {

constexpr std::string_view make_one =
    "Press “Back up now” on the page System, or run `alona backup now` on the box.";

std::optional<Finding> of_none(const BackupsKnown& known, UtcMs now) {
  const bool young = known.box_since && now - *known.box_since <= known.age_max;
  if (known.failed.empty() && young) return std::nullopt;
  return Finding{"backup",
                 Level::needs_you,
                 known.failed.empty() ? "There is no backup yet" : "There is no backup that is whole",
                 known.failed.empty() ? std::string("Everything this box knows exists only once.")
                                      : fmt::format("The newest failed: {}.", known.failed),
                 std::string(make_one),
                 {},
                 {}};
}

std::optional<Finding> of_age(const BackupsKnown& known, UtcMs now) {
  const UtcMs newest = *known.news.newest;
  if (now - newest <= known.age_max) return std::nullopt;
  return Finding{"backup",
                 Level::needs_you,
                 fmt::format("The newest backup is {} old", duration_text(now - newest)),
                 fmt::format("What came since then exists only once; {} is the most that is allowed.",
                             duration_text(known.age_max)),
                 std::string(make_one),
                 newest,
                 {}};
}

constexpr auto proof_age_max = std::chrono::days{15};  // two weekly drills have failed

std::optional<Finding> of_old_proof(const BackupsKnown& known, UtcMs now) {
  if (!known.news.proven || now - *known.news.proven <= proof_age_max) return std::nullopt;
  return Finding{
      "backup_proof",
      Level::needs_you,
      fmt::format("No backup has been proven for {}", duration_text(now - *known.news.proven)),
      "What was restorable then may not be now: a drill each week shows it.",
      "Press “Drill” at the newest one on the page System, or run `alona backup drill` on the box.",
      known.news.proven,
      {}};
}

std::optional<Finding> of_proof(const BackupsKnown& known) {
  if (known.news.proven) return std::nullopt;
  return Finding{
      "backup_proof",
      Level::needs_you,
      "No backup has been proven restorable",
      "A backup counts when a drill has restored it once.",
      "Press “Drill” at the newest one on the page System, or run `alona backup drill` on the box.",
      {},
      {}};
}

}  // namespace

std::vector<Finding> backup_findings(const BackupsKnown& known, UtcMs now, bool clock_trusted) {
  std::vector<Finding> all;
  const auto add = [&](std::optional<Finding> finding) {
    if (finding) all.push_back(std::move(*finding));
  };
  now = surely(now, clock_trusted);
  if (!known.news.newest) {
    add(of_none(known, now));
    return all;
  }
  add(of_age(known, now));
  add(of_old_proof(known, now));
  add(of_proof(known));
  return all;
}

}  // namespace alona::web
