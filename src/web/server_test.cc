#include "web/server.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sodium.h>

#include <boost/json/parse.hpp>
#include <filesystem>
#include <future>
#include <thread>

#include "http/test_client.h"
#include "http/unix_client.h"
#include "web/api.h"
#include "web/assets.h"
#include "web/fake_core.h"
#include "web/json.h"

namespace alona::web {
namespace {
using namespace std::chrono_literals;
using http::status_of;
using http::TestClient;
using store::NodeNo;
using store::SeriesNo;

constexpr UtcMs noon = utc_ms(1'795'521'600'000);
// Cheap to check, unlike the real ones: what is tested with it isn't its cost.
std::string weak_hash(std::string_view password) {
  char out[crypto_pwhash_STRBYTES];
  if (crypto_pwhash_str(out, password.data(), password.size(), 1, 8192) != 0)
    throw std::runtime_error("no hash");
  return out;
}

std::string body_of(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }
json::value json_of(const std::string& answer) { return json::parse(body_of(answer)); }

// The web over a fake core, on real sockets.
class Box {
 public:
  explicit Box(WebOptions options = {}, bool broken = false) {
    core.broken = broken;
    if (sodium_init() < 0) throw std::runtime_error("no libsodium");
    core.users["owner"] = {"owner", weak_hash("right"), true};
    core.users["guest"] = {"guest", weak_hash("right"), false};
    options.address = "127.0.0.1";
    options.port = 0;
    options.unix_socket = folder / "core.sock";
    options.version = "0.1.0";
    auto started = WebServer::start(options, clock, backend, fake_archive(core), assets());
    if (!started) throw std::runtime_error(started.error().text());
    web = std::move(*started);
    auto all = std::make_shared<store::Batch>();
    all->received = noon;
    all->nodes = {{NodeNo{1}, "roof", "Roof <b>", "Outside", noon}};
    all->series = {{SeriesNo{7}, NodeNo{1}, "temperature", "°C", "", 1}};
    all->readings = {{SeriesNo{7}, noon - 1min, 4.5, 0}};
    web->post_start(all, 10, {{NodeNo{1}, 30s}});
    web->post_broker(true);
  }
  ~Box() {
    web.reset();
    std::filesystem::remove_all(folder);
  }

  TestClient client(const char* from = "127.0.0.1") { return TestClient{web->port(), from}; }
  [[nodiscard]] std::string host() const { return "127.0.0.1:" + std::to_string(web->port()); }
  [[nodiscard]] std::string text(std::string_view method, std::string_view path, std::string_view body = {},
                                 std::string_view headers = {}) const {
    std::string out = std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: " + host() +
                      "\r\n" + std::string(headers);
    if (!body.empty())
      out += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    return out + "\r\n" + std::string(body);
  }
  std::string ask(std::string_view method, std::string_view path, std::string_view body = {},
                  std::string_view headers = {}) {
    TestClient one = client();
    one.say(text(method, path, body, headers));
    return one.answer();
  }
  [[nodiscard]] std::string origin() const { return "Origin: http://" + host() + "\r\n"; }
  std::string log_in(std::string_view user = "owner") {
    const std::string answer = ask("POST", "/api/v1/session",
                                   R"({"name":")" + std::string(user) + R"(","password":"right"})", origin());
    const auto at = answer.find("alona_session=");
    EXPECT_NE(at, std::string::npos) << answer;
    token = std::string(json_of(answer).at("token").as_string());
    cookie = "Cookie: x=y; " + answer.substr(at, 14 + 64) + "\r\n";
    return answer;
  }
  [[nodiscard]] std::string all_headers() const {
    return cookie + origin() + "X-Alona-Token: " + token + "\r\n";
  }

