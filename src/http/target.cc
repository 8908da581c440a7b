#include "http/target.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cctype>

#include "base/limits.h"
#include "protocol/decode.h"

namespace alona::http {
namespace {
int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool clean(std::string_view text) {
  return protocol::valid_utf8(text) &&
         std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

bool parse_path(std::string_view path, std::vector<std::string>& segments) {
  path.remove_prefix(1);
  while (!path.empty()) {
    const auto end = std::min(path.find('/'), path.size());
    auto segment = percent_decode(path.substr(0, end), false);
    if (!segment || segment->empty() || *segment == "." || *segment == "..") return false;
    if (segments.size() == limits::http_path_segments_max) return false;
    segments.push_back(std::move(*segment));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return true;
}

bool parse_query(std::string_view query, Target& target) {
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const std::string_view field = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const auto equals = std::min(field.find('='), field.size());
    auto name = percent_decode(field.substr(0, equals), true);
    auto value = percent_decode(field.substr(std::min(equals + 1, field.size())), true);
    if (!name || !value || name->empty() || target.find(*name) != nullptr) return false;
    if (target.query.size() == limits::http_query_fields_max) return false;
    target.query.emplace_back(std::move(*name), std::move(*value));
  }
  return true;
}

bool is_address(const std::string& text) {
  unsigned char bytes[16];
  return inet_pton(AF_INET, text.c_str(), bytes) == 1 || inet_pton(AF_INET6, text.c_str(), bytes) == 1;
}

// Without port and brackets, in lower case; nothing when the port isn't one.
std::optional<std::string> host_name(std::string_view host) {
  std::string_view name = host;
  std::string_view port;
  if (host.starts_with('[')) {
    const auto end = host.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    name = host.substr(1, end - 1);
    port = host.substr(end + 1);
    if (!port.empty() && !port.starts_with(':')) return std::nullopt;
  } else if (const auto colon = host.find(':'); colon != std::string_view::npos) {
    name = host.substr(0, colon);
    port = host.substr(colon);
  }
  if (port.size() > 6 || !std::ranges::all_of(port.substr(port.empty() ? 0 : 1),
                                              [](unsigned char c) { return std::isdigit(c) != 0; })) {
    return std::nullopt;
  }
  std::string lower{name};
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (lower.ends_with('.')) lower.pop_back();
  return lower;
}
}  // namespace

const std::string* Target::find(std::string_view name) const {
  const auto found =
      std::ranges::find(query, name, [](const auto& field) -> std::string_view { return field.first; });
  return found == query.end() ? nullptr : &found->second;
}

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] == '%') {
      if (text.size() - i < 3) return std::nullopt;
      const int high = hex_value(text[i + 1]);
      const int low = hex_value(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += text[i];
    }
  }
  if (!clean(out)) return std::nullopt;
  return out;
}

std::optional<Target> parse_target(std::string_view text) {
  if (!text.starts_with('/') || text.find('#') != std::string_view::npos) return std::nullopt;
  const auto question = std::min(text.find('?'), text.size());
  Target target;
  target.path = text.substr(0, question);
  if (!clean(target.path) || !parse_path(target.path, target.segments)) return std::nullopt;
  if (question < text.size() && !parse_query(text.substr(question + 1), target)) return std::nullopt;
  return target;
}

bool host_allowed(std::string_view host, const std::vector<std::string>& allowed) {
  const auto name = host_name(host);
  if (!name || name->empty()) return false;
  if (is_address(*name) || *name == "localhost") return true;
  if (name->ends_with(".local") && name->size() > std::string_view{".local"}.size()) return true;
  return std::ranges::any_of(allowed, [&](const std::string& one) { return host_name(one) == name; });
}

}  // namespace alona::http
