#include "ingest/room_duty.h"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace alona::ingest {

Result<void> RoomDuty::load(Ingest& ingest) {
  if (!keeper_) return {};
  auto kept = ingest.writer().ledger(limits::ledger_days_shown);
  if (!kept) return std::unexpected(kept.error());
  keeper_->load(std::move(*kept));
  return {};
}

void RoomDuty::before_fold(Ingest& ingest) {
  if (keeper_) ingest.writer().note_wear(keeper_->take_wear(), keeper_->wear_base());
}

Result<void> RoomDuty::work(Ingest& ingest, bool busy) {
  const Mono begun = clock_.mono();
  if (!wants_work() || begun < next_work_) return {};
  auto done = slice(ingest);
  const Mono now = clock_.mono();
  next_work_ = busy ? now + (limits::seal_share - 1) * std::max(now - begun, Ms{1}) : now;
  return done;
}

Result<void> RoomDuty::slice(Ingest& ingest) {
  store::Writer& writer = ingest.writer();
  const bool rows = keeper_->wants_rows_dropped();
  const UtcMs now = ingest.now();
  // Without a trusted clock nobody knows what is old.
  const bool dated = ingest.clock_trusted();
  auto more = Result<bool>{false};
  if (rows) {
    more = writer.drop_some(dated ? now - limits::heartbeat_kept : UtcMs::min());
  } else if (dated) {
    more = writer.thin_some(keeper_->thin_before(now), limits::thin_slice);
  }
  if (!more && more.error().code == Errc::failed) {
    spdlog::error("thinning history failed, and changed nothing: {}", more.error().text());
    more = false;
  }
  if (!more) return std::unexpected(more.error());
  const auto reusable = writer.reusable_bytes();
  if (!reusable) return std::unexpected(reusable.error());
  if (rows) {
    keeper_->rows_dropped(*more, *reusable);
  } else {
    keeper_->thinned(*more, *reusable);
  }
  return {};
}

}  // namespace alona::ingest
