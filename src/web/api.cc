#include "web/api.h"

#include <algorithm>

namespace alona::web {
namespace {
using http::Method;

// The page that asks must be ours: a form on a stranger's page sends its own origin, or none we accept.
bool own_origin(const http::Request& request) {
  const std::string_view origin = request.header("origin");
  const std::string host{request.header("host")};
  return !host.empty() && (origin == "http://" + host || origin == "https://" + host);
}

http::Response foreign_origin() {
  return http::problem(403, "This change didn't come from the box's own page",
                       "The Origin header isn't this box.",
                       "Open the page by the address you see in the browser's line, and try again.");
}

http::Response log_in_first() {
  return http::problem(401, "Please log in", "This needs a login, or the last one is over.",
                       "Log in and try again.");
}

int status_for(Errc code) {
  switch (code) {
    case Errc::usage:
      return 422;
    case Errc::refused:
      return 409;
    case Errc::not_found:
      return 404;
    case Errc::temporary:
    case Errc::closed:
      return 503;
    case Errc::disk_full:
      return 507;
    case Errc::auth:
      return 403;
    default:
      return 500;
  }
}
}  // namespace

http::Response problem_of(const Error& error) {
  auto response = http::problem(status_for(error.code), error.what, {}, error.next);
  if (response.status == 503) response.headers.emplace_back("Retry-After", "5");
  return response;
}

http::Response busy() {
  return problem_of({Errc::temporary, "The box is busy: too much waits already", "Try again in a moment."});
}

Api::Api(ApiOptions options, Parts parts)
    : options_(std::move(options)),
      clock_(parts.clock),
      model_(parts.model),
      live_(parts.live),
      pool_(parts.pool),
      exports_(parts.exports),
      backend_(parts.backend),
      assets_(parts.assets),
      started_(parts.clock.utc()),
      sessions_(parts.pool, parts.clock),
      hashes_(parts.pool) {
  add_routes();
}

void Api::add_routes() {
  const auto add = [&](Method method, std::string_view path, Access access,
                       void (Api::*handler)(const Call&)) {
    routes_.add(method, "/api/v1" + std::string(path), {access, handler});
  };
  routes_.add(Method::get, "/health", {Access::open, &Api::health});
  add(Method::get, "/health", Access::open, &Api::health);
  add(Method::get, "/session", Access::open, &Api::who_am_i);
  add(Method::post, "/session", Access::open, &Api::log_in);
  add(Method::del, "/session", Access::own, &Api::log_out);
  add(Method::get, "/users", Access::read, &Api::users);
  add(Method::post, "/users", Access::change, &Api::put_user);
  add(Method::del, "/users/{name}", Access::change, &Api::remove_user);
  add(Method::post, "/checks", Access::change, &Api::put_check);
  add(Method::get, "/canary", Access::read, &Api::canary);
  add(Method::get, "/overview", Access::read, &Api::overview);
  add(Method::get, "/system", Access::read, &Api::system);
  add(Method::get, "/backups", Access::read, &Api::backups);
  add(Method::post, "/backups", Access::change, &Api::back_up);
  add(Method::get, "/backups/{set}", Access::read, &Api::download_backup);
  add(Method::post, "/backups/{set}/verify", Access::change, &Api::verify_backup);
  add(Method::post, "/backups/{set}/drill", Access::change, &Api::drill_backup);
  add(Method::get, "/bundle", Access::read, &Api::download_bundle);
  add(Method::get, "/status", Access::read, &Api::status);
  add(Method::get, "/nodes", Access::read, &Api::nodes);
  add(Method::post, "/nodes", Access::change, &Api::add_node);
  add(Method::get, "/nodes/{id}", Access::read, &Api::node);
  add(Method::patch, "/nodes/{id}", Access::change, &Api::patch_node);
  add(Method::del, "/nodes/{id}", Access::change, &Api::remove_node);
  add(Method::post, "/nodes/{id}/rotate", Access::change, &Api::rotate_node);
  add(Method::post, "/nodes/{id}/replace", Access::change, &Api::replace_node);
  add(Method::get, "/nodes/{id}/counters", Access::read, &Api::counters);
  add(Method::post, "/nodes/{id}/counters", Access::change, &Api::change_counters);
  add(Method::get, "/series", Access::read, &Api::series);
  add(Method::get, "/series/{id}/history", Access::read, &Api::history);
  add(Method::get, "/export", Access::read, &Api::export_readings);
  add(Method::post, "/import", Access::change, &Api::import_readings);
  add(Method::post, "/readings/exclude", Access::change, &Api::exclude);
  add(Method::post, "/audit", Access::change, &Api::note);
  add(Method::get, "/events", Access::read, &Api::events);
  add(Method::get, "/rejects", Access::read, &Api::rejects);
  add(Method::post, "/clock", Access::change, &Api::set_clock);
  add(Method::post, "/box", Access::change, &Api::ask_box);
  add(Method::get, "/live", Access::read, &Api::live);
  add(Method::get, "/openapi.json", Access::read, &Api::describe);
}

void Api::handle(http::Request request, http::Reply reply) {
  const auto found = routes_.find(request.method, request.target.segments);
  if (found.route != nullptr) {
    return authorize({std::move(request), found.parameters, {}, std::move(reply)}, found.route->value);
  }
  const bool api = !request.target.segments.empty() && request.target.segments.front() == "api";
  if (!found.allow.empty() || (!api && request.method != Method::get)) {
    auto response = http::problem(405, "This address doesn't take that method");
    response.headers.emplace_back("Allow", found.allow.empty() ? "GET" : found.allow);
    return reply(std::move(response));
  }
  if (!api) return serve_file(request, reply);
  // Whoever isn't logged in learns nothing of what exists.
  authorize({std::move(request), {}, {}, std::move(reply)}, {Access::read, nullptr});
}

void Api::authorize(Call call, Answer answer) {
  const auto go = [this, answer](const Call& allowed) {
    if (answer.handler != nullptr) return (this->*answer.handler)(allowed);
    allowed.reply(http::problem(404, "There is nothing at this address"));
  };
  if (call.request.local) {
    call.who = {"local", true, {}};
    return go(call);
  }
  const bool changes = call.request.method != Method::get;
  if (changes && !own_origin(call.request)) return call.reply(foreign_origin());
  if (answer.access == Access::open) return go(call);
  const std::string secret{call.request.cookie(session_cookie)};
  const auto shared = std::make_shared<Call>(std::move(call));
  sessions_.find(secret, [this, shared, answer, go](Result<std::optional<Who>> who) {
    if (!who) return shared->reply(problem_of(who.error()));
    if (!*who) {
      if (answer.access == Access::read && options_.public_read) return go(*shared);
      return shared->reply(log_in_first());
    }
    shared->who = std::move(**who);
    if (answer.access == Access::change || answer.access == Access::own) {
      if (!same_secret(shared->request.header("x-alona-token"), shared->who.token)) {
        return shared->reply(http::problem(403, "This change lacks its token",
                                           "The header X-Alona-Token is missing or wrong.",
                                           "Load the page again and repeat it."));
      }
    }
    if (answer.access == Access::change && !shared->who.admin) {
      return shared->reply(http::problem(403, "Only an admin may change this", {}, "Log in as one."));
    }
    go(*shared);
  });
}

// A file by its name, else the page itself: it knows its own addresses.
void Api::serve_file(const http::Request& request, const http::Reply& reply) const {
  const auto by_path = [&](std::string_view path) {
    return std::ranges::find(assets_, path, &http::Asset::path);
  };
  auto found = by_path(request.target.path);
  if (found == assets_.end()) {
    // A missing script must not be answered with a page: the browser would cache and run nonsense.
    const auto& segments = request.target.segments;
    if (!segments.empty() && segments.back().find('.') != std::string::npos) {
      return reply(http::problem(404, "There is nothing at this address"));
    }
    found = by_path("/index.html");
  }
  if (found == assets_.end()) return reply(http::problem(404, "There is nothing at this address"));
  reply(http::serve_asset(*found, request));
}

}  // namespace alona::web
