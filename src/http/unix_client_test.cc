// The command line's client against a core that dies on it.
#include "http/unix_client.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "http/unix_socket.h"

namespace alona::http {
namespace {

using namespace std::chrono_literals;

// Takes one connection, reads what comes, says `answer` and goes.
class DyingCore {
 public:
  explicit DyingCore(std::string answer) {
    folder_ = mkdtemp(name_);
    const auto listening = listen_unix(path());
    EXPECT_TRUE(listening);
    fd_ = listening.value_or(-1);
    thread_ = std::thread{[this, answer = std::move(answer)] {
      const int one = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
      std::array<char, 4096> request{};
      (void)::recv(one, request.data(), request.size(), 0);
      (void)::send(one, answer.data(), answer.size(), MSG_NOSIGNAL);
      ::close(one);
    }};
  }
  ~DyingCore() {
    thread_.join();
    ::close(fd_);
    std::filesystem::remove_all(folder_);
  }
  DyingCore(const DyingCore&) = delete;
  DyingCore& operator=(const DyingCore&) = delete;
  [[nodiscard]] std::filesystem::path path() const { return folder_ / "core.sock"; }

 private:
  char name_[32] = "/tmp/alona-client-XXXXXX";
  std::filesystem::path folder_;
  int fd_ = -1;
  std::thread thread_;
};

TEST(UnixClient, no_answer_and_half_an_answer_are_no_success) {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
  for (const auto& answer : {std::string{}, std::string{"HTTP/1.1 2"}, head, head + "1234"}) {
    DyingCore core{answer};
    const auto got = unix_request(core.path(), "POST", "/x", "body", 5s);
    ASSERT_FALSE(got) << "taken for whole: '" << answer << "'";
    EXPECT_EQ(got.error().code, Errc::closed);
  }
  DyingCore core{head + "12345"};
  EXPECT_EQ(unix_request(core.path(), "POST", "/x", "body", 5s)->body, "12345");
}

}  // namespace
}  // namespace alona::http
