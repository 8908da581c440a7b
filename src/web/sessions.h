// Who is asking. A session is 256 random bits in a cookie, kept only as its hash; the header token that
// changes need is derived from the cookie, so nothing more is stored. Web thread only.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "web/backend.h"
#include "web/pool.h"

namespace alona::web {

inline constexpr std::string_view session_cookie = "alona_session";

struct Who {
  std::string user;
  bool admin = false;
  std::string token;  // for X-Alona-Token
};

// Hex of 32 random bytes; what is stored of it; what goes into the header of changes.
[[nodiscard]] std::string new_session_secret();
[[nodiscard]] std::string session_hash(std::string_view secret);
[[nodiscard]] std::string change_token(std::string_view secret);
// In constant time.
[[nodiscard]] bool same_secret(std::string_view a, std::string_view b);

class Sessions {
 public:
  Sessions(Pool& pool, const Clock& clock) : pool_(pool), clock_(clock) {}

  // Nothing: no such session, or over. temporary: nobody could look.
  void find(const std::string& secret, const Done<std::optional<Who>>& done);
  // After the database has it.
  void began(const std::string& secret, const store::SessionRow& row, bool admin);
  void ended(const std::string& hash) { cache_.erase(hash); }
  void user_changed(const std::string& user);

 private:
  struct Known {
    std::string user;
    bool admin = false;
    UtcMs expires{};
  };
  void keep(const std::string& hash, Known known);

  Pool& pool_;
  const Clock& clock_;
  std::map<std::string, Known> cache_;  // by hash, at most limits::sessions_cached_max
};

}  // namespace alona::web
