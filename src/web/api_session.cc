// Login and logout, and the one answer that is open to all.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "web/api.h"
#include "web/json.h"

namespace alona::web {
namespace {
// Strict: no stranger's page ever sends it along. Not Secure: the box speaks plain HTTP on its LAN.
std::string cookie_text(std::string_view secret, std::int64_t max_age_s) {
  return fmt::format("{}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}", session_cookie, secret,
                     max_age_s);
}

http::Response wait(int seconds, std::string_view why) {
  auto response =
      http::problem(429, "Please wait before the next try", why, fmt::format("Try again in {} s.", seconds));
  response.headers.emplace_back("Retry-After", std::to_string(seconds));
  return response;
}

constexpr std::string_view logins_wait = "Several logins are being checked already.";

}  // namespace

// Nothing else about the box: who asks may be anybody.
void Api::health(const Call& call) {
  const bool worried = !model_.broker_connected() || model_.storing_failed() ||
                       !room::takes_messages(model_.disk().step) || !clock_.trusted();
  const std::string_view status = !model_.started() ? "failing" : worried ? "degraded" : "ok";
  call.reply(http::json(fmt::format(R"({{"status":"{}"}})", status), model_.started() ? 200 : 503));
}

std::string Api::session_json(const Who& who) const {
  return json::serialize(json::object{{"user", who.user},
                                      {"admin", who.admin},
                                      {"token", who.token},
                                      {"site", options_.site},
                                      {"timezone", options_.timezone},
                                      {"version", options_.version}});
}

void Api::who_am_i(const Call& call) {
  if (call.request.local) return call.reply(http::json(session_json(call.who)));
  sessions_.find(std::string(call.request.cookie(session_cookie)),
                 [this, reply = call.reply](Result<std::optional<Who>> who) {
                   if (!who) return reply(problem_of(who.error()));
                   if (!*who) return reply(http::problem(401, "Not logged in", {}, "Log in."));
                   reply(http::json(session_json(**who)));
                 });
}

void Api::log_in(const Call& call) {
  const auto fields = parse_fields(call.request, {"name", "password"});
  if (!fields) return call.reply(problem_of(fields.error()));
  const auto text = [&](std::string_view name) {
    const auto found = fields->find(name);
    return found == fields->end() ? std::string{} : found->second;
  };
  const std::string user = text("name");
  const std::string password = text("password");
  if (user.empty() || user.size() > limits::name_bytes_max || password.size() > limits::password_bytes_max) {
    return call.reply(http::problem(401, "Wrong name or password", {}, "Check both and try again."));
  }
  if (const int seconds = throttle_.take(call.request.peer, clock_.mono()); seconds > 0) {
    return call.reply(wait(seconds, "There were too many wrong passwords from this address."));
  }
  const auto shared = std::make_shared<Call>(call);
  const bool queued =
      hashes_.verify(user, password, [this, shared, user](Result<std::optional<store::UserRow>> found) {
        if (!found) return shared->reply(problem_of(found.error()));
        if (!*found) {
          spdlog::warn("login refused: wrong name or password from {}", shared->request.peer);
          return shared->reply(http::problem(401, "Wrong name or password", {}, "Check both and try again."));
        }
        throttle_.give_back(shared->request.peer);
        finish_login(*shared, **found);
      });
  if (!queued) {
    throttle_.give_back(shared->request.peer);  // it was never looked at
    shared->reply(wait(2, logins_wait));
  }
}

void Api::finish_login(const Call& call, const store::UserRow& user) {
  const std::string secret = new_session_secret();
  const std::chrono::days days{options_.session_days};
  const store::SessionRow row{session_hash(secret), user.name, clock_.utc() + days};
  const bool taken = backend_.put_session(
      row, [this, reply = call.reply, secret, row, admin = user.admin, days](Result<void> done) {
        if (!done) return reply(problem_of(done.error()));
        sessions_.began(secret, row, admin);
        auto response = http::json(session_json({row.user, admin, change_token(secret)}));
        response.headers.emplace_back("Set-Cookie", cookie_text(secret, std::chrono::seconds(days).count()));
        reply(std::move(response));
      });
  if (!taken) call.reply(busy());
}

void Api::log_out(const Call& call) {
  const std::string hash = session_hash(call.request.cookie(session_cookie));
  const bool taken = backend_.end_session(hash, [this, reply = call.reply, hash](Result<void> done) {
    sessions_.ended(hash);
    if (!done) return reply(problem_of(done.error()));
    http::Response response;
    response.status = 204;
    response.headers.emplace_back("Set-Cookie", cookie_text("", 0));
    reply(std::move(response));
  });
  if (!taken) call.reply(busy());
}

}  // namespace alona::web
