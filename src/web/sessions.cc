#include "web/sessions.h"

#include <sodium.h>

#include <array>
#include <utility>

#include "base/hash.h"

namespace alona::web {
namespace {
constexpr std::size_t secret_bytes = 32;

std::string hash_hex(std::string_view purpose, std::string_view text) {
  std::array<unsigned char, crypto_generichash_BYTES> digest{};
  crypto_generichash_state state;
  crypto_generichash_init(&state, nullptr, 0, digest.size());
  crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(purpose.data()), purpose.size());
  crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  crypto_generichash_final(&state, digest.data(), digest.size());
  std::array<char, 2 * crypto_generichash_BYTES + 1> hex{};
  sodium_bin2hex(hex.data(), hex.size(), digest.data(), digest.size());
  return hex.data();
}
}  // namespace

std::string new_session_secret() { return random_hex(secret_bytes); }
std::string session_hash(std::string_view secret) { return hash_hex("alona session:", secret); }
std::string change_token(std::string_view secret) { return hash_hex("alona change:", secret); }

bool same_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

void Sessions::find(const std::string& secret, const Done<std::optional<Who>>& done) {
  if (secret.size() != 2 * secret_bytes) return done(std::nullopt);
  const std::string hash = session_hash(secret);
  if (const auto found = cache_.find(hash); found != cache_.end()) {
    if (found->second.expires > clock_.utc()) {
      return done(Who{found->second.user, found->second.admin, change_token(secret)});
    }
    // The database has the last word: with the box's clock set right, its sessions end later too.
    cache_.erase(found);
  }
  using Found = std::optional<Known>;
  const bool asked = pool_.ask<Found>(
      [hash](Archive& archive) -> Result<Found> {
        const auto session = archive.session(hash);
        if (!session) return std::unexpected(session.error());
        if (!*session) return Found{};
        const auto user = archive.user((*session)->user);
        if (!user) return std::unexpected(user.error());
        if (!*user) return Found{};
        return Known{(*user)->name, (*user)->admin, (*session)->expires};
      },
      [this, hash, secret, done](Result<Found> found) {
        if (!found) return done(std::unexpected(found.error()));
        if (!*found || (*found)->expires <= clock_.utc()) return done(std::nullopt);
        const Who who{(*found)->user, (*found)->admin, change_token(secret)};
        keep(hash, std::move(**found));
        done(who);
      });
  if (!asked) done(fail(Errc::temporary, "too many questions wait", "try again in a moment"));
}

void Sessions::began(const std::string& secret, const store::SessionRow& row, bool admin) {
  keep(session_hash(secret), {row.user, admin, row.expires});
}

void Sessions::user_changed(const std::string& user) {
  std::erase_if(cache_, [&](const auto& one) { return one.second.user == user; });
}

void Sessions::keep(const std::string& hash, Known known) {
  // Which one leaves matters little: it is asked for again.
  if (cache_.size() >= limits::sessions_cached_max) cache_.erase(cache_.begin());
  cache_[hash] = std::move(known);
}

}  // namespace alona::web
