// Answers that don't end at once. Both hold little and say so when the client is too slow: an export waits
// for it, a live stream is cut.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace alona::http {

// A long body from a thread of its own to one connection. Backpressure: write() waits while
// limits::stream_queue_bytes_max are unread.
class BodyStream {
 public:
  // The producer's thread. False: the client has gone or reads nothing for limits::http_write_timeout; stop.
  [[nodiscard]] bool write(std::string_view piece);
  // The producer, once, last. complete = false cuts the connection, so that the client knows that the end is
  // missing.
  void finish(bool complete);

  // The connection: `wake` is called from the producer's thread whenever there is something new.
  void on_news(std::function<void()> wake);
  struct Taken {
    std::string bytes;
    bool ended = false;
    bool complete = false;
  };
  [[nodiscard]] Taken take();
  void cancel();  // the client has gone: write() says false from now on

 private:
  std::mutex mutex_;
  std::condition_variable room_;
  std::function<void()> wake_;
  std::string waiting_;
  bool ended_ = false, complete_ = false, cancelled_ = false;
};

// One client's live stream. Only the web thread touches it. Frames are shared between streams: sixteen
// readers of one frame cost it once.
class EventStream {
 public:
  using Frame = std::shared_ptr<const std::string>;

  // False: the stream is over, or was cut just now because limits::live_queue_bytes_max are unread.
  bool push(Frame frame);
  void close();
  [[nodiscard]] bool closed() const { return closed_; }
  // Called once when it ends, from either side.
  void on_close(std::function<void()> done) { done_ = std::move(done); }

  // The connection.
  void on_news(std::function<void()> wake) { wake_ = std::move(wake); }
  [[nodiscard]] std::deque<Frame> take();

 private:
  std::deque<Frame> waiting_;
  std::size_t bytes_ = 0;  // waiting here; the kernel holds some more
  std::function<void()> wake_, done_;
  bool closed_ = false;
};

// "id: 7\nevent: tick\ndata: {...}\n\n". `data` is JSON on one line.
[[nodiscard]] std::string event_frame(std::uint64_t id, std::string_view event, std::string_view data);

}  // namespace alona::http
