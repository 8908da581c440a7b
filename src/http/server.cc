#include "http/server.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <set>

#include "http/connection.h"
#include "http/head.h"
#include "http/unix_socket.h"

namespace alona::http {

struct Reply::State {
  std::function<void(Response)> send;
  std::atomic<bool> sent = false;
  ~State() {
    if (!sent)
      send(problem(500, "The box failed at this request", "Nothing answered it.",
                   "Try again; the journal says more."));
  }
};

Reply::Reply(std::function<void(Response)> send) : state_(std::make_shared<State>()) {
  state_->send = std::move(send);
}

void Reply::operator()(Response response) const {
  if (!state_->sent.exchange(true)) state_->send(std::move(response));
}

struct Server::Impl {
  Impl(ServerOptions chosen, Handler answers) : options(std::move(chosen)), handler(std::move(answers)) {}

  net::awaitable<void> accept_tcp();
  net::awaitable<void> accept_unix();
  net::awaitable<void> repeat(Ms interval, std::function<void()> work);
  void begin(Connection::Socket socket, std::string peer);
  void stop_now();

  ServerOptions options;
  Handler handler;
  // Shared, so that a poster may come late: it then finds nobody.
  std::shared_ptr<net::io_context> loop = std::make_shared<net::io_context>(1);
  net::ip::tcp::acceptor tcp{*loop};
  net::local::stream_protocol::acceptor local{*loop};
  net::steady_timer grace{*loop};
  std::set<std::shared_ptr<Connection>> connections;
  std::size_t from_tcp = 0, from_unix = 0;
  bool stopping = false;
};

namespace {
Result<void> listen_tcp(net::ip::tcp::acceptor& acceptor, const ServerOptions& options) {
  boost::system::error_code error;
  const auto address = net::ip::make_address(options.address, error);
  if (error) {
    return fail(Errc::config, fmt::format("cannot listen at {}: not an IP address", options.address),
                "write [web] listen as ADDRESS:PORT, such as 0.0.0.0:4000");
  }
  const net::ip::tcp::endpoint endpoint{address, options.port};
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(net::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(net::socket_base::max_listen_connections, error);
  if (!error) return {};
  const std::string where = fmt::format("{}:{}", options.address, options.port);
  if (error == net::error::address_in_use) {
    return fail(
        Errc::failed,
        fmt::format("cannot serve the page at {}: port {} is taken by another program", where, options.port),
        fmt::format("find it with: sudo ss -ltnp 'sport = :{}'; stop it, or choose another port in [web] "
                    "listen of alona.toml",
                    options.port));
  }
  if (error == net::error::access_denied) {
    return fail(Errc::failed, fmt::format("cannot serve the page at {}: ports below 1024 need root", where),
                "choose one above 1023 in [web] listen of alona.toml");
  }
  return fail(Errc::failed, fmt::format("cannot serve the page at {}: {}", where, error.message()),
              "[web] listen in alona.toml must be an address of this machine, or 0.0.0.0 for all");
}

// One try, no waiting: who floods us must not make us wait for him.
void turn_away(Connection::Socket& socket) {
  const Response full =
      problem(503, "Too many connections", "The box serves only so many at once.", "Try again in a moment.");
  const std::string text = head_text(full, {.keep_alive = false}) + full.body;
  boost::system::error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(net::buffer(text), ignored);
  socket.shutdown(net::socket_base::shutdown_both, ignored);
  socket.close(ignored);
}

// Accepting fails for lack of descriptors or memory: both pass, spinning would not help them.
constexpr auto accept_pause = std::chrono::milliseconds(100);
}  // namespace

net::awaitable<void> Server::Impl::accept_tcp() {
  net::steady_timer pause{*loop};
  while (tcp.is_open()) {
    auto [error, socket] = co_await tcp.async_accept(as_result);
    if (error) {
      if (!tcp.is_open()) break;
      pause.expires_after(accept_pause);
      co_await pause.async_wait(as_result);
      continue;
    }
    boost::system::error_code ignored;
    socket.set_option(net::ip::tcp::no_delay(true), ignored);
    const auto remote = socket.remote_endpoint(ignored);
    Connection::Socket generic{std::move(socket)};
    if (from_tcp >= limits::http_connections_max)
      turn_away(generic);
    else
      begin(std::move(generic), remote.address().to_string());
  }
}

net::awaitable<void> Server::Impl::accept_unix() {
  net::steady_timer pause{*loop};
  while (local.is_open()) {
    auto [error, socket] = co_await local.async_accept(as_result);
    if (error) {
      if (!local.is_open()) break;
      pause.expires_after(accept_pause);
      co_await pause.async_wait(as_result);
      continue;
    }
    const bool admitted = peer_admitted(socket.native_handle(), options.unix_socket);
    Connection::Socket generic{std::move(socket)};
    if (!admitted || from_unix >= limits::http_local_connections_max)
      turn_away(generic);
    else
      begin(std::move(generic), {});
  }
}

void Server::Impl::begin(Connection::Socket socket, std::string peer) {
  const bool is_local = peer.empty();
  const auto connection = std::make_shared<Connection>(std::move(socket), std::move(peer), options, handler);
  connections.insert(connection);
  ++(is_local ? from_unix : from_tcp);
  net::co_spawn(*loop, connection->run(), [this, connection, is_local](const std::exception_ptr& thrown) {
    if (thrown) {
      try {
        std::rethrow_exception(thrown);
      } catch (const std::exception& error) {
        spdlog::error("a connection failed: {}", error.what());
      }
      connection->cut();
    }
    connections.erase(connection);
    --(is_local ? from_unix : from_tcp);
    if (stopping && connections.empty()) loop->stop();
  });
}

net::awaitable<void> Server::Impl::repeat(Ms interval, std::function<void()> work) {
  net::steady_timer timer{*loop};
  while (!stopping) {
    timer.expires_after(interval);
    co_await timer.async_wait(as_result);
    if (stopping) break;
    try {
      work();
    } catch (const std::exception& error) {
      spdlog::error("regular work of the page failed: {}", error.what());
    }
  }
}

void Server::Impl::stop_now() {
  if (std::exchange(stopping, true)) return;
  boost::system::error_code ignored;
  tcp.close(ignored);
  local.close(ignored);
  const auto all = connections;
  for (const auto& connection : all) connection->stop();
  if (connections.empty()) loop->stop();
  grace.expires_after(limits::http_stop_grace);
  grace.async_wait([this](const boost::system::error_code&) {
    const auto late = connections;
    for (const auto& connection : late) connection->cut();
    loop->stop();
  });
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() {
  if (!impl_->options.unix_socket.empty()) {
    std::error_code ignored;
    std::filesystem::remove(impl_->options.unix_socket, ignored);
  }
}

Result<std::unique_ptr<Server>> Server::listen(ServerOptions options, Handler handler) {
  auto impl = std::make_unique<Impl>(std::move(options), std::move(handler));
  if (auto tcp = listen_tcp(impl->tcp, impl->options); !tcp) return std::unexpected(tcp.error());
  if (!impl->options.unix_socket.empty()) {
    const auto fd = listen_unix(impl->options.unix_socket);
    if (!fd) return std::unexpected(fd.error());
    impl->local.assign(net::local::stream_protocol{}, *fd);
  }
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

void Server::run() {
  net::co_spawn(*impl_->loop, impl_->accept_tcp(), [](const std::exception_ptr&) {});
  if (impl_->local.is_open())
    net::co_spawn(*impl_->loop, impl_->accept_unix(), [](const std::exception_ptr&) {});
  const auto work = net::make_work_guard(*impl_->loop);
  while (!impl_->loop->stopped()) {
    try {
      impl_->loop->run();
    } catch (const std::exception& error) {
      // A posted piece of work threw; the loop itself is whole.
      spdlog::error("work of the page failed: {}", error.what());
    }
  }
}

void Server::stop() {
  net::post(*impl_->loop, [impl = impl_.get()] { impl->stop_now(); });
}

Server::Poster Server::poster() const {
  return [weak = std::weak_ptr<net::io_context>(impl_->loop)](std::function<void()> work) {
    if (const auto loop = weak.lock()) net::post(*loop, std::move(work));
  };
}

void Server::every(Ms interval, std::function<void()> work) {
  net::co_spawn(*impl_->loop, impl_->repeat(interval, std::move(work)), [](const std::exception_ptr&) {});
}

std::uint16_t Server::port() const {
  boost::system::error_code ignored;
  return impl_->tcp.local_endpoint(ignored).port();
}

std::size_t Server::connections() const { return impl_->connections.size(); }

}  // namespace alona::http