  char name[32] = "/tmp/alona-web-XXXXXX";
  std::filesystem::path folder = mkdtemp(name);
  ManualClock clock{noon};
  FakeCore core;
  FakeBackend backend{core};
  std::unique_ptr<WebServer> web;
  std::string cookie, token;
};

// Every route, without parts: only the table is looked at.
std::vector<std::pair<std::string, std::string>> routes() {
  ManualClock clock{noon};
  FakeCore core;
  FakeBackend backend{core};
  Model model;
  Live live{1};
  Pool pool{{.threads = 0}, fake_archive(core), [](const auto&) {}};
  const Api api{{}, {clock, model, live, pool, pool, backend, assets()}};
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& route : api.routes().routes()) out.emplace_back(http::name(route.method), route.pattern);
  return out;
}

std::string filled(std::string pattern) {
  if (const auto at = pattern.find("{id}"); at != std::string::npos)
    pattern.replace(at, 4, pattern.find("series") == std::string::npos ? "roof" : "7");
  if (const auto at = pattern.find("{name}"); at != std::string::npos) pattern.replace(at, 6, "guest");
  if (const auto at = pattern.find("{set}"); at != std::string::npos) pattern.replace(at, 5, "one.tar.zst");
  return pattern;
}

bool open_to_all(const std::string& method, const std::string& path) {
  return path.ends_with("/health") || (path.ends_with("/session") && method != "DELETE");
}

TEST(Web, every_route_but_health_and_session_needs_a_login) {
  Box box;
  int swept = 0;
  for (const auto& [method, pattern] : routes()) {
    if (open_to_all(method, pattern)) continue;
    ++swept;
    EXPECT_EQ(status_of(box.ask(method, filled(pattern), {}, box.origin())), 401) << method << " " << pattern;
    const std::string forged = box.origin() + "Cookie: alona_session=" + std::string(64, 'a') + "\r\n";
    EXPECT_EQ(status_of(box.ask(method, filled(pattern), {}, forged)), 401) << method << " " << pattern;
  }
  EXPECT_GT(swept, 15);
  EXPECT_EQ(status_of(box.ask("GET", "/api/v1/no-such")), 401) << "a stranger doesn't learn what exists";
  EXPECT_EQ(status_of(box.ask("GET", "/api/v1/session")), 401);
  EXPECT_TRUE(box.core.removed.empty());
}

TEST(Web, health_is_open_and_says_nothing_else) {
  Box box;
  for (const char* path : {"/health", "/api/v1/health"}) {
    const std::string answer = box.ask("GET", path);
    EXPECT_EQ(status_of(answer), 200);
    EXPECT_EQ(body_of(answer), R"({"status":"ok"})");
  }
}

TEST(Web, login_gives_a_strict_cookie_and_logout_takes_it_away) {
  Box box;
  const std::string answer = box.log_in();
  EXPECT_NE(answer.find("; Path=/; HttpOnly; SameSite=Strict;"), std::string::npos);
  EXPECT_EQ(box.core.sessions.size(), 1U);
  EXPECT_EQ(box.cookie.find(box.core.sessions.begin()->first), std::string::npos) << "only a hash is stored";
  EXPECT_EQ(json_of(box.ask("GET", "/api/v1/session", {}, box.cookie)).at("user").as_string(), "owner");
  EXPECT_EQ(status_of(box.ask("DELETE", "/api/v1/session", {}, box.all_headers())), 204);
  EXPECT_EQ(status_of(box.ask("GET", "/api/v1/nodes", {}, box.cookie)), 401);
}

TEST(Web, a_session_survives_a_restart_and_ends_in_time) {
  Box box;
  box.log_in();
  Box second;
  second.core.sessions = box.core.sessions;
  EXPECT_EQ(status_of(second.ask("GET", "/api/v1/nodes", {}, box.cookie)), 200);
  second.core.sessions.begin()->second.expires = noon - 1ms;
  Box third;
  third.core.sessions = second.core.sessions;
  EXPECT_EQ(status_of(third.ask("GET", "/api/v1/nodes", {}, box.cookie)), 401);
}

TEST(Web, a_change_needs_cookie_origin_and_token) {
  Box box;
  box.log_in();
  const std::string body = R"({"name":"New"})";
  const std::string token = "X-Alona-Token: " + box.token + "\r\n";
  const auto change = [&](const std::string& headers) {
    return status_of(box.ask("PATCH", "/api/v1/nodes/roof", body, headers));
  };
  EXPECT_EQ(change(box.cookie + token), 403) << "no origin";
  EXPECT_EQ(change(box.cookie + token + "Origin: http://evil.example\r\n"), 403);
  EXPECT_EQ(change(box.cookie + token + "Origin: null\r\n"), 403);
  EXPECT_EQ(change(box.cookie + box.origin()), 403) << "no token";
  EXPECT_EQ(change(box.cookie + box.origin() + "X-Alona-Token: " + std::string(64, 'a') + "\r\n"), 403);
  EXPECT_EQ(change(box.origin() + token), 401) << "no cookie";
  EXPECT_TRUE(box.core.renamed.empty());
  EXPECT_EQ(change(box.all_headers()), 200);
  EXPECT_EQ(box.core.renamed.at(0).name, "New");
  EXPECT_EQ(box.core.renamed.at(0).place, "Outside") << "what isn't named stays";
  const std::string login = R"({"name":"owner","password":"right"})";
  EXPECT_EQ(status_of(box.ask("POST", "/api/v1/session", login, "Origin: http://evil.example\r\n")), 403);
  box.log_in("guest");
  EXPECT_EQ(change(box.all_headers()), 403) << "no admin";
}

TEST(Web, wrong_passwords_slow_down_their_address_only) {
  Box box;
  const auto login = [&](const char* from, const char* password) {
    TestClient client = box.client(from);
    client.say(box.text("POST", "/api/v1/session",
                        R"({"name":"owner","password":")" + std::string(password) + "\"}", box.origin()));
    return client.answer();
  };
  for (int i = 0; i < limits::login_failures_free; ++i)
    EXPECT_EQ(status_of(login("127.0.0.2", "wrong")), 401);
  const std::string slowed = login("127.0.0.2", "right");
  EXPECT_EQ(status_of(slowed), 429);
  EXPECT_NE(slowed.find("Retry-After: 12"), std::string::npos);
  EXPECT_EQ(status_of(login("127.0.0.3", "right")), 200);
}

TEST(Web, a_flood_of_logins_leaves_the_others_served) {
  Box box;
  box.core.users["owner"].password_hash = *hash_password("right");  // at its real cost
  box.log_in();
  std::vector<TestClient> flood;
  for (int i = 0; i < 60; ++i) {  // each from another address: the throttle doesn't help here
    flood.push_back(box.client(("127.0.1." + std::to_string(i + 1)).c_str()));
    flood.back().say(
        box.text("POST", "/api/v1/session", R"({"name":"nobody","password":"x"})", box.origin()));
  }
  const std::string other = box.ask("GET", "/api/v1/series/7/history", {}, box.cookie);
  EXPECT_EQ(status_of(other), 200) << "needs the pool while the logins wait";
  int refused = 0, wrong = 0;
  for (auto& client : flood) {
    const std::string answer = client.answer();
    refused += status_of(answer) == 429 && answer.find("Retry-After") != std::string::npos;
    wrong += status_of(answer) == 401;
  }
  EXPECT_EQ(refused + wrong, 60);
  EXPECT_GE(wrong, static_cast<int>(limits::login_waiting_max));
  EXPECT_GT(refused, 0);
}

TEST(Web, a_visitor_says_what_time_it_is) {
  Box box;
  box.log_in();
  const auto post = [&](std::string_view body) {
    return box.ask("POST", "/api/v1/clock", body, box.all_headers());
  };
  EXPECT_EQ(status_of(post(R"({"time":"2026-11-24T18:42:07.250Z"})")), 204);
  ASSERT_EQ(box.core.times.size(), 1u);
  EXPECT_EQ(box.core.times[0].first, utc_ms(1'795'545'727'250));
  EXPECT_EQ(status_of(post(R"({"time":"soon"})")), 422);
  EXPECT_EQ(status_of(post("{}")), 422);
  Box refusing{{.accept_browser = false}};
  refusing.log_in();
  EXPECT_EQ(status_of(refusing.ask("POST", "/api/v1/clock", R"({"time":"2026-11-24T18:42:07Z"})",
                                   refusing.all_headers())),
            409);
}

