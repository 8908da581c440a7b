// What went wrong, for a person: what failed, on what and why, and what to do next. Errors are values; a
// function that may fail returns Result<T>. Exceptions of libraries end at their wrapper and become one of
// these.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace alona {

// The causes that callers tell apart. Each maps to one exit code (exit_code below).
enum class Errc {
  failed,           // anything not named below
  usage,            // wrong arguments
  refused,          // a rule forbids it; nothing was changed
  not_found,        // the thing named isn't there
  temporary,        // busy, locked or not yet reachable: trying again may help
  config,           // the configuration is wrong
  io,               // reading or writing failed; for a commit: nothing is stored
  disk_full,        // no room; nothing is stored
  outcome_unknown,  // nobody knows whether it is stored: reopen and look
  corrupt,          // damaged or not what it claims to be
  newer,            // written by a newer version of the program
  auth,             // wrong user or password
  closed,           // the other side has gone
};

struct Error {
  Errc code = Errc::failed;
  std::string what;  // what failed, on what, why: "cannot open /x/alona.sqlite3: not a database"
  std::string next;  // what to do about it; may be empty

  // One or two lines as the command line prints them.
  [[nodiscard]] std::string text() const { return next.empty() ? what : what + "\n" + next; }
};

template <class T>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> fail(Errc code, std::string what, std::string next = {}) {
  return std::unexpected(Error{code, std::move(what), std::move(next)});
}

// The same failure with what was being done in front: "storing a batch: disk full".
[[nodiscard]] inline std::unexpected<Error> with_context(std::string_view doing, Error error) {
  error.what = std::string(doing) + ": " + error.what;
  return std::unexpected(std::move(error));
}

// 0 done, 1 failed, 2 wrong usage, 3 refused and nothing changed, 4 temporary, 78 configuration is wrong.
[[nodiscard]] constexpr int exit_code(Errc code) {
  switch (code) {
    case Errc::usage:
      return 2;
    case Errc::refused:
    case Errc::not_found:
    case Errc::corrupt:
    case Errc::newer:
      return 3;
    case Errc::temporary:
      return 4;
    case Errc::config:
      return 78;
    default:
      return 1;
  }
}

}  // namespace alona
