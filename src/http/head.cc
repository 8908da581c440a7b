#include "http/head.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace alona::http {
namespace {
// Nothing inline, nothing from elsewhere, in nobody's frame; the page needs no more.
constexpr std::string_view always =
    "Content-Security-Policy: default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; "
    "frame-ancestors 'none'\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "X-Frame-Options: DENY\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n";

// A line break in a value would begin a header of a stranger's choice. Ours never hold one; if one does, it
// is cut.
std::string_view one_line(std::string_view value) { return value.substr(0, value.find_first_of("\r\n")); }

bool has(const Response& response, std::string_view name) {
  return std::ranges::any_of(response.headers, [&](const auto& field) { return field.first == name; });
}
}  // namespace

std::string head_text(const Response& response, HeadFacts facts) {
  std::string out;
  out.reserve(512);
  fmt::format_to(std::back_inserter(out), "HTTP/1.1 {} {}\r\n", response.status,
                 reason_phrase(response.status));
  out += always;
  if (!has(response, "Cache-Control")) out += "Cache-Control: no-store\r\n";
  if (!response.content_type.empty()) {
    fmt::format_to(std::back_inserter(out), "Content-Type: {}\r\n", one_line(response.content_type));
  }
  for (const auto& [name, value] : response.headers) {
    fmt::format_to(std::back_inserter(out), "{}: {}\r\n", one_line(name), one_line(value));
  }
  if (response.stream && response.length) {
    fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n", *response.length);
  } else if (response.stream && facts.version >= 11) {
    out += "Transfer-Encoding: chunked\r\n";
  } else if (!response.stream && !response.events && response.status != 204 && response.status != 304) {
    fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n",
                   response.fixed.empty() ? response.body.size() : response.fixed.size());
  }
  if (!facts.keep_alive)
    out += "Connection: close\r\n";
  else if (facts.version < 11)
    out += "Connection: keep-alive\r\n";
  return out += "\r\n";
}

}  // namespace alona::http
