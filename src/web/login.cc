#include "web/login.h"

#include <sodium.h>

#include <algorithm>
#include <cmath>

namespace alona::web {
namespace {
constexpr unsigned long long passes = 2;
constexpr std::size_t memory_bytes = 19 * 1024 * 1024;

// Of a password that nobody knows: a user who doesn't exist costs as much time as one who does.
constexpr std::string_view nobodys_hash =
    "$argon2id$v=19$m=19456,t=2,p=1$gcPdz00Yh+hyNyPyTYOvHQ$6HOIfca1yawnl7gznOwyosDH7qAkGtZM5Iz/8uhY8LQ";
}  // namespace

Result<std::string> hash_password(const std::string& password) {
  char out[crypto_pwhash_STRBYTES];
  if (crypto_pwhash_str(out, password.data(), password.size(), passes, memory_bytes) != 0) {
    return fail(Errc::temporary, "cannot hash the password: not enough memory",
                "try again when the box has more to spare");
  }
  return std::string(out);
}

bool verify_password(const std::string& hash, const std::string& password) {
  return hash.size() < crypto_pwhash_STRBYTES &&
         crypto_pwhash_str_verify(hash.c_str(), password.data(), password.size()) == 0;
}

int LoginThrottle::take(const std::string& address, Mono now) {
  constexpr double per_ms =
      limits::login_failures_free / static_cast<double>(Ms{limits::login_failure_window}.count());
  if (!buckets_.contains(address) && buckets_.size() >= limits::login_addresses_max) {
    buckets_.erase(std::ranges::min_element(buckets_, {}, [](const auto& one) { return one.second.at; }));
  }
  Bucket& bucket = buckets_[address];
  const auto passed = static_cast<double>((now - bucket.at).count());
  bucket.tries = std::min<double>(limits::login_failures_free, bucket.tries + passed * per_ms);
  bucket.at = now;
  if (bucket.tries < 1) return static_cast<int>(std::ceil((1 - bucket.tries) / per_ms / 1000));
  bucket.tries -= 1;
  return 0;
}

void LoginThrottle::give_back(const std::string& address) {
  if (const auto found = buckets_.find(address); found != buckets_.end()) found->second.tries += 1;
}

bool HashQueue::verify(std::string user, std::string password, Done<std::optional<store::UserRow>> done) {
  using Found = std::optional<store::UserRow>;
  return enqueue([this, user = std::move(user), password = std::move(password),
                  done = std::move(done)](std::function<void()> after) {
    return pool_.ask<Found>(
        [user, password](Archive& archive) -> Result<Found> {
          auto found = archive.user(user);
          if (!found) return std::unexpected(found.error());
          const bool right =
              verify_password(*found ? (*found)->password_hash : std::string(nobodys_hash), password);
          return right && *found ? std::move(*found) : Found{};
        },
        [done, after = std::move(after)](Result<Found> result) { after(), done(std::move(result)); });
  });
}

bool HashQueue::hash(std::string password, Done<std::string> done) {
  return enqueue([this, password = std::move(password), done = std::move(done)](std::function<void()> after) {
    return pool_.compute<std::string>(
        [password] { return hash_password(password); },
        [done, after = std::move(after)](Result<std::string> result) { after(), done(std::move(result)); });
  });
}

bool HashQueue::enqueue(Job job) {
  if (busy_ && waiting_.size() >= limits::login_waiting_max) return false;
  if (busy_) {
    waiting_.push_back(std::move(job));
    return true;
  }
  busy_ = job([this] { next(); });
  return busy_;
}

void HashQueue::next() {
  busy_ = false;
  while (!busy_ && !waiting_.empty()) {
    const Job job = std::move(waiting_.front());
    waiting_.pop_front();
    busy_ = job([this] { next(); });
  }
}

}  // namespace alona::web
