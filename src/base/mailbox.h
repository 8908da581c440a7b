// A bounded queue of messages from any thread to one owner: the only object that two threads both touch.
#pragma once

#include <cstddef>
#include <deque>
#include <mutex>
#include <utility>

namespace alona {

// clang's thread-safety analysis knows nothing of std::mutex, so ours says what it is.
#if defined(__clang__)
#define ALONA_CAPABILITY __attribute__((capability("mutex")))
#define ALONA_SCOPED __attribute__((scoped_lockable))
#define ALONA_GUARDED_BY(x) __attribute__((guarded_by(x)))
#define ALONA_ACQUIRE(...) __attribute__((acquire_capability(__VA_ARGS__)))
#define ALONA_RELEASE(...) __attribute__((release_capability(__VA_ARGS__)))
#else
#define ALONA_CAPABILITY
#define ALONA_SCOPED
#define ALONA_GUARDED_BY(x)
#define ALONA_ACQUIRE(...)
#define ALONA_RELEASE(...)
#endif

class ALONA_CAPABILITY Mutex {
 public:
  void lock() ALONA_ACQUIRE() { mutex_.lock(); }
  void unlock() ALONA_RELEASE() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

class ALONA_SCOPED LockGuard {
 public:
  explicit LockGuard(Mutex& mutex) ALONA_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~LockGuard() ALONA_RELEASE() { mutex_.unlock(); }
  LockGuard(const LockGuard&) = delete;
  LockGuard& operator=(const LockGuard&) = delete;

 private:
  Mutex& mutex_;
};

template <class Message>
class Mailbox {
 public:
  explicit Mailbox(std::size_t messages_max) : messages_max_(messages_max) {}

  // Any thread. False: full, and the message is still the caller's, who says so (the web answers 503).
  [[nodiscard]] bool try_post(Message& message) {
    const LockGuard lock{mutex_};
    if (messages_.size() >= messages_max_) return false;
    messages_.push_back(std::move(message));
    return true;
  }

  // The owner: everything that waits, oldest first.
  [[nodiscard]] std::deque<Message> take_all() {
    const LockGuard lock{mutex_};
    return std::exchange(messages_, {});
  }

 private:
  const std::size_t messages_max_;
  Mutex mutex_;
  std::deque<Message> messages_ ALONA_GUARDED_BY(mutex_);
};

}  // namespace alona