TEST(Web, the_overview_has_what_the_first_page_shows) {
  Box box;
  box.log_in();
  const auto overview = json_of(box.ask("GET", "/api/v1/overview", {}, box.cookie)).as_object();
  EXPECT_EQ(overview.at("readings_stored"), 10);
  EXPECT_TRUE(overview.at("broker_connected").as_bool());
  const auto& node = overview.at("nodes").at(0).as_object();
  EXPECT_EQ(node.at("name").as_string(), "Roof <b>");
  EXPECT_EQ(node.at("series").at(0).at("last").at("value"), 4.5);
  EXPECT_EQ(node.at("trend").at(0).at("n").at(0), 3);
  EXPECT_EQ(node.at("interval_ms"), 30'000);
  (void)box.ask("GET", "/api/v1/overview", {}, box.cookie);
  EXPECT_EQ(box.core.asked_trends, 1) << "trends are asked for once a minute";
}

TEST(Web, history_is_as_the_page_expects_it) {
  Box box;
  box.log_in();
  const auto get = [&](std::string_view query) {
    return box.ask("GET", "/api/v1/series/" + std::string(query), {}, box.cookie);
  };
  EXPECT_EQ(
      body_of(get("7/history?from=1000&to=2000&points=10")),
      R"({"series":7,"from":1000,"to":2000,"bucket_ms":60000,"t":[1000,61000],"min":[1,2.5],"avg":[2.16666667,2.5],)"
      R"("max":[3,2.5],"n":[3,1],"gaps":[{"from":1000,"to":2000,"cause":"the core was \"away\""}]})");
  EXPECT_EQ(status_of(get("7/history?from=2026-01-01&to=2026-02-01T00:00:00Z")), 200);
  for (const char* bad :
       {"7/history?points=0", "7/history?points=5001", "7/history?points=x", "7/history?from=5&to=5",
        "7/history?from=-1", "7/history?from=99999999999999999999"}) {
    EXPECT_EQ(status_of(get(bad)), 422) << bad;
  }
  for (const char* none : {"8/history", "x/history", "7x/history", "99999999999/history"})
    EXPECT_EQ(status_of(get(none)), 404) << none;
}

TEST(Web, what_commands_have_done_is_noted_over_the_socket_alone) {
  Box box;
  box.log_in();
  const std::string body = R"({"who":"anna","what":"imported well.csv"})";
  EXPECT_EQ(status_of(box.ask("POST", "/api/v1/audit", body, box.all_headers())), 403);
  EXPECT_TRUE(box.core.notes.empty());
}

TEST(Web, other_versions_are_told_and_an_admin_asks_for_them) {
  Box box;
  box.core.versions = {
      .offer = "0.1.1", .trouble = {}, .former = "0.0.9", .last = {{utc_ms(5), true, "failed", "why\nhow"}}};
  box.log_in();
  const auto told =
      json::parse(body_of(box.ask("GET", "/api/v1/system", "", box.all_headers()))).at("upgrade");
  EXPECT_EQ(told.at("offer"), "0.1.1");
  EXPECT_TRUE(told.at("trouble").is_null());
  EXPECT_EQ(told.at("former"), "0.0.9");
  EXPECT_EQ(told.at("last"), json::parse(R"({"at":5,"back":true,"state":"failed","text":"why\nhow"})"));
  for (const char* wish : {"upgrade", "roll_back"}) {
    const std::string body = fmt::format(R"({{"do":"{}"}})", wish);
    EXPECT_EQ(status_of(box.ask("POST", "/api/v1/box", body, box.cookie + box.origin())), 403)
        << "without the token";
    EXPECT_EQ(status_of(box.ask("POST", "/api/v1/box", body, box.all_headers())), 202);
  }
  ASSERT_EQ(box.core.asked_box.size(), 2u);
  EXPECT_EQ(box.core.asked_box[0].first, BoxWish::upgrade);
  EXPECT_EQ(box.core.asked_box[0].second, "owner");
  EXPECT_EQ(box.core.asked_box[1].first, BoxWish::roll_back);
  EXPECT_EQ(
      status_of(box.ask("POST", "/api/v1/box", R"({"do":"upgrade","file":"/tmp/x.deb"})", box.all_headers())),
      422)
      << "what is installed is root's affair";
}

