// One connection's life, TCP or Unix: read a request within limits, ask the handler, write the answer, again.
// Lives on the server's loop; the registry in server.cc holds it until it has ended.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "http/beast.h"
#include "http/server.h"

namespace alona::http {

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Socket = net::generic::stream_protocol::socket;

  // `options` and `handler` outlive it. `peer` is empty for the Unix socket.
  Connection(Socket socket, std::string peer, const ServerOptions& options, const Handler& handler);

  net::awaitable<void> run();
  // Ends it now if it waits for a request or streams events; else after the answer under way.
  void stop();
  void cut();

 private:
  using Parser = beast::http::request_parser<beast::http::string_body>;
  enum class Phase { waiting, busy, streaming };

  net::awaitable<bool> wait_for_request();
  // Nothing: the connection is done, an error has been answered if one could be.
  net::awaitable<std::optional<Request>> read_request();
  net::awaitable<Response> ask(Request request);
  // False: the connection can't go on.
  net::awaitable<bool> write(Response response, bool head, unsigned version);
  net::awaitable<bool> write_stream(std::shared_ptr<BodyStream> stream, bool chunked);
  net::awaitable<void> write_events(std::shared_ptr<EventStream> events);
  net::awaitable<bool> write_text(std::string text);
  net::awaitable<void> refuse(Response response);

  beast::basic_stream<net::generic::stream_protocol> stream_;
  beast::flat_buffer buffer_{limits::http_buffer_bytes_max};
  net::steady_timer wake_;
  const std::string peer_;
  const bool local_;
  const ServerOptions& options_;
  const Handler& handler_;
  std::shared_ptr<EventStream> events_;
  std::shared_ptr<BodyStream> body_;
  Phase phase_ = Phase::waiting;
  bool keep_alive_ = true;
  bool stopping_ = false;
};

}  // namespace alona::http
