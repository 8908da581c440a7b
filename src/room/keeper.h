// Keeps room on the disk: looks at it, decides by the ladder, drops files, keeps the ballast and the write
// ledger. What must be done in the database it only wishes for; its owner, the writer thread, does it between
// two commits. Not thread-safe; the Picture it makes is immutable and may go anywhere.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "room/disk.h"
#include "room/droppable.h"
#include "room/forecast.h"
#include "room/ladder.h"
#include "room/wear.h"

namespace alona::room {

struct Picture {
  Step step = Step::ample;
  UtcMs since{};       // of the step
  bool known = false;  // false: the file system doesn't answer, or nobody has looked yet
  Space space;
  Contract contract;                                   // as it fits this disk
  std::uint64_t reusable = 0;                          // free inside the database's file
  bool may_thin = false;                               // the owner allows it
  std::uint64_t files_dropped = 0, bytes_dropped = 0;  // since the start
  std::uint64_t droppable = 0;                         // bytes that could still be dropped
  Forecast forecast;
  std::vector<store::WearRow> days;  // ascending
  std::string device;                // whose writes are counted; empty: only the core's own
  std::int32_t today = 0;
  std::string folder;  // of the data
};

struct KeeperOptions {
  std::string folder;  // for people
  Contract contract;
  std::chrono::days thin_after{0};  // 0: never
};

class Keeper {
 public:
  struct Parts {
    std::unique_ptr<Disk> disk;
    std::unique_ptr<WearSource> wear;
    std::vector<std::unique_ptr<Droppable>> droppables;  // in the order to drop
  };
  Keeper(Parts parts, KeeperOptions options);

  void load(store::Ledger kept);  // before the first look

  // As often as its owner likes; it looks when it is due. True: there is a new picture.
  bool look(UtcMs utc, Mono now);
  [[nodiscard]] std::shared_ptr<const Picture> picture() const { return picture_; }
  [[nodiscard]] Step step() const { return picture_->step; }

  // What is to be done in the database, a slice at a time, for as long as it says so. `more`: there is more
  // of it; `reusable`: what the file holds free now.
  [[nodiscard]] bool wants_rows_dropped() const;
  [[nodiscard]] bool wants_thinning() const;
  void rows_dropped(bool more, std::uint64_t reusable);
  void thinned(bool more, std::uint64_t reusable);
  // Sealed readings older than this may be thinned.
  [[nodiscard]] UtcMs thin_before(UtcMs now) const { return now - options_.thin_after; }

  // For the ledger, with each fold.
  [[nodiscard]] std::vector<store::WearRow> take_wear() { return meter_.take_new(); }
  [[nodiscard]] const store::WearBase& wear_base() const { return meter_.base(); }

 private:
  [[nodiscard]] Result<void> measure(Picture& next, UtcMs utc);
  void drop_files(Picture& next);
  void keep_ballast(Picture& next);
  void complain(const Result<void>& outcome);

  Parts parts_;
  const KeeperOptions options_;
  WearMeter meter_;
  std::shared_ptr<const Picture> picture_ = std::make_shared<Picture>();
  Mono next_look_{};
  bool rows_left_ = true, thinnable_ = true;  // as far as anybody knows
  std::uint64_t reusable_ = 0;
  std::string last_complaint_;  // said once
};

}  // namespace alona::room
