#include "web/rescue.h"

#include <fmt/format.h>

#include <mutex>
#include <thread>

#include "http/server.h"

namespace alona::web {
namespace {

// ui/src/style/tokens.css, as far as this page needs it: it must not need the other one.
constexpr std::string_view style = R"css(
:root { color-scheme: light dark; --paper: #f6f5f1; --card: #fffefb; --ink: #1f2522; --soft: #66706a; --line: #e3e1d9;
  --red: #b3261e; --red-ground: #fbe9e6; --grey: #eceae3; --amber: #9a5b00; --amber-ground: #fdf1dc; }
@media (prefers-color-scheme: dark) { :root { --paper: #131715; --card: #1b211e; --ink: #e8ece9; --soft: #9aa59f;
  --line: #2b332f; --red: #ff9a8f; --red-ground: #3a1a17; --grey: #2b312e; --amber: #f0b45a; --amber-ground: #33270f; } }
*, *::before, *::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); overflow-wrap: anywhere; font: 15px/1.45 system-ui,
  -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif; font-variant-numeric: tabular-nums; }
header { padding: 16px 28px; border-bottom: 1px solid var(--line); font-size: 17px; font-weight: 600; }
main { max-width: 736px; margin: 0 auto; padding: 28px 28px 12px; }
h1 { font-size: 26px; font-weight: 600; line-height: 1.25; letter-spacing: -0.01em; margin: 0; }
h2 { font-size: 13px; font-weight: 600; color: var(--soft); margin: 0 0 4px; }
p { margin: 0; }
p + p { margin-top: 8px; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 16px 18px; margin-top: 12px; }
.wrong { background: var(--red-ground); border-color: var(--red-ground); margin-top: 20px; }
.wrong h2 { color: var(--red); }
.working { background: var(--amber-ground); border-color: var(--amber-ground); }
.working h2 { color: var(--amber); }
.soft { color: var(--soft); }
code { display: block; margin-top: 8px; padding: 10px 12px; border-radius: 8px; background: var(--grey);
  font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 14px; }
details { margin-top: 8px; }
summary { color: var(--soft); padding: 10px 0; cursor: pointer; }
footer { color: var(--soft); font-size: 13px; padding: 16px 0 20px; }
@media (max-width: 640px) { h1 { font-size: 22px; } header { padding: 14px 16px; } main { padding: 20px 16px 12px; } }
)css";

struct Words {
  const char *title, *label;
};
Words words_of(RescueWork work) {
  switch (work) {
    case RescueWork::mending:
      return {"The box is mending its database.", "Being mended"};
    case RescueWork::upgrading:
      return {"The box is bringing its history up to date.", "Under way"};
    case RescueWork::none:
      break;
  }
  return {"The box can’t store readings.", "What is wrong"};
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\n':
        out += "<br>";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string section(std::string_view tone, std::string_view title, std::string_view html) {
  return fmt::format("<section{}><h2>{}</h2>{}</section>\n",
                     tone.empty() ? "" : fmt::format(" class=\"{}\"", tone), title, html);
}

// "2026-11-24 18:42 UTC"; a box that doesn't know the time says nothing.
std::string moment(UtcMs t) {
  if (count(t) < limits::node_ts_min_ms) return {};
  std::string text = iso8601(t).substr(0, 16);
  text[10] = ' ';
  return text + " UTC";
}

std::string page(const WebOptions& options, const RescueState& state) {
  std::string body;
  std::string wrong = fmt::format("<p><strong>{}</strong></p>", escaped(state.wrong));
  if (const std::string since = moment(state.since); !since.empty())
    wrong += fmt::format("<p>Since {}.</p>", since);
  const bool works = state.work != RescueWork::none;
  body += section(works ? "wrong working" : "wrong", words_of(state.work).label, wrong);
  body += section(
      "", "What it means",
      "<p>Nothing new is stored for now. What the sensors measure waits in them and in the box’s message "
      "broker, as far as it fits there, and is stored when this is over. What was stored before is left as "
      "it is.</p>");
  if (!works) body += section("", "What to do", fmt::format("<p>{}</p>", escaped(state.todo)));
  // Nobody is to bring back an older history while nothing is wrong with this one.
  const bool offers_backup = state.work != RescueWork::upgrading;
  std::string backup =
      state.backup ? fmt::format("<p>{}</p>", escaped(*state.backup)) : "<p>None is known.</p>";
  if (!state.command.empty())
    backup += fmt::format("<p class=\"soft\">On the box, in a shell, this brings it back:</p><code>{}</code>",
                          escaped(state.command));
  if (offers_backup) body += section("", "Newest backup that is proven", backup);
  body += section("", "For whoever mends it", fmt::format("<p>{}</p>", escaped(state.detail)));
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"refresh\" content=\"10\">\n<title>{0}</title>\n"
      "<link rel=\"icon\" href=\"data:,\"><link rel=\"stylesheet\" href=\"/rescue.css\">\n</head><body>"
      "<header>{0}</header>\n<main><h1>{1}</h1>\n{2}<footer>Alona {3}. This page looks again every 10 "
      "seconds; the box "
      "goes on by itself as soon as it can.</footer></main></body></html>\n",
      escaped(options.site.empty() ? "Alona" : options.site), words_of(state.work).title, body,
      escaped(options.version));
}

}  // namespace

struct RescueServer::Impl {
  WebOptions options;
  std::mutex mutex;
  RescueState state;
  std::unique_ptr<http::Server> server;
  std::thread thread;

