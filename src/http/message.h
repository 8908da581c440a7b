// A request and its answer as plain values: what handlers see of HTTP. Nothing here knows Beast.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/target.h"

namespace alona::http {

class BodyStream;
class EventStream;

enum class Method { get, post, patch, del };

struct Request {
  Method method = Method::get;
  unsigned version = 11;
  bool head = false;  // a HEAD: answered as a GET, the body stays unsent
  Target target;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;                                          // at most limits::http_body_bytes_max
  std::string peer;    // the address, without port; empty over the Unix socket
  bool local = false;  // over the Unix socket, from a user whom the socket admits

  // Empty when absent. The first of several.
  [[nodiscard]] std::string_view header(std::string_view lower_case_name) const;
  // A cookie's value; empty when absent.
  [[nodiscard]] std::string_view cookie(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::string content_type;
  std::vector<std::pair<std::string, std::string>> headers;  // beyond those that every answer carries
  // One of these four is the body; all empty: none.
  std::string body;
  std::span<const unsigned char> fixed;  // bytes that live as long as the program
  std::shared_ptr<BodyStream> stream;    // as fast as the client reads; chunked, unless:
  std::optional<std::uint64_t> length;   // of `stream`, when it is known before
  std::shared_ptr<EventStream> events;   // server-sent events, until either side ends them
};

// An error answer, RFC 9457. `next` says what the reader can do.
[[nodiscard]] Response problem(int status, std::string_view title, std::string_view detail = {},
                               std::string_view next = {});

[[nodiscard]] Response json(std::string body, int status = 200);

// "Not Found"; "Error" for a status we never send.
[[nodiscard]] std::string_view reason_phrase(int status);

// `text` between quotes, escaped; invalid UTF-8 becomes U+FFFD.
[[nodiscard]] std::string json_string(std::string_view text);

}  // namespace alona::http
