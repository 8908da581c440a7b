// A private Mosquitto for tests: on a free loopback port, in a folder of its own, ended with the test
// whatever happens.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace alona::mqtt::testing {

// Free at the time of asking.
inline std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw std::runtime_error("no socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(fd);
  if (!bound) throw std::runtime_error("no free port on 127.0.0.1");
  return ntohs(address.sin_port);
}

class TestBroker {
 public:
  struct Setup {
    std::string config;                                      // further lines, for instance "persistence true"
    std::vector<std::pair<std::string, std::string>> users;  // none: everybody may come
  };

  explicit TestBroker(const Setup& setup = {}) {
    char name[] = "/tmp/alona-broker-XXXXXX";
    if (::mkdtemp(name) == nullptr) throw std::runtime_error("no folder for the test broker");
    folder_ = name;
    for (const auto& [user, password] : setup.users) add_user(user, password);
    port_ = free_port();
    // "user root": started by root it would else become another user and not reach its folder. Others ignore
    // it.
    std::ofstream(folder_ / "mosquitto.conf")
        << "user root\nset_tcp_nodelay true\nlistener " << port_ << " 127.0.0.1\nallow_anonymous "
        << (setup.users.empty() ? "true" : "false")
        << (setup.users.empty() ? "" : "\npassword_file " + (folder_ / "passwords").string())
        << "\nlog_dest stderr\nlog_type error\nlog_type warning\nlog_type information\nmax_inflight_messages "
           "1000\n"
        << "max_queued_messages 20000\nmax_packet_size 20000\npersistence_location " << folder_.string()
        << "/\n"
        << setup.config << "\n";
    start();
  }
  ~TestBroker() {
    stop(SIGKILL);
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  TestBroker(const TestBroker&) = delete;
  TestBroker& operator=(const TestBroker&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

  // Again on the same port. Returns once it listens. Call it in a thread that outlives the broker: the kernel
  // ends the broker together with the thread that started it.
  void start() {
    int out[2];
    if (::pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("no pipe for the test broker");
    const std::string config = (folder_ / "mosquitto.conf").string();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that dies takes its broker along
      ::dup2(out[1], STDERR_FILENO);
      ::execl("/usr/sbin/mosquitto", "mosquitto", "-c", config.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(out[1]);
    wait_until_running(out[0]);
    ::close(out[0]);  // Mosquitto ignores SIGPIPE
  }

  void stop(int signal = SIGTERM) {
    if (pid_ <= 0) return;
    ::kill(pid_, signal);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  static void wait_until_running(int fd) {
    std::string log;
    char piece[512];
    while (log.find(" running") == std::string::npos) {
      pollfd waiting{fd, POLLIN, 0};
      const ssize_t got = ::poll(&waiting, 1, 10'000) > 0 ? ::read(fd, piece, sizeof piece) : 0;
      if (got <= 0) throw std::runtime_error("the test broker does not start: " + log);
      log.append(piece, static_cast<std::size_t>(got));
    }
  }

  void add_user(const std::string& user, const std::string& password) {
    const std::string file = (folder_ / "passwords").string();
    std::ofstream(file, std::ios::app).flush();
    const pid_t child = ::fork();
    if (child == 0) {
      ::execlp("mosquitto_passwd", "mosquitto_passwd", "-b", file.c_str(), user.c_str(), password.c_str(),
               nullptr);
      ::_exit(127);
    }
    int status = 0;
    if (::waitpid(child, &status, 0) != child || status != 0)
      throw std::runtime_error("mosquitto_passwd failed");
  }

  std::filesystem::path folder_;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace alona::mqtt::testing
