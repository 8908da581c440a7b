// When the waiting messages must be committed (docs/architecture.md): the oldest has waited the interval; at
// once for what is urgent, while its bucket lasts; when the batch is full; or when the line falls quiet with
// so many waiting that the broker's in-flight window must be full and nothing more will come. Pure; time is
// handed in.
#pragma once

#include <algorithm>
#include <optional>

#include "base/limits.h"
#include "base/time.h"

namespace alona::ingest {

class CommitDue {
 public:
  explicit CommitDue(Ms interval) : interval_(interval) {}

  void message(Mono now, bool urgent) {
    ++waiting_;
    newest_ = now;
    if (!oldest_) oldest_ = now;
    if (urgent && take_from_bucket(now)) urgent_ = true;
  }
  [[nodiscard]] bool due(Mono now) const { return waiting_ > 0 && now >= due_at(); }
  // How long the loop may sleep; nothing when no message waits.
  [[nodiscard]] std::optional<Ms> wait(Mono now) const {
    if (waiting_ == 0) return std::nullopt;
    return std::max(Ms{0}, due_at() - now);
  }
  [[nodiscard]] std::size_t waiting() const { return waiting_; }
  void committed() { waiting_ = 0, oldest_.reset(), urgent_ = false; }

 private:
  [[nodiscard]] Mono due_at() const {
    if (urgent_ || waiting_ >= limits::commit_messages_max) return *oldest_;
    const Mono by_interval = *oldest_ + interval_;
    return waiting_ >= limits::commit_full_window ? std::min(by_interval, newest_ + limits::commit_quiet)
                                                  : by_interval;
  }
  bool take_from_bucket(Mono now) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(now - refilled_).count();
    if (seconds > 0) {
      tokens_ = static_cast<int>(std::min<std::int64_t>(limits::urgent_bucket, tokens_ + seconds));
      refilled_ += std::chrono::seconds{seconds};
    }
    if (tokens_ == 0) return false;
    --tokens_;
    return true;
  }

  Ms interval_;
  std::size_t waiting_ = 0;
  std::optional<Mono> oldest_;
  Mono newest_{};
  bool urgent_ = false;
  int tokens_ = limits::urgent_bucket;
  Mono refilled_{};
};

}  // namespace alona::ingest
