// The live streams: what each gets, what one that broke can resume from. Web thread only. Frames are numbered
// from a random beginning, so that a number of an earlier run is never mistaken for one of this.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "http/message.h"
#include "http/streams.h"

namespace alona::web {

class Live {
 public:
  explicit Live(std::uint64_t first_id) : next_id_(first_id) {}

  // A stream from now on, or from after `last_id` where the ring still holds what was missed, else beginning
  // with `reset`. 503 when limits::live_streams_max are open.
  [[nodiscard]] http::Response open(std::optional<std::uint64_t> last_id, Mono now);
  // To every stream and into the ring.
  void send(std::string_view event, std::string_view data);
  // False when nobody listens or will resume: then making frames is wasted, and skipped() must say so.
  [[nodiscard]] bool wanted(Mono now);
  // Something would have been sent: who resumes later has missed it.
  void skipped();
  void close_all();
  [[nodiscard]] std::size_t streams() const { return streams_.size(); }

 private:
  struct Kept {
    std::uint64_t id;
    http::EventStream::Frame frame;
  };
  bool replay(http::EventStream& stream, std::uint64_t last_id) const;

  std::uint64_t next_id_;
  std::deque<Kept> ring_;
  std::size_t ring_bytes_ = 0;
  std::vector<std::shared_ptr<http::EventStream>> streams_;
  Mono last_used_{};
};

}  // namespace alona::web
