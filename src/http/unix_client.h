// The command line's way to the core: one blocking request over its Unix socket, no login. No state; any
// thread.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"

namespace alona::http {

struct ClientResponse {
  int status = 0;
  std::string content_type;
  std::string body;
};

// Any status is a success here: the core has answered. not_found or temporary: the core isn't running; auth:
// this user may not; outcome_unknown: no answer within `timeout`. Bodies end at limits::answer_bytes_max.
[[nodiscard]] Result<ClientResponse> unix_request(const std::filesystem::path& socket_path,
                                                  std::string_view method, std::string_view target,
                                                  std::string_view body, Ms timeout);

// GET on a socket that is connected already, over TCP as well, and stays the caller's; `host` as a browser
// writes it. Errors as above.
[[nodiscard]] Result<ClientResponse> get_on(int socket, std::string_view host, std::string_view target,
                                            Ms timeout);

// The same for a long answer: `sink` gets the body as it comes and ends the transfer by saying false; the
// response's own body stays empty unless the status is an error's. `timeout` is for each wait. closed: it
// broke off early.
[[nodiscard]] Result<ClientResponse> unix_stream(const std::filesystem::path& socket_path,
                                                 std::string_view target,
                                                 const std::function<bool(std::string_view)>& sink,
                                                 Ms timeout);

}  // namespace alona::http
