#include "http/unix_client.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

#include "base/fd.h"
#include "base/limits.h"
#include "http/beast.h"
#include "http/unix_socket.h"

namespace alona::http {
namespace {
namespace bhttp = beast::http;
using SteadyClock = std::chrono::steady_clock;
using Parser = bhttp::response_parser<bhttp::string_body>;

std::unexpected<Error> silent() {
  return fail(Errc::outcome_unknown, "the core doesn't answer in time",
              "Try again; if it stays so: `systemctl status alona-core`.");
}

std::unexpected<Error> broken() {
  return fail(Errc::closed, "the core ended the connection before its answer was whole",
              "see the journal: journalctl -u alona-core");
}

Result<void> wait_for(int fd, short events, SteadyClock::time_point deadline) {
  const auto left = std::chrono::duration_cast<Ms>(deadline - SteadyClock::now()).count();
  pollfd one{fd, events, 0};
  const int ready = poll(&one, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
  if (ready > 0) return {};
  if (ready < 0 && errno == EINTR) return wait_for(fd, events, deadline);
  return silent();
}

Result<void> send_all(int fd, std::string_view text, SteadyClock::time_point deadline) {
  while (!text.empty()) {
    if (auto ready = wait_for(fd, POLLOUT, deadline); !ready) return ready;
    const auto n = send(fd, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (n < 0) return broken();
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

// Some bytes into `buffer`; 0 at the end.
Result<std::size_t> receive_some(int fd, beast::flat_buffer& buffer, SteadyClock::time_point deadline) {
  for (;;) {
    if (auto ready = wait_for(fd, POLLIN, deadline); !ready) return std::unexpected(ready.error());
    const auto space = buffer.prepare(16 * 1024);
    const auto n = recv(fd, space.data(), space.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (n < 0) return broken();
    buffer.commit(static_cast<std::size_t>(n));
    return static_cast<std::size_t>(n);
  }
}

using Progress = std::function<Result<bool>(Parser&)>;  // false: enough

// Feeds the parser until the answer is whole or `progress`, called after each piece, has enough.
Result<void> receive(int fd, Parser& parser, Ms timeout, bool each_wait, const Progress& progress) {
  beast::flat_buffer buffer;
  auto deadline = SteadyClock::now() + timeout;
  while (!parser.is_done()) {
    if (each_wait) deadline = SteadyClock::now() + timeout;
    const auto n = receive_some(fd, buffer, deadline);
    if (!n) return std::unexpected(n.error());
    boost::system::error_code error;
    if (*n == 0) {
      // To Beast, an end before the first byte is a whole answer: 200 and empty.
      if (!parser.got_some()) return broken();
      parser.put_eof(error);
      if (error || !parser.is_done()) return broken();
      return {};
    }
    while (buffer.size() > 0 && !parser.is_done()) {
      const auto used = parser.put(buffer.data(), error);
      buffer.consume(used);
      if (error == bhttp::error::need_more) break;
      if (error) return fail(Errc::failed, "the core's answer isn't understood: " + error.message());
      if (used == 0) break;
    }
    const auto more = progress(parser);
    if (!more) return std::unexpected(more.error());
    if (!*more) return {};
  }
  return {};
}

std::string request_text(std::string_view method, std::string_view target, std::string_view body,
                         std::string_view host = "localhost") {
  std::string text = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", method, target, host);
  if (!body.empty())
    text += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", body.size());
  return text += fmt::format("\r\n{}", body);
}

ClientResponse facts(const Parser& parser) {
  const auto type = parser.get()[bhttp::field::content_type];
  return {static_cast<int>(parser.get().result_int()), std::string(type.data(), type.size()), {}};
}

Result<ClientResponse> talk(int socket, const std::string& request, Ms timeout, bool each_wait,
                            const Progress& progress) {
  if (auto sent = send_all(socket, request, SteadyClock::now() + timeout); !sent) {
    return std::unexpected(sent.error());
  }
  Parser parser;
  parser.eager(true);
  parser.body_limit(each_wait ? boost::optional<std::uint64_t>{}
                              : boost::optional<std::uint64_t>{limits::answer_bytes_max});
  if (auto done = receive(socket, parser, timeout, each_wait, progress); !done) {
    return std::unexpected(done.error());
  }
  ClientResponse response = facts(parser);
  response.body = std::move(parser.get().body());
  return response;
}

Result<ClientResponse> talk(const std::filesystem::path& path, const std::string& request, Ms timeout,
                            bool each_wait, const Progress& progress) {
  const auto connected = connect_unix(path);
  if (!connected) return std::unexpected(connected.error());
  const Fd socket{*connected};
  return talk(socket.get(), request, timeout, each_wait, progress);
}

Result<bool> all_of_it(Parser&) { return true; }
}  // namespace

Result<ClientResponse> unix_request(const std::filesystem::path& socket_path, std::string_view method,
                                    std::string_view target, std::string_view body, Ms timeout) {
  return talk(socket_path, request_text(method, target, body), timeout, false, all_of_it);
}

Result<ClientResponse> get_on(int socket, std::string_view host, std::string_view target, Ms timeout) {
  return talk(socket, request_text("GET", target, {}, host), timeout, false, all_of_it);
}

Result<ClientResponse> unix_stream(const std::filesystem::path& socket_path, std::string_view target,
                                   const std::function<bool(std::string_view)>& sink, Ms timeout) {
  return talk(socket_path, request_text("GET", target, {}), timeout, true,
              [&](Parser& parser) -> Result<bool> {
                if (!parser.is_header_done() || parser.get().result_int() != 200) return true;
                const std::string piece = std::exchange(parser.get().body(), {});
                return piece.empty() || sink(piece);
              });
}

}  // namespace alona::http
