#include "alona/core_client.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "base/limits.h"
#include "http/unix_client.h"

namespace alona {
namespace {

Errc code_of(int status) {
  switch (status) {
    case 400:
    case 413:
    case 422:
      return Errc::usage;
    case 401:
    case 403:
      return Errc::auth;
    case 404:
      return Errc::not_found;
    case 409:
      return Errc::refused;
    case 429:
    case 503:
      return Errc::temporary;
    case 504:
      return Errc::outcome_unknown;
    default:
      return Errc::failed;
  }
}

// Problem details (RFC 9457) as the core writes them; anything else is shown as its status.
Error problem(const http::ClientResponse& answer) {
  Error error{code_of(answer.status), fmt::format("the core answers {}", answer.status), {}};
  boost::system::error_code bad;
  const auto value = boost::json::parse(answer.body, bad);
  if (bad || !value.is_object()) return error;
  const auto text = [&](const char* key) -> std::string {
    const auto* part = value.get_object().if_contains(key);
    return part != nullptr && part->is_string() ? std::string(part->get_string()) : std::string{};
  };
  if (!text("title").empty()) error.what = text("title");
  if (!text("detail").empty()) error.what += ": " + text("detail");
  error.next = text("next");
  return error;
}

// A question may simply be asked again. A change may still be made: doing it here as well, or again, would be
// wrong.
std::unexpected<Error> late(Error error, std::string_view method) {
  if (error.code == Errc::outcome_unknown && method == "GET") error.code = Errc::temporary;
  if (error.code == Errc::outcome_unknown)
    error.next = "It may be done all the same: look, such as with `alona node list`, before you try again.";
  return std::unexpected(std::move(error));
}

}  // namespace

Result<std::optional<std::string>> ask_core(const ops::Paths& paths, std::string_view method,
                                            std::string_view target, std::string_view body) {
  auto answer = http::unix_request(paths.core_socket(), method, target, body, limits::command_answer_max);
  if (!answer) {
    const Errc code = answer.error().code;
    if (code == Errc::not_found || code == Errc::temporary) return std::nullopt;
    return late(answer.error(), method);
  }
  if (answer->status >= 400) return late(problem(*answer), method);
  return std::move(answer->body);
}

Error core_is_stopped(const ops::Paths& paths) {
  return {
      Errc::temporary, fmt::format("the core doesn't answer at {}", paths.core_socket().string()),
      "Start it with `systemctl start alona-core`, or see `journalctl -u alona-core` why it isn't running."};
}

}  // namespace alona
