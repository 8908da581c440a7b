// What the box itself goes through, written down so that a hole in a chart can say why it is there
// (docs/gaps.md): starts and stops, the broker out of reach, a database that takes nothing; and the daily
// thinning of old heartbeats. Owned by the writer thread. What can't be written is said in the journal and
// lost: nothing here may hold up messages.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ingest/ingest.h"

namespace alona::ingest {

class Diary {
 public:
  // All of them outlive it. `boot`: the kernel's id of this boot.
  Diary(store::Writer& writer, const Ingest& ingest, const Clock& clock, std::string boot);

  void start();  // once the state is loaded
  void stop();   // the last thing written
  void broker(bool connected);
  // The first of a row counts.
  void storing_failed(Errc why);
  void stores_again();
  // While the database takes changes; what waits for its commit is not touched.
  void every_second();

 private:
  struct Outage {
    std::string_view cause;
    Mono since{};
    std::optional<std::int64_t> row;  // written already, and open
  };
  [[nodiscard]] UtcMs moment(Mono at) const;
  void end(std::optional<Outage>& outage);
  void settle_start();

  store::Writer& writer_;
  const Ingest& ingest_;
  const Clock& clock_;
  const std::string boot_;
  const Mono started_;
  std::optional<store::Writer::Started> event_;  // of this start
  bool settled_ = false;                         // the start's time is trusted
  std::optional<Outage> no_broker_, no_storing_;
  Mono next_alive_{}, next_thinning_{};
};

// The kernel's id of this boot; empty where there is none.
[[nodiscard]] std::string boot_id();

}  // namespace alona::ingest
