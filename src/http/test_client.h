// A raw client for tests: bytes out, bytes in, every wait bounded. Says nothing for us, so that a test can
// say it wrong.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace alona::http {

class TestClient {
 public:
  explicit TestClient(std::uint16_t port, const char* from = "127.0.0.1") {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    inet_pton(AF_INET, from, &address.sin_addr);
    (void)bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    address.sin_port = htons(port);
    connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  TestClient(TestClient&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_), seen_(std::move(other.seen_)) {}
  TestClient(const TestClient&) = delete;
  ~TestClient() {
    if (fd_ >= 0) close(fd_);
  }

  [[nodiscard]] bool connected() const { return connected_; }
  bool say(std::string_view text) {
    while (!text.empty()) {
      const auto n = send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  // More bytes; false at the end of the connection or after ten seconds of silence.
  bool hear() {
    pollfd one{fd_, POLLIN, 0};
    if (poll(&one, 1, 10'000) != 1) return timed_out_ = true, false;
    char piece[16384];
    const auto n = recv(fd_, piece, sizeof piece, 0);
    if (n <= 0) return false;
    seen_.append(piece, static_cast<std::size_t>(n));
    return true;
  }
  // Everything up to and including `mark`, taken off; all there is when the connection ends before.
  std::string until(std::string_view mark) {
    std::size_t at = 0;
    while ((at = seen_.find(mark)) == std::string::npos) {
      if (!hear()) return std::exchange(seen_, {});
    }
    std::string taken = seen_.substr(0, at + mark.size());
    seen_.erase(0, at + mark.size());
    return taken;
  }
  std::string all() {
    while (hear()) {
    }
    return std::exchange(seen_, {});
  }
  // One answer with Content-Length or without a body: head and body.
  std::string answer() {
    std::string head = until("\r\n\r\n");
    const auto at = head.find("Content-Length: ");
    if (at == std::string::npos) return head;
    const std::size_t length = std::stoul(head.substr(at + 16));
    while (seen_.size() < length && hear()) {
    }
    head += seen_.substr(0, length);
    seen_.erase(0, std::min(length, seen_.size()));
    return head;
  }
  // True when the server has closed, false when it still holds the connection after ten seconds.
  bool ended() { return all(), !timed_out_; }
  [[nodiscard]] bool timed_out() const { return timed_out_; }

 private:
  int fd_ = -1;
  bool connected_ = false, timed_out_ = false;
  std::string seen_;
};

inline int status_of(std::string_view answer) {
  return answer.size() > 12 && answer.starts_with("HTTP/1.1 ") ? std::stoi(std::string(answer.substr(9, 3)))
                                                               : 0;
}

}  // namespace alona::http
