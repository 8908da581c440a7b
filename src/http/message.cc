#include "http/message.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "protocol/decode.h"

namespace alona::http {
namespace {
struct Phrase {
  int status;
  std::string_view text;
};
constexpr auto phrases = std::to_array<Phrase>({{200, "OK"},
                                                {201, "Created"},
                                                {204, "No Content"},
                                                {304, "Not Modified"},
                                                {400, "Bad Request"},
                                                {401, "Unauthorized"},
                                                {403, "Forbidden"},
                                                {404, "Not Found"},
                                                {405, "Method Not Allowed"},
                                                {408, "Request Timeout"},
                                                {409, "Conflict"},
                                                {413, "Content Too Large"},
                                                {414, "URI Too Long"},
                                                {415, "Unsupported Media Type"},
                                                {421, "Misdirected Request"},
                                                {422, "Unprocessable Content"},
                                                {429, "Too Many Requests"},
                                                {431, "Request Header Fields Too Large"},
                                                {500, "Internal Server Error"},
                                                {501, "Not Implemented"},
                                                {503, "Service Unavailable"},
                                                {507, "Insufficient Storage"}});

void append_escaped(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    default:
      // "<" too: a problem shown by a careless page must not become a tag.
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '<') {
        fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
      } else {
        out += c;
      }
  }
}
}  // namespace

std::string_view Request::header(std::string_view name) const {
  const auto found =
      std::ranges::find(headers, name, [](const auto& field) -> std::string_view { return field.first; });
  return found == headers.end() ? std::string_view{} : std::string_view{found->second};
}

std::string_view Request::cookie(std::string_view name) const {
  std::string_view rest = header("cookie");
  while (!rest.empty()) {
    const auto end = std::min(rest.find(';'), rest.size());
    std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    while (pair.starts_with(' ')) pair.remove_prefix(1);
    if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=') {
      return pair.substr(name.size() + 1);
    }
  }
  return {};
}

std::string_view reason_phrase(int status) {
  const auto found = std::ranges::find(phrases, status, &Phrase::status);
  return found == phrases.end() ? "Error" : found->text;
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  if (protocol::valid_utf8(text)) {
    for (const char c : text) append_escaped(out, c);
  } else {
    for (const char c : text) {
      if (static_cast<unsigned char>(c) < 0x80)
        append_escaped(out, c);
      else
        out += "\\ufffd";
    }
  }
  return out += '"';
}

Response problem(int status, std::string_view title, std::string_view detail, std::string_view next) {
  Response response;
  response.status = status;
  response.content_type = "application/problem+json";
  response.body = fmt::format(R"({{"type":"about:blank","title":{},"status":{})", json_string(title), status);
  if (!detail.empty()) response.body += R"(,"detail":)" + json_string(detail);
  if (!next.empty()) response.body += R"(,"next":)" + json_string(next);
  response.body += '}';
  return response;
}

Response json(std::string body, int status) {
  Response response;
  response.status = status;
  response.content_type = "application/json";
  response.body = std::move(body);
  return response;
}

}  // namespace alona::http
