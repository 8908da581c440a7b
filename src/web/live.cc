#include "web/live.h"

#include <algorithm>

#include "base/limits.h"

namespace alona::web {
namespace {
using namespace std::chrono_literals;
// A phone that changes its access point is back within this.
constexpr auto resume_time = 60s;
}  // namespace

http::Response Live::open(std::optional<std::uint64_t> last_id, Mono now) {
  std::erase_if(streams_, [](const auto& stream) { return stream->closed(); });
  if (streams_.size() >= limits::live_streams_max) {
    auto full = http::problem(503, "Too many live views are open", "The box serves sixteen at once.",
                              "Close a page elsewhere; this one tries again by itself.");
    full.headers.emplace_back("Retry-After", "10");
    return full;
  }
  auto stream = std::make_shared<http::EventStream>();
  // The first line also tells proxies and the page that the stream lives.
  stream->push(std::make_shared<std::string>("retry: 3000\n\n"));
  if (last_id && !replay(*stream, *last_id)) {
    stream->push(std::make_shared<std::string>(http::event_frame(next_id_ - 1, "reset", "{}")));
  }
  streams_.push_back(stream);
  last_used_ = now;
  http::Response response;
  response.content_type = "text/event-stream";
  response.events = std::move(stream);
  return response;
}

// False when it missed something that is gone, or the number isn't one of ours.
bool Live::replay(http::EventStream& stream, std::uint64_t last_id) const {
  if (last_id >= next_id_) return false;
  const std::uint64_t oldest = ring_.empty() ? next_id_ : ring_.front().id;
  if (last_id + 1 < oldest) return false;
  std::size_t bytes = 0;
  for (const Kept& kept : ring_) bytes += kept.id > last_id ? kept.frame->size() : 0;
  if (bytes > limits::live_queue_bytes_max / 2) return false;  // asking anew is cheaper
  for (const Kept& kept : ring_) {
    if (kept.id > last_id) stream.push(kept.frame);
  }
  return true;
}

void Live::send(std::string_view event, std::string_view data) {
  const auto frame = std::make_shared<const std::string>(http::event_frame(next_id_, event, data));
  ring_.push_back({next_id_++, frame});
  ring_bytes_ += frame->size();
  while (ring_.size() > limits::live_ring_frames_max || ring_bytes_ > limits::live_ring_bytes_max) {
    ring_bytes_ -= ring_.front().frame->size();
    ring_.pop_front();
  }
  std::erase_if(streams_, [&](const auto& stream) { return !stream->push(frame); });
}

bool Live::wanted(Mono now) {
  if (!streams_.empty()) last_used_ = now;
  return last_used_ != Mono{} && now - last_used_ < resume_time;
}

void Live::skipped() {
  ++next_id_;
  ring_.clear();
  ring_bytes_ = 0;
}

void Live::close_all() {
  for (const auto& stream : streams_) stream->close();
  streams_.clear();
}

}  // namespace alona::web
