// The writer thread's side of keeping room on the disk: asks the keeper what is wanted and does it in the
// database, in slices between two commits. Owned by the service.
#pragma once

#include <memory>

#include "ingest/ingest.h"
#include "room/keeper.h"

namespace alona::ingest {

class RoomDuty {
 public:
  // `keeper`: may be null, then there is always room.
  RoomDuty(std::shared_ptr<room::Keeper> keeper, const Clock& clock)
      : keeper_(std::move(keeper)), clock_(clock) {}

  // The ledger so far. Before the first look.
  [[nodiscard]] Result<void> load(Ingest& ingest);
  // Whenever the loop turns; true: there is a new picture.
  bool look(const Ingest& ingest) { return keeper_ && keeper_->look(ingest.now(), clock_.mono()); }
  [[nodiscard]] std::shared_ptr<const room::Picture> picture() const { return keeper_->picture(); }
  [[nodiscard]] bool takes_messages() const { return !keeper_ || room::takes_messages(keeper_->step()); }

  // Hands the ledger's additions to the next fold.
  void before_fold(Ingest& ingest);
  // One slice of what the keeper wants, when it is due: a tenth of the time while messages come, as sealing.
  // Only while nothing waits for a commit. An error: the database must be looked at again.
  [[nodiscard]] Result<void> work(Ingest& ingest, bool busy);
  [[nodiscard]] bool wants_work() const {
    return keeper_ && (keeper_->wants_rows_dropped() || keeper_->wants_thinning());
  }
  [[nodiscard]] Mono next_work() const { return next_work_; }

 private:
  [[nodiscard]] Result<void> slice(Ingest& ingest);
  std::shared_ptr<room::Keeper> keeper_;
  const Clock& clock_;
  Mono next_work_{};
};

}  // namespace alona::ingest
