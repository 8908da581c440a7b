// What time it is, and how well that is known (docs/time.md). Sources by rank: NTP (the kernel says that its
// clock is synchronised), a visitor, a clock chip (a clock that nobody synchronised, but within a day of and
// not before the floor), the floor: the latest receipt ever committed, or the time saved last. Whatever
// the source, time goes on by the monotonic clock, so that nothing moves it unseen.
//
// Each stretch between two changes is an epoch. When a source says what time it really is, the stretches
// behind it are moved by a number each:
//  - those of this boot by their error, which the monotonic clock tells exactly;
//  - those of earlier boots, back to the last one that had true time, so that they keep their order: one that
//    went on from the floor ends where the next begins (how long it was dark between, nobody knows); one by a
//    clock chip stays, unless it would end after that. They stay provisional;
//  - never one whose source ranks higher, nor one of which a part is sealed as settled. NTP or a chip that
//    jumps ahead of itself moves nothing: the machine may have slept. A chip moves only its own boot.
// Owned by Ingest, the writer's thread; passive.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "store/rows.h"

namespace alona::ingest {

class CoreTime {
 public:
  // `settled`: whether a part of that stretch is sealed for ever. `house`: told of every change; may be null.
  CoreTime(const Clock& clock, std::function<bool(store::EpochNo)> settled, HouseClock* house);

  // From what the disk knows. `saved`: the time that was written beside it, if any.
  void load(std::vector<store::EpochRow> epochs, UtcMs floor, std::optional<UtcMs> saved);

  [[nodiscard]] UtcMs now() const { return at(clock_.mono()); }
  [[nodiscard]] bool trusted() const { return source() >= store::ClockSource::visitor; }
  [[nodiscard]] store::ClockSource source() const { return epochs_.back().source; }
  [[nodiscard]] const store::EpochRow& current() const { return epochs_.back(); }
  [[nodiscard]] store::EpochNo epoch() const { return epochs_.back().no; }
  [[nodiscard]] UtcMs floor() const { return floor_; }

  // What a change of the clock did to the time of this boot: a moment in the epoch that ended lies `moved`
  // later than was thought.
  struct Change {
    store::EpochNo ended{};
    Ms moved{0};   // 0: the stretch stays as it is
    Ms jumped{0};  // of now()
  };
  // Asks the machine again: a system call, so once a second and not once a message.
  [[nodiscard]] std::optional<Change> look();
  // A visitor's word. refused: NTP knows better, or it is no time at all.
  [[nodiscard]] Result<Change> visitor(UtcMs utc);

  // What the disk doesn't know yet; the commit that carries it says so.
  [[nodiscard]] bool moved() const { return moved_; }  // a stretch was moved: not to wait for readings
  [[nodiscard]] std::vector<store::EpochRow> unwritten() const;
  void committed(UtcMs received);

 private:
  [[nodiscard]] UtcMs at(Mono mono) const { return UtcMs{mono.time_since_epoch() + ahead_}; }
  struct Both {
    UtcMs utc{};
    Mono mono{};
  };
  [[nodiscard]] Both read() const;
  [[nodiscard]] bool take_up(bool synchronised, const Both& machine);
  void begin(store::ClockSource source, const Both& now);
  [[nodiscard]] Ms move_behind();
  [[nodiscard]] Change change_to(store::ClockSource source, const Both& now);
  void set_ahead(Ms ahead);

  const Clock& clock_;
  const std::function<bool(store::EpochNo)> settled_;
  HouseClock* const house_;
  Ms ahead_{0};  // of UTC to the monotonic clock
  UtcMs floor_{};
  std::vector<store::EpochRow> epochs_;  // ascending, never empty; the last one is now
  std::vector<bool> changed_;            // by epoch: the disk doesn't know
  bool moved_ = false;
};

}  // namespace alona::ingest
