// The page's users: what a name and a password must be, and the hash that is stored.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "store/rows.h"

namespace alona::ops {

// usage: a name or password that isn't allowed, saying what is. Takes about 50 ms and 19 MiB: argon2id, as
// strong as the smallest box that runs this can bear at each login.
[[nodiscard]] Result<store::UserRow> make_user(const std::string& name, const std::string& password);

[[nodiscard]] bool password_matches(const store::UserRow& user, const std::string& password);

// Four groups of five letters and digits: 100 bits, readable from paper.
[[nodiscard]] std::string readable_password();

}  // namespace alona::ops