TEST(Web, counters_go_on_by_an_admins_word) {
  Box box;
  box.log_in();
  const auto post = [&](std::string_view body, std::string_view what = "counters") {
    return box.ask("POST", fmt::format("/api/v1/nodes/roof/{}", what), body, box.all_headers());
  };
  const std::string good =
      R"({"counters":[{"sensor":"energy","unit":"kWh","goes_on_from":"1234.5","begins_at":"0.5"}]})";
  EXPECT_EQ(status_of(post(good)), 200);
  ASSERT_EQ(box.core.counters.size(), 1u);
  EXPECT_EQ(box.core.counters[0].who, "owner");
  EXPECT_EQ(box.core.counters[0].changes[0].goes_on_from, 1234.5);
  EXPECT_EQ(box.core.counters[0].changes[0].begins_at, 0.5);
  EXPECT_EQ(status_of(post(R"({"counters":[{"sensor":"energy","undo":true}]})")), 200);
  EXPECT_TRUE(box.core.counters[1].changes[0].undo);
  EXPECT_EQ(status_of(post("", "replace")), 200) << "a device without counters";
  EXPECT_EQ(status_of(post(good, "replace")), 200);
  EXPECT_EQ(box.core.counters.size(), 4u);
  for (const char* bad :
       {"[]", "{}", R"({"counters":[]})", R"({"counters":[7]})", R"({"counters":[{"begins_at":"0"}]})",
        R"({"counters":[{"sensor":"energy","begins_at":0}]})",
        R"({"counters":[{"sensor":"../x","begins_at":"0"}]})",
        R"({"counters":[{"sensor":"e","begins_at":"NaN"}]})",
        R"({"counters":[{"sensor":"e","begins_at":"inf"}]})",
        R"({"counters":[{"sensor":"e","begins_at":"1e400"}]})",
        R"({"counters":[{"sensor":"e","begins_at":"2e15"}]})",
        R"({"counters":[{"sensor":"e","goes_on_from":""}]})",
        R"({"counters":[{"sensor":"e","goes_on_from":"1 2"}]})",
        R"({"counters":[{"sensor":"e","more":"1"}]})", R"({"more":[]})"}) {
    EXPECT_EQ(status_of(post(bad)), 422) << bad;
  }
  EXPECT_EQ(status_of(box.ask("POST", "/api/v1/nodes/nobody/counters", good, box.all_headers())), 404);
  EXPECT_EQ(status_of(box.ask("GET", "/api/v1/nodes/nobody/counters", "", box.all_headers())), 404);
  EXPECT_EQ(status_of(box.ask("POST", "/api/v1/nodes/roof/replace", good, box.cookie + box.origin())), 403)
      << "without the token";
  box.core.full = true;
  EXPECT_EQ(status_of(post(good)), 503);
  EXPECT_EQ(box.core.counters.size(), 4u);
  // What the history says: a series that falls isn't offered, one that rises is.
  box.core.full = false;
  box.core.rises = SeriesNo{7};
  const std::string told = body_of(box.ask("GET", "/api/v1/nodes/roof/counters", "", box.all_headers()));
  EXPECT_NE(told.find(R"("kind":"rises")"), std::string::npos) << told;
  box.core.rises = SeriesNo{};
  EXPECT_NE(
      body_of(box.ask("GET", "/api/v1/nodes/roof/counters", "", box.all_headers())).find(R"("kind":"")"),
      std::string::npos);
}

TEST(Web, readings_are_excluded_by_an_admin) {
  Box box;
  box.log_in();
  const auto post = [&](std::string_view body) {
    return box.ask("POST", "/api/v1/readings/exclude", body, box.all_headers());
  };
  const std::string good =
      R"({"series":7,"from":"2026-11-24T18:00:00Z","to":1795545727250,"excluded":true,"note":"a spider"})";
  EXPECT_EQ(body_of(post(good)), R"({"readings":3,"changed":2})");
  ASSERT_EQ(box.core.excluded.size(), 1u);
  EXPECT_EQ(box.core.excluded[0].who, "owner");
  EXPECT_EQ(box.core.excluded[0].note, "a spider");
  EXPECT_EQ(box.core.excluded[0].what.series, SeriesNo{7});
  EXPECT_EQ(box.core.excluded[0].what.from, parse_iso8601("2026-11-24T18:00:00Z"));
  EXPECT_EQ(box.core.excluded[0].what.to, utc_ms(1'795'545'727'250));
  for (const char* bad :
       {"", "[]", R"({"series":7,"from":5,"to":5,"excluded":true})", R"({"series":7,"from":1,"to":5})",
        R"({"series":"7","from":1,"to":5,"excluded":true})",
        R"({"series":7,"from":-1,"to":5,"excluded":true})", R"({"series":7,"from":1,"to":5,"excluded":1})",
        R"({"series":7,"to":5,"excluded":true})", R"({"series":7,"from":1,"to":5,"excluded":true,"note":7})",
        R"({"series":7,"from":1,"to":5,"excluded":true,"note":"two\nlines"})",
        R"({"series":7,"from":1,"to":5,"excluded":true,"more":1})"}) {
    EXPECT_EQ(status_of(post(bad)), 422) << bad;
  }
  for (const char* none : {"8", "0", "-1", "99999999999"}) {
    EXPECT_EQ(status_of(post(fmt::format(R"({{"series":{},"from":1,"to":5,"excluded":true}})", none))), 404);
  }
  box.core.full = true;
  EXPECT_EQ(status_of(post(good)), 503);
  EXPECT_EQ(status_of(box.ask("POST", "/api/v1/readings/exclude", good, box.cookie + box.origin())), 403)
      << "without the token";
  box.core.full = false;
  box.log_in("guest");
  EXPECT_EQ(status_of(post(good)), 403);
  EXPECT_EQ(box.core.excluded.size(), 1u);
}

TEST(Web, history_by_whole_days_of_the_zone) {
  WebOptions options;
  options.zone = Zone::load("Europe/Berlin");
  Box box{options};
  box.log_in();
  const auto get = [&](std::string_view query) {
    return box.ask("GET", "/api/v1/series/7/history?" + std::string(query), {}, box.cookie);
  };
  const auto days = json_of(get("from=2026-10-24T12:00:00Z&to=2026-10-26T12:00:00Z&by=day")).as_object();
  const auto ms = [](std::string_view text) { return count(parse_iso8601(text).value()); };
  EXPECT_EQ(days.at("from"), ms("2026-10-23T22:00"));
  EXPECT_EQ(days.at("to"), ms("2026-10-26T23:00"));
  EXPECT_EQ(days.at("t"),
            (json::array{ms("2026-10-23T22:00"), ms("2026-10-24T22:00"), ms("2026-10-25T23:00")}));
  EXPECT_EQ(days.at("end"),
            (json::array{ms("2026-10-24T22:00"), ms("2026-10-25T23:00"), ms("2026-10-26T23:00")}));
  EXPECT_EQ(status_of(get("from=2010-01-01&to=2023-01-01&by=day")), 200) << "13 years";
  for (const char* bad : {"by=hour", "by=", "from=2000-01-01&to=2026-01-01&by=day"})
    EXPECT_EQ(status_of(get(bad)), 422) << bad;
}

