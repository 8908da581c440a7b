// What the consumers of a benchmark share: connect, subscribe with a session that the broker keeps, take so
// many messages one by one, report. For bench/ only; a failure ends the program.
#pragma once

#include <fmt/format.h>
#include <mosquitto.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>

namespace alona::bench {

struct Login {
  std::uint16_t port = 0;
  std::string user, password;
};

inline void must(int code, const char* what) {
  if (code != MOSQ_ERR_SUCCESS)
    throw std::runtime_error(fmt::format("{}: {}", what, mosquitto_strerror(code)));
}

// PROGRAM PORT USER PASSWORD …
inline Login login_of(char** argv) {
  return {static_cast<std::uint16_t>(std::atoi(argv[1])), argv[2], argv[3]};
}

inline std::uint64_t bytes_written() {
  std::ifstream io{"/proc/self/io"};
  for (std::string key, value; io >> key >> value;) {
    if (key == "write_bytes:") return std::stoull(value);
  }
  throw std::runtime_error("/proc/self/io has no write_bytes");
}

inline double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

// Takes messages through libmosquitto's own loop, which acknowledges each as it comes.
class Consumer {
 public:
  using Take = std::function<void(const mosquitto_message&)>;

  // `wanted` 0: only subscribes, so that the broker keeps what comes from now on.
  Consumer(const Login& login, std::uint64_t wanted, Take take) : wanted_(wanted), take_(std::move(take)) {
    mosquitto_lib_init();
    client_ = mosquitto_new(login.user.c_str(), false, this);
    if (client_ == nullptr) throw std::runtime_error("no MQTT client");
    must(mosquitto_username_pw_set(client_, login.user.c_str(), login.password.c_str()), "login");
    must(mosquitto_int_option(client_, MOSQ_OPT_TCP_NODELAY, 1), "TCP_NODELAY");
    mosquitto_message_callback_set(client_, [](mosquitto*, void* self, const mosquitto_message* message) {
      static_cast<Consumer*>(self)->message(*message);
    });
    mosquitto_subscribe_callback_set(client_, [](mosquitto*, void* self, int, int, const int*) {
      static_cast<Consumer*>(self)->subscribed_ = true;
    });
    must(mosquitto_connect(client_, "127.0.0.1", login.port, 60), "connect");
    must(mosquitto_subscribe(client_, nullptr, "alona/+/telemetry/+", 1), "subscribe");
  }
  ~Consumer() { mosquitto_destroy(client_); }
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  void run() {
    while (!subscribed_ || taken_ < wanted_) must(mosquitto_loop(client_, 1000, 1), "loop");
    const double took = std::chrono::duration<double>(last_ - first_).count();
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    fmt::print(R"({{"messages":{},"seconds":{},"cpu_seconds":{},"rss_kib":{},"write_bytes":{}}})"
               "\n",
               taken_, took, seconds(used.ru_utime) + seconds(used.ru_stime), used.ru_maxrss,
               bytes_written());
    // The last PUBACK goes out before the goodbye.
    mosquitto_disconnect(client_);
    while (mosquitto_loop(client_, 100, 1) == MOSQ_ERR_SUCCESS) {
    }
  }

 private:
  void message(const mosquitto_message& message) {
    if (taken_ == 0) first_ = std::chrono::steady_clock::now();
    take_(message);
    if (++taken_ == wanted_) last_ = std::chrono::steady_clock::now();
  }

  mosquitto* client_ = nullptr;
  std::uint64_t wanted_;
  std::uint64_t taken_ = 0;
  bool subscribed_ = false;
  Take take_;
  std::chrono::steady_clock::time_point first_, last_;
};

}  // namespace alona::bench
