#include "ops/lan.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <string_view>
#include <thread>

namespace alona::ops {
namespace {

// Says one thing to whoever asks, as avahi-daemon would, and keeps what it was asked.
class Avahi {
 public:
  Avahi(std::string says, std::string& question)
      : folder_(::mkdtemp(name_)), fd_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    EXPECT_GE(fd_, 0);
    if (fd_ < 0) return;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = socket().string();
    std::memcpy(address.sun_path, path.c_str(), path.size());
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(fd_, 1), 0);
    answering_ = std::thread{[this, says = std::move(says), &question] {
      const int one = ::accept(fd_, nullptr, nullptr);
      if (one < 0) return;
      char asked[256];
      const ssize_t n = ::read(one, asked, sizeof asked);
      if (n > 0) question.assign(asked, static_cast<std::size_t>(n));
      // Who has read enough hangs up, and the rest of a long answer stays unsent.
      for (std::string_view rest = says; !rest.empty();) {
        const ssize_t sent = ::send(one, rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent < 0) break;
        rest.remove_prefix(static_cast<std::size_t>(sent));
      }
      ::shutdown(one, SHUT_WR);
      while (::read(one, asked, sizeof asked) > 0) {
      }
      ::close(one);
    }};
  }
  ~Avahi() {
    if (answering_.joinable()) answering_.join();
    ::close(fd_);
    std::filesystem::remove_all(folder_);
  }
  [[nodiscard]] std::filesystem::path socket() const { return folder_ / "socket"; }

 private:
  char name_[32] = "/tmp/alona-avahi-XXXXXX";
  std::filesystem::path folder_;
  int fd_;
  std::thread answering_;
};

std::string name_when_told(const std::string& says) {
  std::string name;
  std::string question;
  {
    Avahi avahi{says, question};
    name = name_of_address("192.168.1.2", avahi.socket(), Ms{5'000});
  }
  EXPECT_EQ(question, "RESOLVE-ADDRESS 192.168.1.2\n");
  return name;
}

TEST(Lan, the_name_is_the_one_that_avahi_has_after_a_conflict) {
  EXPECT_EQ(name_when_told("+ 2 0 192.168.1.2 alona.local\n"), "alona.local");
  EXPECT_EQ(name_when_told("+ 2 0 192.168.1.2 alona-2.local\r\nmore"), "alona-2.local");
}

TEST(Lan, whatever_else_is_said_is_no_name) {
  for (const char* odd :
       {"", "- 15 Timeout reached\n", "+ 2 0 192.168.1.2 evil\n", "+ 2 0 192.168.1.2 a\033[2Jb.local\n",
        "+ 2 0 192.168.1.2 \"x\".local\n", "+ 2 0 192.168.1.2 alona.local", "\n"}) {
    EXPECT_EQ(name_when_told(odd), "") << odd;
  }
  EXPECT_EQ(name_when_told(std::string(100'000, 'x')), "");
}

TEST(Lan, nobody_there) {
  EXPECT_EQ(name_of_address("192.168.1.2", "/nowhere/socket", Ms{5'000}), "");
  EXPECT_EQ(name_of_address("192.168.1.2", "/" + std::string(300, 'x'), Ms{5'000}), "");
}

}  // namespace
}  // namespace alona::ops
