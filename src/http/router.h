// Routes: a method and a pattern such as /api/v1/nodes/{id} lead to a value of the user's choice. Filled once
// at start, then only read. Matching walks the list: a few dozen routes need no tree.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace alona::http {

[[nodiscard]] std::string_view name(Method method);

// The {parameters} in order, or nothing. `pattern` holds no %-sequences.
[[nodiscard]] std::optional<std::vector<std::string>> match(std::string_view pattern,
                                                            const std::vector<std::string>& segments);

template <class Value>
class Router {
 public:
  struct Route {
    Method method;
    std::string pattern;
    Value value;
  };
  struct Found {
    const Route* route = nullptr;  // nullptr: nothing there, or only for other methods
    std::vector<std::string> parameters;
    std::string allow;  // the methods the path has, for 405; empty: no such path
  };

  void add(Method method, std::string_view pattern, Value value) {
    routes_.push_back({method, std::string(pattern), std::move(value)});
  }

  [[nodiscard]] Found find(Method method, const std::vector<std::string>& segments) const {
    Found found;
    for (const Route& route : routes_) {
      auto parameters = match(route.pattern, segments);
      if (!parameters) continue;
      if (!found.allow.empty()) found.allow += ", ";
      found.allow += name(route.method);
      if (route.method == method) found.route = &route, found.parameters = std::move(*parameters);
    }
    return found;
  }

  [[nodiscard]] const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
};

}  // namespace alona::http
