// The API under /api/v1: who may ask what, and the answers. Web thread only; whatever needs the disk goes to
// the pool and answers later. The wire contract is ui/src/api/types.ts, described by openapi.json.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/zone.h"
#include "http/assets.h"
#include "http/router.h"
#include "http/server.h"
#include "web/live.h"
#include "web/login.h"
#include "web/model.h"
#include "web/sessions.h"

namespace alona::web {

struct ApiOptions {
  std::string site = "Alona", timezone = "UTC", version;
  bool public_read = false;
  bool accept_browser = true;  // a visitor may say what time it is
  int session_days = limits::session_days_default;
  Zone zone;                                                   // of the place: when its days begin
  std::vector<std::pair<std::string, std::string>> libraries;  // name and version
};

enum class Access {
  open,    // for all
  read,    // a login, unless public_read
  change,  // an admin's login, the right Origin and the header token
  own      // any login, the right Origin and the header token
};

struct Call {
  http::Request request;
  std::vector<std::string> parameters;
  Who who;
  http::Reply reply;
};

class Api {
 public:
  // All of them outlive it.
  struct Parts {
    const Clock& clock;
    Model& model;
    Live& live;
    Pool& pool;
    Pool& exports;
    Backend& backend;
    std::span<const http::Asset> assets;
  };
  Api(ApiOptions options, Parts parts);

  void handle(http::Request request, http::Reply reply);

  struct Answer {
    Access access = Access::read;
    void (Api::*handler)(const Call&) = nullptr;
  };
  using Routes = http::Router<Answer>;
  [[nodiscard]] const Routes& routes() const { return routes_; }

 private:
  void add_routes();
  void authorize(Call call, Answer answer);
  void serve_file(const http::Request& request, const http::Reply& reply) const;

  // api_session.cc
  void health(const Call& call);
  void who_am_i(const Call& call);
  void log_in(const Call& call);
  void finish_login(const Call& call, const store::UserRow& user);
  void log_out(const Call& call);
  // api_users.cc
  void users(const Call& call);
  void put_user(const Call& call);
  void remove_user(const Call& call);
  void note_done(const std::string& who, const std::string& what);
  // api_checks.cc
  void put_check(const Call& call);
  void canary(const Call& call);
  // api_overview.cc
  void overview(const Call& call);
  void answer_overview(const http::Reply& reply) const;
  void status(const Call& call);
  void live(const Call& call);
  void describe(const Call& call);
  void ask_box(const Call& call);
  void set_clock(const Call& call);
  // api_system.cc
  void system(const Call& call);
  struct Around {  // what isn't in the model, and is looked up
    std::optional<HealthKnown> health;
    Reached reached;
    Versions versions;
  };
  void system_starts(const Around& around, const http::Reply& reply);
  [[nodiscard]] http::Response system_answer(const Around& around,
                                             const Result<std::vector<store::Start>>& starts) const;
  // api_backups.cc
  void backups(const Call& call);
  void back_up(const Call& call);
  void verify_backup(const Call& call);
  void drill_backup(const Call& call);
  void start_backup(const Call& call, BackupWish wish);
  void download_backup(const Call& call);
  // A file as the answer, at the client's pace; one download or export at a time.
  void give_file(const http::Reply& reply, const BackupFile& file, const std::string& name);

  // api_bundle.cc
  void download_bundle(const Call& call);
  // api_nodes.cc
  void nodes(const Call& call);
  void node(const Call& call);
  void patch_node(const Call& call);
  void add_node(const Call& call);
  void rotate_node(const Call& call);
  void remove_node(const Call& call);
  // api_counters.cc
  void replace_node(const Call& call);
  void counters(const Call& call);
  void change_counters(const Call& call);
  void exclude(const Call& call);  // api_exclude.cc
  // api_import.cc
  void import_readings(const Call& call);
  void note(const Call& call);
  // api_history.cc
  void series(const Call& call);
  void history(const Call& call);
  void export_readings(const Call& call);
  void events(const Call& call);
  void rejects(const Call& call);

  [[nodiscard]] std::string session_json(const Who& who) const;
  // Asks the pool and answers with what `show` makes of the result, or with the problem.
  template <class T>
  void ask(const Call& call, std::function<Result<T>(Archive&)> question,
           std::function<http::Response(T)> show);

  const ApiOptions options_;
  const Clock& clock_;
  Model& model_;
  Live& live_;
  Pool& pool_;
  Pool& exports_;
  Backend& backend_;
  const std::span<const http::Asset> assets_;
  const UtcMs started_;
  Sessions sessions_;
  LoginThrottle throttle_;
  HashQueue hashes_;
  Routes routes_;

  struct Trends {
    std::optional<Mono> made;
    bool asking = false;
    std::map<store::SeriesNo, std::string> json;
    std::vector<http::Reply> waiting;
  } trends_;
};

// An error of the core as an answer.
[[nodiscard]] http::Response problem_of(const Error& error);
[[nodiscard]] http::Response busy();

template <class T>
void Api::ask(const Call& call, std::function<Result<T>(Archive&)> question,
              std::function<http::Response(T)> show) {
  const bool asked =
      pool_.ask<T>(std::move(question), [reply = call.reply, show = std::move(show)](Result<T> result) {
        reply(result ? show(std::move(*result)) : problem_of(result.error()));
      });
  if (!asked) call.reply(busy());
}

}  // namespace alona::web
