// The users of the page: who there is, a new one or a new password, and taking one away.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "web/api.h"
#include "web/json.h"

namespace alona::web {
namespace {

bool valid_user(std::string_view name) {
  return !name.empty() && name.size() <= limits::name_bytes_max && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}
http::Response many_wait() {
  auto response = http::problem(429, "Please wait before the next try",
                                "Several passwords are being worked on already.", "Try again in 2 s.");
  response.headers.emplace_back("Retry-After", "2");
  return response;
}

http::Response done_response() {
  http::Response response;
  response.status = 204;
  return response;
}

Result<void> check_user(std::string_view name, std::string_view password) {
  if (!valid_user(name))
    return fail(Errc::usage, "this user name isn't allowed", "use 1 to 32 of a-z, 0-9, - _ and .");
  if (password.size() < limits::password_chars_min || password.size() > limits::password_bytes_max)
    return fail(
        Errc::usage, "the password is too short or too long",
        fmt::format("use {} to {} characters", limits::password_chars_min, limits::password_bytes_max));
  return {};
}

}  // namespace

// Names are what an attacker begins with: for admins, though it only reads.
void Api::users(const Call& call) {
  if (!call.who.admin)
    return call.reply(http::problem(403, "Only an admin may see the users", {}, "Log in as one."));
  using Users = std::vector<store::UserRow>;
  ask<Users>(
      call, [](Archive& archive) { return archive.users(); },
      [](const Users& users) {
        json::array out;
        for (const store::UserRow& user : users)
          out.push_back(json::object{{"name", user.name}, {"admin", user.admin}});
        return answer(json::object{{"users", std::move(out)}});
      });
}

// Makes a user or changes the password; either way the user's sessions end.
void Api::put_user(const Call& call) {
  const auto fields = parse_fields(call.request, {"name", "password"});
  if (!fields) return call.reply(problem_of(fields.error()));
  if (!fields->contains("name") || !fields->contains("password")) {
    return call.reply(problem_of({Errc::usage, "name and password are needed", {}}));
  }
  const std::string name = fields->find("name")->second;
  const std::string password = fields->find("password")->second;
  if (auto good = check_user(name, password); !good) return call.reply(problem_of(good.error()));
  const auto keep = [this, name, who = call.who.user, reply = call.reply](const std::string& hash) {
    const bool taken = backend_.put_user({name, hash, true}, [this, reply, name, who](Result<void> done) {
      if (!done) return reply(problem_of(done.error()));
      sessions_.user_changed(name);
      note_done(who, "set the password of the user " + name);
      reply(done_response());
    });
    if (!taken) reply(busy());
  };
  const bool queued = hashes_.hash(password, [keep, reply = call.reply](const Result<std::string>& hash) {
    if (!hash) return reply(problem_of(hash.error()));
    keep(*hash);
  });
  if (!queued) call.reply(many_wait());
}

void Api::remove_user(const Call& call) {
  const std::string& name = call.parameters.front();
  const bool taken =
      backend_.remove_user(name, [this, name, who = call.who.user, reply = call.reply](Result<void> done) {
        if (!done) return reply(problem_of(done.error()));
        sessions_.user_changed(name);
        note_done(who, "removed the user " + shown(name));
        reply(done_response());
      });
  if (!taken) call.reply(busy());
}

// For the audit, of what is done already: its own failure changes nothing of that.
void Api::note_done(const std::string& who, const std::string& what) {
  if (!backend_.note(who, what, [](const Result<void>&) {}))
    spdlog::warn("{} {}; the audit had no room for it", who, what);
}

}  // namespace alona::web
