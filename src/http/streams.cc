#include "http/streams.h"

#include <fmt/format.h>

#include <utility>

#include "base/limits.h"

namespace alona::http {

bool BodyStream::write(std::string_view piece) {
  std::unique_lock lock{mutex_};
  const bool room = room_.wait_for(lock, limits::http_write_timeout, [&] {
    return cancelled_ || waiting_.size() < limits::stream_queue_bytes_max;
  });
  if (!room) cancelled_ = true;
  if (cancelled_) return false;
  waiting_ += piece;
  if (wake_) wake_();
  return true;
}

void BodyStream::finish(bool complete) {
  const std::lock_guard lock{mutex_};
  ended_ = true;
  complete_ = complete;
  if (wake_) wake_();
}

void BodyStream::on_news(std::function<void()> wake) {
  const std::lock_guard lock{mutex_};
  wake_ = std::move(wake);
}

BodyStream::Taken BodyStream::take() {
  const std::lock_guard lock{mutex_};
  Taken taken{std::exchange(waiting_, {}), ended_ || cancelled_, complete_ && !cancelled_};
  room_.notify_one();
  return taken;
}

void BodyStream::cancel() {
  const std::lock_guard lock{mutex_};
  cancelled_ = true;
  wake_ = nullptr;
  room_.notify_one();
}

bool EventStream::push(Frame frame) {
  if (closed_) return false;
  bytes_ += frame->size();
  if (bytes_ > limits::live_queue_bytes_max) {
    close();
    return false;
  }
  waiting_.push_back(std::move(frame));
  if (wake_) wake_();
  return true;
}

void EventStream::close() {
  if (std::exchange(closed_, true)) return;
  waiting_.clear();
  if (wake_) wake_();
  if (const auto done = std::exchange(done_, nullptr)) done();
}

std::deque<EventStream::Frame> EventStream::take() {
  bytes_ = 0;
  return std::exchange(waiting_, {});
}

std::string event_frame(std::uint64_t id, std::string_view event, std::string_view data) {
  return fmt::format("id: {}\nevent: {}\ndata: {}\n\n", id, event, data);
}

}  // namespace alona::http