TEST(Web, node_detail_rejects_and_events_keep_strangers_text_as_text) {
  Box box;
  box.log_in();
  const auto node = json_of(box.ask("GET", "/api/v1/nodes/roof", {}, box.cookie)).as_object();
  EXPECT_EQ(node.at("heartbeat").at("rssi_dbm"), -70);
  EXPECT_EQ(node.at("days").at(0).at("day").as_string(), "2026-11-18");
  // The day after it nothing was counted, but something is missing.
  const auto& dark = node.at("days").at(1);
  EXPECT_EQ(dark.at("day").as_string(), "2026-11-19");
  EXPECT_EQ(dark.at("stored").as_int64(), 0);
  EXPECT_EQ(dark.at("missing").as_int64(), 3);
  EXPECT_EQ(dark.at("gaps").at(0).at("cause").as_string(), "power");
  EXPECT_TRUE(node.at("numbered").as_bool());
  EXPECT_EQ(node.at("errors").at(0).at("message").as_string(), "<b>no answer</b>");
  EXPECT_EQ(node.at("events").at(0).at("data").at("open"), true);
  const auto reject =
      json_of(box.ask("GET", "/api/v1/rejects", {}, box.cookie)).at("rejects").at(0).as_object();
  EXPECT_EQ(reject.at("payload").as_string(), "<script>\\xff\"");
  EXPECT_EQ(
      json_of(box.ask("GET", "/api/v1/events?node=roof", {}, box.cookie)).at("events").as_array().size(), 2U);
  EXPECT_EQ(status_of(box.ask("GET", "/api/v1/events?node=none", {}, box.cookie)), 404);
}

TEST(Web, export_streams_csv_and_ndjson) {
  Box box;
  box.log_in();
  TestClient csv = box.client();
  csv.say(box.text("GET", "/api/v1/export", {}, box.cookie));
  const std::string text = csv.until("\r\n0\r\n\r\n");
  EXPECT_NE(text.find("time,node,sensor,value,unit,quality\n2026-11-24T18:42:07.250Z,roof,temperature,21.5,"
                      "\"°C, \"\"x\"\"\",receipt\n"),
            std::string::npos)
      << text;
  TestClient lines = box.client();
  lines.say(box.text("GET", "/api/v1/export?format=ndjson", {}, box.cookie));
  EXPECT_NE(
      lines.until("\r\n0\r\n\r\n")
          .find(R"({"time":"2026-11-24T18:42:07.250Z","node":"roof","sensor":"temperature","value":21.5,)"),
      std::string::npos);
  EXPECT_EQ(status_of(box.ask("GET", "/api/v1/export?format=xls", {}, box.cookie)), 422);
}

TEST(Web, a_second_export_waits_outside_and_other_questions_are_answered) {
  Box box;
  box.log_in();
  box.core.export_rows = 10'000'000;
  TestClient first = box.client();
  first.say(box.text("GET", "/api/v1/export", {}, box.cookie));
  EXPECT_EQ(status_of(first.until("\r\n\r\n")), 200);
  EXPECT_EQ(status_of(box.ask("GET", "/api/v1/export", {}, box.cookie)), 503);
  EXPECT_EQ(status_of(box.ask("GET", "/api/v1/series/7/history", {}, box.cookie)), 200);
  const auto before = std::chrono::steady_clock::now();
  box.web->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - before, limits::http_write_timeout)
      << "an export holds up no stop";
}

TEST(Web, backups_are_listed_and_started_by_an_admin) {
  Box box;
  BackupSet good{
      .name = "b", .state = "proven", .bytes = 7, .readings = 3, .taken = noon, .proven = noon + 1s};
  BackupSet bad{.name = "a", .state = "failed", .failed = "<b>\xff", .base = "b"};
  box.core.backups = {.sets = {good, bad}, .proven = {{"b", noon + 1s}}};
  box.core.backup_files = {{"b", "bytes"}};
  box.log_in();
  const auto found = json_of(box.ask("GET", "/api/v1/backups", {}, box.cookie)).as_object();
  EXPECT_EQ(found.at("proven").at("set"), "b");
  EXPECT_TRUE(found.at("running").is_null());
  EXPECT_EQ(found.at("sets").at(0).at("taken"), count(noon));
  EXPECT_TRUE(found.at("sets").at(0).at("failed").is_null());
  EXPECT_EQ(found.at("sets").at(1).at("failed"), "<b>\\xff");
  EXPECT_TRUE(found.at("sets").at(0).at("base").is_null());
  EXPECT_EQ(found.at("sets").at(1).at("base"), "b");
  const auto post = [&](std::string_view path) {
    return status_of(box.ask("POST", "/api/v1/backups" + std::string(path), {}, box.all_headers()));
  };
  EXPECT_EQ(post(""), 202);
  EXPECT_EQ(post("/b/drill"), 202);
  EXPECT_EQ(post("/c/verify"), 404);
  ASSERT_EQ(box.core.backups_started.size(), 2u);
  EXPECT_EQ(box.core.backups_started[1].kind, BackupKind::drill);
  EXPECT_EQ(box.core.backups_started[1].set, "b");
  EXPECT_EQ(box.core.notes.back().second, "started a drill of the backup b");
  box.core.backups.running = BackupsPicture::Running{.what = {}, .since = noon, .doing = "copying"};
  EXPECT_EQ(json_of(box.ask("GET", "/api/v1/backups", {}, box.cookie)).at("running").at("doing"), "copying");
  EXPECT_EQ(post(""), 503);
  box.core.full = true;
  EXPECT_EQ(post(""), 503);
  EXPECT_EQ(status_of(box.ask("GET", "/api/v1/backups/b", {}, box.cookie)), 503);
  box.core.full = false;
  box.log_in("guest");
  EXPECT_EQ(post(""), 403);
}

