#include "web/server.h"

#include <fmt/format.h>
#include <sodium.h>
#include <spdlog/spdlog.h>

#include <thread>

#include "base/hash.h"
#include "http/server.h"
#include "web/api.h"
#include "web/home.h"
#include "web/json.h"

namespace alona::web {
namespace {
using namespace std::chrono_literals;
constexpr auto turn_interval = 1s;
constexpr auto tick_interval = 5s;
constexpr auto recent_span = std::chrono::days(7);
// Leaves room for 2^44 frames above without ever coming near what JavaScript can't count.
std::uint64_t first_frame_id() { return (random_u64() >> 20) + 1; }
}  // namespace

struct WebServer::Impl {
  Impl(WebOptions chosen, const Clock& the_clock, Backend& far, const ArchiveFactory& factory,
       std::span<const http::Asset> assets, std::unique_ptr<http::Server> listening)
      : options(std::move(chosen)),
        clock(the_clock),
        server(std::move(listening)),
        backend(far, server->poster()),
        pool(std::make_unique<Pool>(Pool::Options{}, factory, server->poster())),
        exports(std::make_unique<Pool>(Pool::Options{.threads = 1, .waiting_max = 0, .keep_open = false},
                                       factory, server->poster())),
        api({options.site, options.timezone, options.version, options.public_read, options.accept_browser,
             options.session_days, options.zone, options.libraries},
            {clock, model, live, *pool, *exports, backend, assets}),
        poster(server->poster()) {}

  void start(const store::Batch& everything, std::uint64_t stored,
             const std::map<store::NodeNo, Ms>& intervals);
  void recall();
  void apply(const store::Batch& batch);
  void tick();
  void send(std::string_view event, const json::value& data) { live.send(event, json::serialize(data)); }

