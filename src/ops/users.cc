#include "ops/users.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <array>

#include "base/limits.h"

namespace alona::ops {
namespace {
constexpr std::size_t hash_memory_bytes = 19 * 1024 * 1024;
constexpr unsigned hash_passes = 2;

bool allowed_in_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}
}  // namespace

Result<store::UserRow> make_user(const std::string& name, const std::string& password) {
  if (name.empty() || name.size() > limits::name_bytes_max || !std::ranges::all_of(name, allowed_in_name)) {
    return fail(Errc::usage, fmt::format("\"{}\" can't be a user's name", name),
                "Lower-case letters, digits, _, - and ., at most 32.");
  }
  if (password.size() < limits::password_chars_min || password.size() > limits::password_bytes_max) {
    const bool is_short = password.size() < limits::password_chars_min;
    return fail(Errc::usage, fmt::format("this password is too {}", is_short ? "short" : "long"),
                fmt::format("Between {} and {} bytes; several words are easy to type on a phone.",
                            limits::password_chars_min, limits::password_bytes_max));
  }
  std::array<char, crypto_pwhash_STRBYTES> hash{};
  if (crypto_pwhash_str_alg(hash.data(), password.data(), password.size(), hash_passes, hash_memory_bytes,
                            crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return fail(Errc::temporary, "not enough memory to hash a password (19 MiB)");
  }
  return store::UserRow{.name = name, .password_hash = hash.data(), .admin = true};
}

bool password_matches(const store::UserRow& user, const std::string& password) {
  return crypto_pwhash_str_verify(user.password_hash.c_str(), password.data(), password.size()) == 0;
}

std::string readable_password() {
  // 32 characters, none that is taken for another: no l, o, 0, 1.
  constexpr std::string_view letters = "abcdefghijkmnpqrstuvwxyz23456789";
  static_assert(letters.size() == 32);
  std::string out;
  for (int i = 0; i < 20; ++i) {
    if (i > 0 && i % 5 == 0) out += '-';
    out += letters[randombytes_uniform(letters.size())];
  }
  return out;
}

}  // namespace alona::ops