TEST(Web, a_backup_is_taken_away_whole_by_an_admin_alone) {
  Box box;
  std::string bytes(3 * limits::stream_queue_bytes_max + 5, 'x');
  bytes[bytes.size() - 1] = 'y';
  box.core.backup_files = {{"b", bytes}, {"empty", ""}};
  box.log_in();
  const std::string answer = box.ask("GET", "/api/v1/backups/b", {}, box.cookie);
  EXPECT_EQ(status_of(answer), 200);
  EXPECT_NE(answer.find("Content-Length: " + std::to_string(bytes.size()) + "\r\n"), std::string::npos);
  EXPECT_NE(answer.find("Content-Disposition: attachment; filename=\"b\"\r\n"), std::string::npos);
  EXPECT_EQ(answer.find("Transfer-Encoding"), std::string::npos);
  EXPECT_EQ(body_of(answer), bytes);
  EXPECT_EQ(box.core.notes.back(), (std::pair<std::string, std::string>{"owner", "downloads the backup b"}));
  EXPECT_EQ(status_of(box.ask("GET", "/api/v1/backups/empty", {}, box.cookie)), 200);
  EXPECT_EQ(status_of(box.ask("GET", "/api/v1/backups/c", {}, box.cookie)), 404);
  box.log_in("guest");
  EXPECT_EQ(status_of(box.ask("GET", "/api/v1/backups/b", {}, box.cookie)), 403);
}

TEST(Web, a_debug_bundle_is_made_and_taken_away_by_an_admin_alone) {
  Box box;
  box.log_in();
  EXPECT_EQ(status_of(box.ask("GET", "/api/v1/bundle", {}, box.cookie)), 404) << "what making it said";
  box.core.backup_files = {{"bundle", "zstd"}};
  const std::string answer = box.ask("GET", "/api/v1/bundle", {}, box.cookie);
  EXPECT_EQ(status_of(answer), 200);
  EXPECT_NE(answer.find("filename=\"alona-bundle-x.tar.zst\"\r\n"), std::string::npos);
  EXPECT_EQ(body_of(answer), "zstd");
  EXPECT_EQ(box.core.notes.back(),
            (std::pair<std::string, std::string>{"owner", "downloads a debug bundle"}));
  box.core.full = true;
  EXPECT_EQ(status_of(box.ask("GET", "/api/v1/bundle", {}, box.cookie)), 503);
  box.core.full = false;
  EXPECT_EQ(status_of(box.ask("GET", "/api/v1/bundle")), 401);
  box.log_in("guest");
  EXPECT_EQ(status_of(box.ask("GET", "/api/v1/bundle", {}, box.cookie)), 403);
}

TEST(Web, the_live_stream_tells_resumes_and_resets) {
  Box box;
  box.log_in();
  TestClient client = box.client();
  client.say(box.text("GET", "/api/v1/live", {}, box.cookie));
  EXPECT_NE(client.until("retry: 3000\n\n").find("Content-Type: text/event-stream"), std::string::npos);
  const auto reading = [](double value) {
    auto batch = std::make_shared<store::Batch>();
    batch->readings = {{SeriesNo{7}, noon, value, 1}};
    return batch;
  };
  box.web->post(reading(1));
  const std::string frame = client.until("\n\n");
  EXPECT_NE(
      frame.find("event: readings\ndata: {\"now\":1795521600000,\"readings\":[[7,1795521600000,1,1,1]]}"),
      std::string::npos)
      << frame;
  const std::string id = frame.substr(4, frame.find('\n') - 4);
  box.web->post(reading(2));
  (void)client.until("\n\n");
  TestClient again = box.client();
  again.say(box.text("GET", "/api/v1/live", {}, box.cookie + "Last-Event-ID: " + id + "\r\n"));
  (void)again.until("retry: 3000\n\n");
  const std::string resumed = again.until("\n\n");
  EXPECT_NE(resumed.find("[7,1795521600000,2,1,1]"), std::string::npos) << resumed;
  TestClient stranger = box.client();
  stranger.say(box.text("GET", "/api/v1/live", {}, box.cookie + "Last-Event-ID: 5x\r\n"));
  (void)stranger.until("retry: 3000\n\n");
  EXPECT_NE(stranger.until("\n\n").find("event: reset"), std::string::npos);
}

TEST(Web, presence_and_new_nodes_are_told_live) {
  Box box;
  box.log_in();
  TestClient client = box.client();
  client.say(box.text("GET", "/api/v1/live", {}, box.cookie));
  (void)client.until("retry: 3000\n\n");
  auto batch = std::make_shared<store::Batch>();
  batch->nodes = {{NodeNo{2}, "well", "", "", noon}};
  batch->presence = {{NodeNo{2}, noon, store::Presence::online, noon}};
  box.web->post(batch);
  EXPECT_NE(client.until("\n\n").find("event: catalog"), std::string::npos);
  EXPECT_NE(client.until("\n\n").find(
                R"(data: {"node":"well","state":"online","since":1795521600000,"last_seen":1795521600000})"),
            std::string::npos);
  EXPECT_NE(client.until("\n\n").find(R"("text":"well is back")"), std::string::npos);
}