  const WebOptions options;
  const Clock& clock;
  Model model;
  Live live{first_frame_id()};
  std::unique_ptr<http::Server> server;
  HomeBackend backend;
  std::unique_ptr<Pool> pool, exports;
  Api api;
  const http::Server::Poster poster;
  std::atomic<Mono> turned{};
  std::thread thread;
};

void WebServer::Impl::start(const store::Batch& everything, std::uint64_t stored,
                            const std::map<store::NodeNo, Ms>& intervals) {
  model.start(everything, stored, intervals);
  (void)model.set_broker(model.broker_connected(), clock.utc());  // away since now, if it is
  if (live.wanted(clock.mono()))
    send("reset", json::object{});
  else
    live.skipped();
  recall();
}

// What happened before this start, for the overview.
void WebServer::Impl::recall() {
  struct Past {
    std::vector<store::EventRow> events;
    std::vector<store::ErrorRow> errors;
    std::vector<store::PresenceRow> presence;
  };
  const UtcMs now = clock.utc();
  const bool asked = pool->ask<Past>(
      [now](Archive& archive) -> Result<Past> {
        auto events = archive.events({}, now - recent_span, now, limits::recent_max);
        if (!events) return std::unexpected(events.error());
        auto errors = archive.errors({}, now - recent_span, now, limits::recent_max);
        if (!errors) return std::unexpected(errors.error());
        auto presence = archive.presence({}, now - recent_span, now, limits::recent_max);
        if (!presence) return std::unexpected(presence.error());
        return Past{std::move(*events), std::move(*errors), std::move(*presence)};
      },
      [this](const Result<Past>& past) {
        if (!past) return spdlog::warn("the page can't say what happened before: {}", past.error().what);
        const auto remember = [this](const auto& rows) {
          for (const auto& row : rows) {
            if (const NodeState* node = model.node(row.node)) model.remember(told(*node, row));
          }
        };
        remember(past->events), remember(past->errors), remember(past->presence);
      });
  if (!asked) spdlog::warn("the page can't say what happened before: too many questions wait");
}

void WebServer::Impl::apply(const store::Batch& batch) {
  const Model::Changes changes = model.apply(batch);
  if (!live.wanted(clock.mono())) return live.skipped();
  if (changes.catalog) send("catalog", json::object{});
  if (!batch.readings.empty()) live.send("readings", readings_text(clock.utc(), batch.readings));
  for (const auto no : changes.presence) {
    const NodeState* node = model.node(no);
    if (node == nullptr) continue;
    send("presence",
         {{"node", shown(node->row.id)},
          {"state", name(node->presence)},
          {"since", count(node->presence_since)},
          {"last_seen", node->last_seen ? json::value(count(*node->last_seen)) : json::value(nullptr)}});
  }
  for (const Happened& one : changes.happened) send("happened", to_json(one));
}

void WebServer::Impl::tick() {
  if (!live.wanted(clock.mono())) return live.skipped();
  send("tick", {{"now", count(clock.utc())}, {"broker_connected", model.broker_connected()}});
}

WebServer::WebServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
WebServer::~WebServer() { stop(); }

Result<std::unique_ptr<WebServer>> WebServer::start(WebOptions options, const Clock& clock, Backend& backend,
                                                    const ArchiveFactory& archive,
                                                    std::span<const http::Asset> assets) {
  if (sodium_init() < 0) return fail(Errc::failed, "cannot start the cryptographic library libsodium");
  // The handler needs the parts, and they need the server's loop: it is filled in below, before anything
  // runs.
  const auto api = std::make_shared<Api*>(nullptr);
  auto server = http::Server::listen({.address = options.address,
                                      .port = options.port,
                                      .unix_socket = options.unix_socket,
                                      .allowed_hosts = options.allowed_hosts},
                                     [api](http::Request request, http::Reply reply) {
                                       (*api)->handle(std::move(request), std::move(reply));
                                     });
  if (!server) return std::unexpected(server.error());
  auto impl = std::make_unique<Impl>(std::move(options), clock, backend, archive, assets, std::move(*server));
  *api = &impl->api;
  impl->turned = clock.mono();
  impl->server->every(turn_interval, [parts = impl.get()] { parts->turned = parts->clock.mono(); });
  impl->server->every(tick_interval, [parts = impl.get()] { parts->tick(); });
  impl->thread = std::thread([parts = impl.get()] { parts->server->run(); });
  return std::unique_ptr<WebServer>(new WebServer(std::move(impl)));
}

void WebServer::post_start(std::shared_ptr<const store::Batch> everything, std::uint64_t readings_stored,
                           std::map<store::NodeNo, Ms> intervals) {
  impl_->poster([impl = impl_.get(), everything = std::move(everything), readings_stored,
                 intervals = std::move(intervals)] { impl->start(*everything, readings_stored, intervals); });
}

void WebServer::post(std::shared_ptr<const store::Batch> batch) {
  impl_->poster([impl = impl_.get(), batch = std::move(batch)] { impl->apply(*batch); });
}

void WebServer::post_broker(bool connected) {
  impl_->poster([impl = impl_.get(), connected] {
    if (impl->model.set_broker(connected, impl->clock.utc())) impl->tick();
  });
}

void WebServer::post_storing(const Error* why) {
  std::optional<Error> failed = why != nullptr ? std::optional{*why} : std::nullopt;
  impl_->poster([impl = impl_.get(), failed = std::move(failed)] {
    impl->model.set_storing(failed, impl->clock.utc());
    impl->tick();
  });
}

void WebServer::post_room(std::shared_ptr<const room::Picture> disk) {
  impl_->poster([impl = impl_.get(), disk = std::move(disk)] {
    if (impl->model.set_disk(disk)) impl->tick();
  });
}

void WebServer::post_notices(std::string source, std::vector<Finding> notices) {
  impl_->poster([impl = impl_.get(), source = std::move(source), notices = std::move(notices)]() mutable {
    impl->model.set_notices(source, std::move(notices));
    impl->tick();
  });
}

void WebServer::post_backups(BackupNews news, std::vector<Finding> notices) {
  impl_->poster([impl = impl_.get(), news, notices = std::move(notices)]() mutable {
    impl->model.set_backups(news);
    impl->model.set_notices("backup", std::move(notices));
    impl->tick();
  });
}

void WebServer::post_intervals(std::map<store::NodeNo, Ms> intervals) {
  impl_->poster(
      [impl = impl_.get(), intervals = std::move(intervals)] { impl->model.set_intervals(intervals); });
}

void WebServer::stop() {
  if (!impl_->thread.joinable()) return;
  impl_->server->stop();
  impl_->thread.join();
  // Exports stop by themselves: their connections have gone, so their writes say false.
  impl_->exports.reset();
  impl_->pool.reset();
}

std::uint16_t WebServer::port() const { return impl_->server->port(); }
Mono WebServer::last_turn() const { return impl_->turned; }

}  // namespace alona::web
