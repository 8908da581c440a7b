#include "http/connection.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>

#include "http/head.h"
#include "http/streams.h"

namespace alona::http {
namespace {
namespace bhttp = beast::http;

std::optional<Method> method_of(bhttp::verb verb) {
  switch (verb) {
    case bhttp::verb::get:
    case bhttp::verb::head:
      return Method::get;
    case bhttp::verb::post:
      return Method::post;
    case bhttp::verb::patch:
      return Method::patch;
    case bhttp::verb::delete_:
      return Method::del;
    default:
      return std::nullopt;
  }
}

// What a reading error deserves as an answer; nothing when nobody is there to hear it.
std::optional<Response> answer_to(const boost::system::error_code& error) {
  if (error == bhttp::error::header_limit || error == bhttp::error::buffer_overflow) {
    return problem(431, "The request's header is too large", "More than 8 KiB.");
  }
  if (error == bhttp::error::body_limit) {
    return problem(413, "The request's body is too large", "More than 64 KiB.");
  }
  if (error == bhttp::error::end_of_stream || error == bhttp::error::partial_message ||
      error == beast::error::timeout) {
    return std::nullopt;
  }
  if (error.category() == make_error_code(bhttp::error::bad_method).category()) {
    return problem(400, "Not a valid HTTP request", error.message());
  }
  return std::nullopt;
}

std::string lower(std::string_view text) {
  std::string out{text};
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

// Beast's message to ours, or why not.
std::expected<Request, Response> translate(bhttp::request<bhttp::string_body>& message) {
  const auto method = method_of(message.method());
  if (!method) return std::unexpected(problem(501, "This method isn't served here"));
  auto target = parse_target(std::string_view{message.target().data(), message.target().size()});
  if (!target) {
    return std::unexpected(
        problem(400, "The address is malformed", "Its path or query breaks a rule.",
                "Check %-sequences, empty or repeated parts, and that no name is given twice."));
  }
  Request request;
  request.method = *method;
  request.head = message.method() == bhttp::verb::head;
  request.target = std::move(*target);
  for (const auto& field : message) {
    request.headers.emplace_back(lower({field.name_string().data(), field.name_string().size()}),
                                 std::string(field.value().data(), field.value().size()));
  }
  request.body = std::move(message.body());
  return request;
}
}  // namespace

Connection::Connection(Socket socket, std::string peer, const ServerOptions& options, const Handler& handler,
                       Server::Poster post)
    : stream_(std::move(socket)),
      wake_(stream_.get_executor()),
      peer_(std::move(peer)),
      local_(peer_.empty()),
      options_(options),
      handler_(handler),
      post_(std::move(post)) {}

net::awaitable<void> Connection::run() {
  const auto self = shared_from_this();
  while (keep_alive_ && !stopping_) {
    phase_ = Phase::waiting;
    const bool something = co_await wait_for_request();
    if (!something) break;
    phase_ = Phase::busy;
    auto request = co_await read_request();
    if (!request) break;
    const bool head = request->head;
    const unsigned version = request->version;
    Response response = co_await ask(std::move(*request));
    const bool written = co_await write(std::move(response), head, version);
    if (!written) break;
  }
  cut();
}

// The idle time covers only silence: the header's own deadline begins with its first byte.
net::awaitable<bool> Connection::wait_for_request() {
  if (buffer_.size() > 0) co_return true;
  buffer_.shrink_to_fit();
  stream_.expires_after(options_.idle_timeout);
  auto [error, n] = co_await stream_.async_read_some(buffer_.prepare(1024), as_result);
  buffer_.commit(n);
  co_return !error;
}

net::awaitable<std::optional<Request>> Connection::read_request() {
  Parser parser;
  parser.header_limit(limits::http_header_bytes_max);
  parser.body_limit(limits::http_body_bytes_max);
  stream_.expires_after(options_.header_timeout);
  auto [header_error, header_bytes] = co_await bhttp::async_read_header(stream_, buffer_, parser, as_result);
  boost::system::error_code error = header_error;
  if (!error && !parser.is_done()) {
    if (parser.get()[bhttp::field::expect] == "100-continue") {
      const bool said = co_await write_text("HTTP/1.1 100 Continue\r\n\r\n");
      if (!said) co_return std::nullopt;
    }
    stream_.expires_after(options_.header_timeout);
    auto [body_error, body_bytes] = co_await bhttp::async_read(stream_, buffer_, parser, as_result);
    error = body_error;
  }
  if (error) {
    if (auto response = answer_to(error)) co_await refuse(std::move(*response));
    co_return std::nullopt;
  }
  auto message = parser.release();
  keep_alive_ = message.keep_alive();
  auto request = translate(message);
  if (!request) {
    co_await refuse(std::move(request.error()));
    co_return std::nullopt;
  }
  if (!local_ && !host_allowed(request->header("host"), options_.allowed_hosts)) {
    co_await refuse(
        problem(421, "This box isn't known under that name",
                "The request's Host is neither an address, localhost, a .local name nor an allowed one.",
                "Use the box's address, or add the name to allowed_hosts in [web] of alona.toml."));
    co_return std::nullopt;
  }
  request->version = message.version();
  request->peer = peer_;
  request->local = local_;
  co_return std::move(*request);
}

net::awaitable<Response> Connection::ask(Request request) {
  struct Pending {
    explicit Pending(const net::any_io_executor& executor) : wake(executor) {}
    net::steady_timer wake;
    std::optional<Response> response;
  };
  const auto pending = std::make_shared<Pending>(stream_.get_executor());
  pending->wake.expires_after(limits::http_answer_timeout);
  // Posted always: the call may come from any thread, from within the handler, or when all this has gone.
  Reply reply{[weak = std::weak_ptr(pending), post = post_](Response response) {
    post([weak, response = std::move(response)]() mutable {
      const auto waiting = weak.lock();
      if (!waiting) return;
      waiting->response = std::move(response);
      waiting->wake.cancel();
    });
  }};
  try {
    handler_(std::move(request), std::move(reply));
  } catch (const std::exception& thrown) {
    spdlog::error("a request failed: {}", thrown.what());
    pending->response = problem(500, "The box failed at this request", {}, "The journal says why.");
  }
  while (!pending->response) {
    auto [error] = co_await pending->wake.async_wait(as_result);
    if (!error && !pending->response) {
      co_return problem(504, "The box took too long to answer", {},
                        "Look whether it was done all the same, then try again.");
    }
  }
  co_return std::move(*pending->response);
}

net::awaitable<bool> Connection::write(Response response, bool head, unsigned version) {
  const bool endless = response.events || (response.stream && version < 11 && !response.length);
  if (endless || stopping_) keep_alive_ = false;
  const std::string text = head_text(response, {.version = version, .keep_alive = keep_alive_});
  const net::const_buffer body = response.fixed.empty()
                                     ? net::buffer(response.body)
                                     : net::const_buffer(response.fixed.data(), response.fixed.size());
  const bool bodyless = head || response.status == 204 || response.status == 304;
  std::array<net::const_buffer, 2> parts{net::buffer(text), bodyless ? net::const_buffer{} : body};
  stream_.expires_after(limits::http_write_timeout);
  auto [error, n] = co_await net::async_write(stream_, parts, as_result);
  if (head || error) {
    if (response.stream) response.stream->cancel();
    if (response.events) response.events->close();
    co_return !error;
  }
  if (response.stream) {
    const bool complete =
        co_await write_stream(std::move(response.stream), version >= 11 && !response.length);
    co_return complete;
  }
  if (response.events) {
    co_await write_events(std::move(response.events));
    co_return false;
  }
  co_return true;
}

net::awaitable<bool> Connection::write_stream(std::shared_ptr<BodyStream> stream, bool chunked) {
  body_ = stream;
  // The producer is another thread: it may only post.
  stream->on_news([weak = weak_from_this(), post = post_] {
    post([weak] {
      if (const auto self = weak.lock()) self->wake_.cancel();
    });
  });
  bool complete = false;
  for (bool going = true; going;) {
    BodyStream::Taken taken = stream->take();
    if (!taken.bytes.empty()) {
      std::string size = chunked ? fmt::format("{:x}\r\n", taken.bytes.size()) : std::string{};
      going = co_await write_text(size + taken.bytes + (chunked ? "\r\n" : ""));
    } else if (taken.ended) {
      complete = taken.complete;
      break;
    } else {
      wake_.expires_after(limits::http_answer_timeout);
      auto [error] = co_await wake_.async_wait(as_result);
      going = error && stream_.socket().is_open();  // no error: nothing came for all that time
    }
  }
  stream->cancel();
  body_.reset();
  if (complete && chunked) complete = co_await write_text("0\r\n\r\n");
  co_return complete;
}

net::awaitable<void> Connection::write_events(std::shared_ptr<EventStream> events) {
  phase_ = Phase::streaming;
  events_ = events;
  events->on_news([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    // Closed while a write hangs: the reader is too slow, and waiting for the write would serve nobody.
    if (self->events_ && self->events_->closed())
      self->cut();
    else
      self->wake_.cancel();
  });
  // A reader says nothing more: what can be read now is its end. Noticed at once, its place is free for the
  // next, such as the same page reloaded.
  stream_.socket().async_wait(Socket::wait_read,
                              [weak = weak_from_this()](const boost::system::error_code& error) {
                                const auto self = weak.lock();
                                if (error || !self || !self->events_) return;
                                self->events_->close();
                                self->cut();
                              });
  while (!events->closed() && !stopping_) {
    const auto frames = events->take();
    if (frames.empty()) {
      wake_.expires_at(net::steady_timer::time_point::max());
      co_await wake_.async_wait(as_result);
      continue;
    }
    std::string text;
    for (const auto& frame : frames) text += *frame;
    const bool written = co_await write_text(std::move(text));
    if (!written) break;
  }
  events->on_news(nullptr);
  events->close();
  events_.reset();
}

net::awaitable<bool> Connection::write_text(std::string text) {
  stream_.expires_after(limits::http_write_timeout);
  auto [error, n] = co_await net::async_write(stream_, net::buffer(text), as_result);
  co_return !error;
}

// The answer to what can't be read on. Closing with bytes unread would reset the connection and take the
// answer away, so what the client still sends is read and dropped for a moment.
net::awaitable<void> Connection::refuse(Response response) {
  keep_alive_ = false;
  const bool written = co_await write(std::move(response), false, 11);
  if (!written) co_return;
  boost::system::error_code ignored;
  stream_.socket().shutdown(net::socket_base::shutdown_send, ignored);
  stream_.expires_after(std::chrono::seconds(1));
  buffer_.clear();
  for (std::size_t dropped = 0; dropped < 4 * limits::http_body_bytes_max;) {
    auto [error, n] = co_await stream_.async_read_some(buffer_.prepare(4096), as_result);
    if (error) break;
    dropped += n;
  }
}

void Connection::stop() {
  stopping_ = true;
  if (phase_ == Phase::waiting) cut();
  if (events_) events_->close();
}

void Connection::cut() {
  boost::system::error_code ignored;
  stream_.socket().close(ignored);
  if (body_) body_->cancel();
  wake_.cancel();
}

}  // namespace alona::http