TEST(Web, the_keeper_needs_no_login_at_the_socket) {
  Box box;
  const auto ask = [&](std::string_view method, std::string_view path, std::string_view body = {}) {
    return http::unix_request(box.folder / "core.sock", method, path, body, 10s);
  };
  const auto status = ask("GET", "/api/v1/status");
  ASSERT_TRUE(status) << status.error().text();
  EXPECT_EQ(json::parse(status->body).at("version").as_string(), "0.1.0");
  EXPECT_EQ(json::parse(status->body).at("nodes").at(0).at("series"), 1);
  EXPECT_EQ(ask("POST", "/api/v1/nodes", R"({"id":"well"})")->status, 201);
  EXPECT_EQ(ask("POST", "/api/v1/nodes", R"({"id":"core"})")->status, 422);
  EXPECT_EQ(ask("POST", "/api/v1/nodes", R"({"id":"roof"})")->status, 409);
  EXPECT_EQ(ask("POST", "/api/v1/nodes/roof/rotate")->status, 200);
  EXPECT_EQ(ask("DELETE", "/api/v1/nodes/roof")->status, 204);
  EXPECT_EQ(ask("POST", "/api/v1/users", R"({"name":"new","password":"long enough"})")->status, 204);
  EXPECT_TRUE(verify_password(box.core.users["new"].password_hash, "long enough"));
  EXPECT_EQ(ask("POST", "/api/v1/users", R"({"name":"new","password":"short"})")->status, 422);
  EXPECT_EQ(ask("GET", "/api/v1/no-such")->status, 404);
  EXPECT_EQ(ask("PATCH", "/api/v1/nodes")->status, 405);
}

TEST(Web, a_nodes_login_comes_with_what_its_builder_needs) {
  Box box;
  box.log_in();
  const auto given =
      json_of(box.ask("POST", "/api/v1/nodes", R"({"id":"well"})", box.all_headers())).as_object();
  EXPECT_EQ(given.at("password"), "secret");
  EXPECT_EQ(given.at("host"), "192.168.1.2");
  EXPECT_EQ(given.at("host_name"), "alona.local");
  EXPECT_EQ(given.at("port"), 1883);
  EXPECT_EQ(given.at("qr"), (json::array{"10", "01"}));
  for (const char* form : {"snippet", "esphome", "nvs_csv", "uri"})
    EXPECT_FALSE(given.at(form).as_string().empty()) << form;
  EXPECT_EQ(json_of(box.ask("POST", "/api/v1/nodes/roof/rotate", {}, box.all_headers())).at("password"),
            "new secret");
}

TEST(Web, users_are_listed_and_removed_by_an_admin) {
  Box box;
  box.log_in();
  EXPECT_EQ(body_of(box.ask("GET", "/api/v1/users", {}, box.cookie)),
            R"({"users":[{"name":"guest","admin":false},{"name":"owner","admin":true}]})");
  EXPECT_EQ(status_of(box.ask("POST", "/api/v1/users", R"({"name":"anna","password":"long enough"})",
                              box.all_headers())),
            204);
  EXPECT_EQ(box.core.notes.back().second, "set the password of the user anna");
  const auto remove = [&](std::string_view name) {
    return status_of(box.ask("DELETE", "/api/v1/users/" + std::string(name), {}, box.all_headers()));
  };
  EXPECT_EQ(remove("anna"), 204);
  EXPECT_EQ(box.core.notes.back(), (std::pair<std::string, std::string>{"owner", "removed the user anna"}));
  EXPECT_EQ(remove("anna"), 404);
  EXPECT_EQ(remove("owner"), 409) << "the last admin";
  const std::string owner = box.all_headers();
  box.log_in("guest");
  EXPECT_EQ(status_of(box.ask("GET", "/api/v1/users", {}, box.cookie)), 403);
  EXPECT_EQ(remove("guest"), 403);
  EXPECT_EQ(status_of(box.ask("DELETE", "/api/v1/users/guest", {}, owner)), 204);
  EXPECT_EQ(status_of(box.ask("GET", "/api/v1/nodes", {}, box.cookie)), 401) << "the sessions end with it";
}

TEST(Web, the_machine_is_asked_by_an_admin_for_what_it_can) {
  Box box;
  EXPECT_EQ(status_of(box.ask("POST", "/api/v1/box", R"({"do":"restart"})", box.origin())), 401);
  box.log_in();
  const auto ask = [&](std::string_view body) {
    return status_of(box.ask("POST", "/api/v1/box", body, box.all_headers()));
  };
  EXPECT_EQ(ask(R"({"do":"restart"})"), 202);
  ASSERT_EQ(box.core.asked_box.size(), 1u);
  EXPECT_EQ(box.core.asked_box[0].first, BoxWish::restart);
  EXPECT_EQ(ask(R"({"do":"explode"})"), 422);
  EXPECT_EQ(ask("{}"), 422);
  EXPECT_EQ(box.core.asked_box.size(), 1u);
  const auto system = json_of(box.ask("GET", "/api/v1/system", {}, box.cookie)).as_object();
  EXPECT_EQ(system.at("can").as_array().size(), 2u);
  EXPECT_EQ(system.at("can").at(1), "power_off");
}

TEST(Web, the_canarys_mark_is_told_as_it_is_stored) {
  Box box;
  box.log_in();
  const auto mark = [&] {
    return json_of(box.ask("GET", "/api/v1/canary", {}, box.cookie)).as_object().at("mark");
  };
  EXPECT_TRUE(mark().is_null()) << "none came yet";
  box.core.canary = 281'474'976'710'656;
  EXPECT_EQ(mark(), 281'474'976'710'656);
}

TEST(Web, the_system_tells_of_health_clock_and_versions) {
  WebOptions options;
  options.timezone = "Europe/Berlin";
  options.libraries = {{"sqlite", "3.40.1"}};
  Box box{options};
  box.log_in();
  const auto get = [&] { return json_of(box.ask("GET", "/api/v1/system", {}, box.cookie)).as_object(); };
  auto system = get();
  EXPECT_TRUE(system.at("health").is_null()) << "no round yet";
  EXPECT_TRUE(system.at("clock").at("source").is_null());
  EXPECT_TRUE(system.at("clock").at("trusted").as_bool());
  EXPECT_EQ(system.at("clock").at("timezone"), "Europe/Berlin");
  EXPECT_EQ(system.at("libraries").at(0).at("version"), "3.40.1");
  box.core.health = HealthKnown{
      noon, {{"core", "ok", "", "", noon - 1h}, {"silent:roof", "failing", "<b>\xff", "Look.", noon - 1min}}};
  auto batch = std::make_shared<store::Batch>();
  batch->epochs = {{.no = store::EpochNo{2}, .source = store::ClockSource::ntp},
                   {.no = store::EpochNo{1}, .source = store::ClockSource::floor}};
  box.web->post(batch);
  system = get();
  EXPECT_EQ(system.at("clock").at("source"), "ntp");
  EXPECT_EQ(system.at("health").at("at"), count(noon));
  EXPECT_EQ(system.at("health").at("checks").at(1).at("what"), "<b>\\xff");
  EXPECT_EQ(system.at("health").at("checks").at(1).at("since"), count(noon - 1min));
}