  void handle(const http::Request& request, const http::Reply& reply);
};

void RescueServer::Impl::handle(const http::Request& request, const http::Reply& reply) {
  const RescueState now = [&] {
    const std::scoped_lock lock{mutex};
    return state;
  }();
  const auto& segments = request.target.segments;
  if (request.target.path == "/health" || request.target.path == "/api/v1/health")
    return reply(http::json(
        now.work == RescueWork::none ? R"({"status":"failing"})" : R"({"status":"working"})", 503));
  if (request.target.path == "/rescue.css")
    return reply({.content_type = "text/css; charset=utf-8", .body = std::string(style)});
  http::Response response;
  if (!segments.empty() && segments.front() == "api") {
    response = http::problem(503, now.wrong, now.detail, now.todo);
  } else if (request.method != http::Method::get) {
    response = http::problem(405, "This address doesn't take that method");
  } else if (!segments.empty() && segments.back().find('.') != std::string::npos) {
    response = http::problem(404, "There is nothing at this address");
  } else {
    response.status = 503;
    response.content_type = "text/html; charset=utf-8";
    response.body = page(options, now);
  }
  if (response.status == 503) response.headers.emplace_back("Retry-After", "10");
  reply(std::move(response));
}

RescueServer::RescueServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

RescueServer::~RescueServer() {
  impl_->server->stop();
  impl_->thread.join();
}

Result<std::unique_ptr<RescueServer>> RescueServer::start(const WebOptions& options, RescueState state) {
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  impl->state = std::move(state);
  auto server =
      http::Server::listen({.address = options.address,
                            .port = options.port,
                            .unix_socket = options.unix_socket,
                            .allowed_hosts = options.allowed_hosts},
                           [parts = impl.get()](const http::Request& request, const http::Reply& reply) {
                             parts->handle(request, reply);
                           });
  if (!server) return std::unexpected(server.error());
  impl->server = std::move(*server);
  impl->thread = std::thread{[parts = impl.get()] { parts->server->run(); }};
  return std::unique_ptr<RescueServer>(new RescueServer(std::move(impl)));
}

void RescueServer::update(RescueState state) {
  const std::scoped_lock lock{impl_->mutex};
  impl_->state = std::move(state);
}

}  // namespace alona::web
