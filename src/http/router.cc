#include "http/router.h"

#include <algorithm>

namespace alona::http {

std::string_view name(Method method) {
  switch (method) {
    case Method::get:
      return "GET";
    case Method::post:
      return "POST";
    case Method::patch:
      return "PATCH";
    case Method::del:
      return "DELETE";
  }
  return "GET";
}

std::optional<std::vector<std::string>> match(std::string_view pattern,
                                              const std::vector<std::string>& segments) {
  std::vector<std::string> parameters;
  std::size_t at = 0;
  pattern.remove_prefix(1);
  for (; !pattern.empty(); ++at) {
    const auto end = std::min(pattern.find('/'), pattern.size());
    const std::string_view part = pattern.substr(0, end);
    pattern.remove_prefix(std::min(end + 1, pattern.size()));
    if (at == segments.size()) return std::nullopt;
    if (part.starts_with('{'))
      parameters.push_back(segments[at]);
    else if (part != segments[at])
      return std::nullopt;
  }
  if (at != segments.size()) return std::nullopt;
  return parameters;
}

}  // namespace alona::http
