// The HTTP/1.1 server: one thread, one loop, every wait with an end. It reads requests within limits, refuses
// what is malformed or comes under a stranger's host name, hands the rest to one handler and writes what that
// answers, with the security headers that every answer carries. A bad request costs its connection, never the
// server.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/limits.h"
#include "base/time.h"
#include "http/message.h"

namespace alona::http {

// The one answer to one request. Copies share it; the first call counts, from any thread. When the last copy
// goes without a call, the client gets a 500.
class Reply {
 public:
  explicit Reply(std::function<void(Response)> send);
  void operator()(Response response) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// Runs on the server's thread and must not block.
using Handler = std::function<void(Request, Reply)>;

struct ServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  // 0: a free one, see port()
  std::filesystem::path
      unix_socket;  // empty: none. Mode 0660; root, our own user and the socket's group may speak
  std::vector<std::string> allowed_hosts;
  Ms header_timeout = limits::http_header_timeout;
  Ms idle_timeout = limits::http_idle_timeout;
};

class Server {
 public:
  // Listens, so that a busy port is known at once, but serves nothing before run().
  // failed: names the port and what to do; refused: the Unix socket is another running core's.
  [[nodiscard]] static Result<std::unique_ptr<Server>> listen(ServerOptions options, Handler handler);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Serves until stop(). The calling thread is the server's thread.
  void run();
  // Any thread, any number of times. Ends live streams and idle connections at once, gives answers under way
  // limits::http_stop_grace, then cuts.
  void stop();

  // Any thread: runs `work` on the server's thread; dropped once the server has stopped. The poster may
  // outlive the server.
  using Poster = std::function<void(std::function<void()>)>;
  [[nodiscard]] Poster poster() const;
  // Before run() or on its thread: calls `work` again and again until the server stops.
  void every(Ms interval, std::function<void()> work);

  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] std::size_t connections() const;  // the server's thread

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace alona::http
