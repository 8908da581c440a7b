#include "web/findings_room.h"

#include <fmt/format.h>

#include <algorithm>

#include "room/size_text.h"

namespace alona::web {
namespace {
using room::size_text;
using room::Step;

// What must be free for the step to be over: an eighth above its threshold, and the ballast in its place.
std::string cleared_at(const room::Picture& disk) {
  const auto& c = disk.contract;
  const auto low = std::max(disk.space.total / 100 * static_cast<std::uint64_t>(100 - c.used_max_percent),
                            c.reserve + c.reserve / 4);
  const std::uint64_t threshold = disk.step == Step::low        ? low
                                  : disk.step == Step::dropping ? c.reserve
                                                                : c.reserve / 2;
  const std::uint64_t missing = c.ballast - std::min(c.ballast, disk.space.ballast);
  return size_text(threshold + threshold / 8 + missing);
}

std::string what_may_go(const room::Picture& disk) {
  return fmt::format(
      "Free some space: old backups and debug bundles in {} may go, and `sudo journalctl --vacuum-size=50M` "
      "shrinks the journal. `sudo du -xh --max-depth=2 / | sort -h | tail -20` shows what takes the room.",
      disk.folder);
}

std::string lasts(const room::Picture& disk) {
  const auto& forecast = disk.forecast;
  if (!forecast.days_left) return fmt::format("How long it lasts is {}.", forecast.why);
  return fmt::format("At the pace of the last {} days it lasts for about {} more.", limits::forecast_days,
                     *forecast.days_left == 1 ? "one day" : fmt::format("{} days", *forecast.days_left));
}

struct Words {
  Level level;
  std::string what, why, cleared;
};

std::string waits() {
  return fmt::format(
      "What comes waits at the message broker, up to {} messages. Nodes that wait for an answer keep theirs; "
      "others lose what they measure after that.",
      limits::broker_queued_max);
}

Words words(const room::Picture& disk, UtcMs now) {
  const std::string free = size_text(disk.space.free);
  const std::string reserve = size_text(disk.contract.reserve), half = size_text(disk.contract.reserve / 2);
  const std::string stopped =
      fmt::format("Readings haven't been stored{}: only {} are free on the disk",
                  disk.since < now ? " for " + duration_text(now - disk.since) : std::string{}, free);
  switch (disk.step) {
    case Step::ample:
      break;
    case Step::low:
      return {Level::needs_you,
              fmt::format("The disk is filling up: {} of {} are free", free, size_text(disk.space.total)),
              fmt::format("Readings are stored until {} are left. {}", half, lasts(disk)),
              "This is over by itself once {} are free."};
    case Step::dropping:
      return {
          Level::needs_you, fmt::format("The disk is nearly full: {} are free", free),
          fmt::format("Below {} what may go is deleted: copies of damaged files, heartbeats older than 30 "
                      "days, refused messages; so far {} files of {}. What leaves the database makes room "
                      "inside its file, for new readings, and none on the disk. Below {} storing stops.",
                      reserve, disk.files_dropped, size_text(disk.bytes_dropped), half),
          "This is over by itself once {} are free."};
    case Step::thinning:
      return {Level::needs_you, fmt::format("The oldest readings are being thinned: {} are free", free),
              fmt::format("Below {}, and because thin_after allows it, old history keeps the least, the mean "
                          "and the greatest value of each ten minutes. That makes room inside the database's "
                          "file, for new readings, and none on the disk.",
                          half),
              "This is over by itself once {} are free."};
    case Step::stopped:
      return {Level::being_lost, stopped,
              fmt::format("Below {} nothing is taken any more, so that nothing acknowledged is lost. {}",
                          half, waits()),
              "Storing goes on by itself once {} are free."};
    case Step::ballast_given:
      return {Level::being_lost, stopped,
              fmt::format("The box has given back the {} that it kept for this, so that it can still be "
                          "reached and worked on. {}",
                          size_text(disk.contract.ballast), waits()),
              "Storing goes on by itself once {} are free."};
  }
  return {Level::needs_you, {}, {}, {}};
}

}  // namespace

std::optional<Finding> of_room(const room::Picture& disk, UtcMs now) {
  if (disk.step == Step::ample) return std::nullopt;
  Words w = words(disk, now);
  const std::string cleared = fmt::format(fmt::runtime(w.cleared), cleared_at(disk));
  return Finding{"room",     w.level, std::move(w.what), std::move(w.why), what_may_go(disk) + " " + cleared,
                 disk.since, {}};
}

}  // namespace alona::web
