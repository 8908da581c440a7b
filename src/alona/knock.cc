#include "alona/knock.h"

#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>

#include "http/unix_client.h"

namespace alona {
namespace {

using Deadline = std::chrono::steady_clock::time_point;

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&&) = delete;
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

bool wait_for(int fd, short what, Deadline deadline) {
  const auto left = std::chrono::ceil<Ms>(deadline - std::chrono::steady_clock::now());
  pollfd waiting{fd, what, 0};
  return left > Ms{0} && ::poll(&waiting, 1, static_cast<int>(left.count())) == 1;
}

std::unexpected<Error> nobody(const std::string& host, std::uint16_t port, int error) {
  return fail(Errc::temporary,
              fmt::format("nobody answers at {}:{}: {}", host, port, std::generic_category().message(error)));
}

Result<Socket> connect(const std::string& host, std::uint16_t port, Deadline deadline) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list) != 0)
    return fail(Errc::temporary, fmt::format("{} has no address", host));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> all{list, ::freeaddrinfo};
  Socket socket{::socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (socket.get() < 0) return nobody(host, port, errno);
  if (::connect(socket.get(), list->ai_addr, list->ai_addrlen) == 0) return socket;
  if (errno != EINPROGRESS) return nobody(host, port, errno);
  if (!wait_for(socket.get(), POLLOUT, deadline)) return nobody(host, port, ETIMEDOUT);
  int failure = 0;
  socklen_t size = sizeof failure;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &failure, &size) != 0) failure = errno;
  if (failure != 0) return nobody(host, port, failure);
  return socket;
}

}  // namespace

Result<void> knock(const std::string& host, std::uint16_t port, Ms patience) {
  const auto connected = connect(host, port, std::chrono::steady_clock::now() + patience);
  if (!connected) return std::unexpected(connected.error());
  return {};
}

Result<int> visit(const std::string& host, std::uint16_t port, const std::string& target, Ms patience) {
  const auto socket = connect(host, port, std::chrono::steady_clock::now() + patience);
  if (!socket) return std::unexpected(socket.error());
  const bool six = host.find(':') != std::string::npos;
  const auto answer = http::get_on(
      socket->get(), fmt::format("{}{}{}:{}", six ? "[" : "", host, six ? "]" : "", port), target, patience);
  if (!answer) return std::unexpected(answer.error());
  return answer->status;
}

}  // namespace alona
