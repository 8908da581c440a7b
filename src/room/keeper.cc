#include "room/keeper.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <utility>

namespace alona::room {
namespace {

std::uint64_t mib(std::uint64_t bytes) { return bytes >> 20; }

// What the journal says when the step changes.
std::string_view meaning(Step step) {
  switch (step) {
    case Step::ample:
      return "there is room";
    case Step::low:
      return "little room is left";
    case Step::dropping:
      return "the reserve is touched: what may go, goes";
    case Step::thinning:
      return "half the reserve is gone: the oldest history is thinned";
    case Step::stopped:
      return "half the reserve is gone: no message is taken, what comes waits at the broker";
    case Step::ballast_given:
      return "nearly full: no message is taken, and the ballast is given back";
  }
  return "";
}

}  // namespace

Keeper::Keeper(Parts parts, KeeperOptions options) : parts_(std::move(parts)), options_(std::move(options)) {
  thinnable_ = options_.thin_after.count() > 0;
}

void Keeper::load(store::Ledger kept) { meter_ = WearMeter{std::move(kept)}; }

bool Keeper::look(UtcMs utc, Mono now) {
  if (now < next_look_) return false;
  auto next = std::make_shared<Picture>(*picture_);
  const auto measured = measure(*next, utc);
  complain(measured);
  next->known = measured.has_value();
  if (measured && next->step >= Step::dropping) drop_files(*next);
  if (measured) keep_ballast(*next);
  if (next->step != picture_->step) {
    next->since = utc;
    // Whatever was tried before, at a new height it is tried again.
    if (next->step < Step::dropping) rows_left_ = true, thinnable_ = options_.thin_after.count() > 0;
    const auto say = next->step > picture_->step ? spdlog::level::warn : spdlog::level::info;
    spdlog::log(say, "disk: {} MiB free of {}: {}", mib(next->space.free), mib(next->space.total),
                meaning(next->step));
  }
  const bool ballast_grows = next->step < Step::thinning && next->space.ballast < next->contract.ballast;
  next_look_ =
      now + (next->step == Step::ample && !ballast_grows ? limits::room_look_ample : limits::room_look_low);
  picture_ = std::move(next);
  return true;
}

// A file system that doesn't answer changes nothing: storing finds out by itself.
Result<void> Keeper::measure(Picture& next, UtcMs utc) {
  const auto space = parts_.disk->look();
  if (!space) return std::unexpected(space.error());
  next.space = *space;
  next.contract = fitted(options_.contract, space->total);
  const bool can_thin =
      thinnable_ || (options_.thin_after.count() > 0 && reusable_ >= limits::reusable_bytes_enough);
  next.step = ladder(*space, next.contract, can_thin, next.step);
  next.reusable = reusable_;
  next.may_thin = options_.thin_after.count() > 0;
  next.today = utc_day(utc);
  next.folder = options_.folder;
  meter_.sample(next.today, space->free, parts_.wear->read());
  next.days = meter_.days();
  next.device = meter_.device();
  const std::uint64_t free = room(*space, next.contract);
  next.forecast = forecast(next.days, free - std::min(free, next.contract.reserve / 2), next.today);
  return {};
}

void Keeper::drop_files(Picture& next) {
  next.droppable = 0;
  std::size_t dropped = 0;
  for (const auto& droppable : parts_.droppables) {
    for (const Droppable::File& file : droppable->list()) {
      if (dropped == limits::room_files_dropped || next.step < Step::dropping) {
        next.droppable += file.bytes;
        continue;
      }
      if (auto gone = droppable->drop(file); !gone) {
        complain(gone);
        continue;
      }
      spdlog::warn("disk: deleted {} ({} MiB), for room", file.path.string(), mib(file.bytes));
      ++dropped, ++next.files_dropped, next.bytes_dropped += file.bytes;
      if (const auto space = parts_.disk->look()) {
        next.space = *space;
        next.step = ladder(*space, next.contract, next.step == Step::thinning, next.step);
      }
    }
  }
}

void Keeper::keep_ballast(Picture& next) {
  if (next.step == Step::ballast_given && next.space.ballast > 0) {
    const auto given = parts_.disk->give_ballast_back();
    complain(given);
    if (given) spdlog::warn("disk: the ballast of {} MiB is given back", mib(next.space.ballast));
  } else if (next.step < Step::thinning) {
    complain(parts_.disk->make_ballast(next.contract.ballast));
  } else {
    return;
  }
  if (const auto space = parts_.disk->look()) next.space = *space;
}

void Keeper::complain(const Result<void>& outcome) {
  if (!outcome && std::exchange(last_complaint_, outcome.error().what) != outcome.error().what)
    spdlog::warn("disk: {}", outcome.error().what);
}

bool Keeper::wants_rows_dropped() const {
  return step() >= Step::dropping && rows_left_ && reusable_ < limits::reusable_bytes_enough;
}

bool Keeper::wants_thinning() const {
  return step() == Step::thinning && thinnable_ && reusable_ < 2 * limits::reusable_bytes_enough;
}

void Keeper::rows_dropped(bool more, std::uint64_t reusable) {
  rows_left_ = more;
  reusable_ = reusable;
}

void Keeper::thinned(bool more, std::uint64_t reusable) {
  thinnable_ = more;
  reusable_ = reusable;
}

}  // namespace alona::room