TEST(Web, the_system_tells_of_starts_and_of_the_rest_without_its_database) {
  Box box;
  box.log_in();
  box.core.starts = {{noon, true, store::RunEnd::power, noon - 1h, Ms{1h}},
                     {noon - 2h, false, store::RunEnd::crash, noon - 3h, {}},
                     {noon - 9h, true, store::RunEnd::none, {}, {}}};
  const auto starts =
      json_of(box.ask("GET", "/api/v1/system", {}, box.cookie)).as_object().at("starts").as_array();
  ASSERT_EQ(starts.size(), 3u);
  EXPECT_EQ(starts[0], (json::value{{"at", count(noon)},
                                    {"at_known", true},
                                    {"before", "power"},
                                    {"last", count(noon - 1h)},
                                    {"dark_ms", 3'600'000}}));
  EXPECT_EQ(starts[1].at("before"), "crash");
  EXPECT_FALSE(starts[1].at("at_known").as_bool());
  EXPECT_TRUE(starts[1].at("dark_ms").is_null());
  EXPECT_TRUE(starts[2].at("last").is_null());
}

TEST(Web, bad_bodies_are_named) {
  Box box;
  box.log_in();
  const auto patch = [&](std::string_view body) {
    return status_of(box.ask("PATCH", "/api/v1/nodes/roof", body, box.all_headers()));
  };
  for (const char* body : {"x", "[]", "{\"name\":1}", "{\"nam\":\"x\"}", "{\"name\":\"a\\nb\"}",
                           "{\"name\":{}}", "{\"name\":\"a\"} x", "[[[[[[[["}) {
    EXPECT_EQ(patch(body), 422) << body;
  }
  EXPECT_EQ(patch("{\"name\":\"" + std::string(65, 'x') + "\"}"), 422);
}

TEST(Web, says_that_it_is_busy_or_that_the_database_is_damaged) {
  Box box;
  box.log_in();
  box.core.full = true;
  const std::string busy_answer =
      box.ask("PATCH", "/api/v1/nodes/roof", R"({"name":"x"})", box.all_headers());
  EXPECT_EQ(status_of(busy_answer), 503);
  EXPECT_NE(busy_answer.find("Retry-After"), std::string::npos);
  Box damaged{{}, true};
  const auto answer = http::unix_request(damaged.folder / "core.sock", "GET", "/api/v1/rejects", {}, 10s);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 500) << "never an empty list in place of a damaged one";
  EXPECT_NE(answer->body.find("the database is damaged"), std::string::npos);
}

TEST(Web, public_read_opens_reading_and_nothing_else) {
  Box box{{.public_read = true}};
  EXPECT_EQ(status_of(box.ask("GET", "/api/v1/nodes")), 200);
  EXPECT_EQ(status_of(box.ask("DELETE", "/api/v1/nodes/roof", {}, box.origin())), 401);
}

TEST(Web, serves_the_page_at_every_address_of_its_own) {
  Box box;
  const std::string page = box.ask("GET", "/nodes/roof");
  EXPECT_EQ(status_of(page), 200);
  EXPECT_NE(page.find("<!doctype html>"), std::string::npos) << "inflated for a client that takes no gzip";
  const std::string packed = box.ask("GET", "/", {}, "Accept-Encoding: gzip, br\r\n");
  EXPECT_NE(packed.find("Content-Encoding: gzip"), std::string::npos);
  const auto at = packed.find("ETag: ") + 6;
  const std::string etag = packed.substr(at, packed.find("\r\n", at) - at);
  EXPECT_EQ(status_of(box.ask("GET", "/", {}, "If-None-Match: " + etag + "\r\n")), 304);
  EXPECT_EQ(status_of(box.ask("GET", "/app-OLD.js")), 404) << "a missing script is not the page";
  EXPECT_EQ(status_of(box.ask("POST", "/", "{}")), 405);
}

TEST(Web, every_route_is_described_and_nothing_else) {
  Box box;
  const auto answer = http::unix_request(box.folder / "core.sock", "GET", "/api/v1/openapi.json", {}, 10s);
  ASSERT_TRUE(answer);
  const auto paths = json::parse(answer->body).at("paths").as_object();
  std::size_t described = 0;
  for (const auto& path : paths) {
    for (const auto& method : path.value().as_object()) described += method.key() != "parameters";
  }
  std::size_t served = 0;
  for (auto [method, pattern] : routes()) {
    if (!pattern.starts_with("/api/v1")) continue;
    ++served;
    std::ranges::transform(method, method.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const auto path = paths.find(pattern.substr(7));
    ASSERT_NE(path, paths.end()) << pattern;
    EXPECT_TRUE(path->value().as_object().contains(method)) << method << " " << pattern;
  }
  EXPECT_EQ(described, served);
}

TEST(Web, stops_with_live_streams_open) {
  Box box;
  box.log_in();
  TestClient live = box.client();
  live.say(box.text("GET", "/api/v1/live", {}, box.cookie));
  (void)live.until("retry: 3000\n\n");
  box.web->stop();
  EXPECT_TRUE(live.ended());
}

}  // namespace
}  // namespace alona::web
