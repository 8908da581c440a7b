// Passwords: hashing costs 19 MiB and some tenths of a second on purpose, so it happens on the pool, one at a
// time, a few waiting; and who guesses is slowed down, never locked out. Web thread only.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>

#include "base/time.h"
#include "web/backend.h"
#include "web/pool.h"

namespace alona::web {

[[nodiscard]] Result<std::string> hash_password(const std::string& password);
[[nodiscard]] bool verify_password(const std::string& hash, const std::string& password);

// Tries of one address: limits::login_failures_free at once, refilled over limits::login_failure_window. A
// right password gives its try back.
class LoginThrottle {
 public:
  // 0: go on, and one try is taken. Else the seconds to wait.
  [[nodiscard]] int take(const std::string& address, Mono now);
  void give_back(const std::string& address);

 private:
  struct Bucket {
    double tries = limits::login_failures_free;
    Mono at{};
  };
  std::map<std::string, Bucket> buckets_;  // at most limits::login_addresses_max
};

// One costly hash at a time.
class HashQueue {
 public:
  explicit HashQueue(Pool& pool) : pool_(pool) {}
  // False: limits::login_waiting_max wait already.
  [[nodiscard]] bool verify(std::string user, std::string password, Done<std::optional<store::UserRow>> done);
  [[nodiscard]] bool hash(std::string password, Done<std::string> done);

 private:
  // Takes what to call when it is finished; false when the pool is full.
  using Job = std::function<bool(std::function<void()>)>;
  bool enqueue(Job job);
  void next();

  Pool& pool_;
  std::deque<Job> waiting_;
  bool busy_ = false;
};

}  // namespace alona::web
