// Publishes readings as simple nodes do: one a message, QoS 1, without boot and seq.
//   publisher PORT USER PASSWORD MESSAGES SERIES RATE [AGO]
// RATE: messages a second; 0: as fast as the broker takes them, with times one second apart in each series up
// to now, or to so many seconds ago.
#include <fmt/format.h>
#include <mosquitto.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {
using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

struct Kind {
  const char *sensor, *unit;
  double start, step;
  int decimals;
};
constexpr auto kinds = std::to_array<Kind>({{"temperature", "°C", 18, 0.05, 2},
                                            {"humidity", "%", 55, 0.2, 1},
                                            {"pressure", "hPa", 1013, 0.1, 1},
                                            {"co2", "ppm", 600, 5, 0},
                                            {"battery", "V", 3.9, 0.002, 3},
                                            {"soil_moisture", "%", 31, 0.1, 1},
                                            {"light", "lx", 400, 10, 0},
                                            {"rssi", "dBm", -61, 1, 0}});
constexpr std::size_t on_the_way_max = 1000;

struct Series {
  std::string topic;
  const Kind* kind;
  double value;
};

std::vector<Series> make_series(std::size_t n) {
  std::vector<Series> all;
  for (std::size_t i = 0; i < n; ++i) {
    const Kind& kind = kinds[i % kinds.size()];
    all.push_back(
        {fmt::format("alona/bench-{}/telemetry/{}", i / kinds.size(), kind.sensor), &kind, kind.start});
  }
  return all;
}

double now_s() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

class Publisher {
 public:
  Publisher(std::uint16_t port, const char* user, const char* password) {
    mosquitto_lib_init();
    client_ = mosquitto_new(user, true, this);
    mosquitto_username_pw_set(client_, user, password);
    mosquitto_int_option(client_, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_int_option(client_, MOSQ_OPT_SEND_MAXIMUM, on_the_way_max);
    mosquitto_publish_callback_set(
        client_, [](mosquitto*, void* self, int) { --static_cast<Publisher*>(self)->on_the_way_; });
    mosquitto_connect_callback_set(client_, [](mosquitto*, void* self, int code) {
      static_cast<Publisher*>(self)->connected_ = code == 0;
    });
    check(mosquitto_connect(client_, "127.0.0.1", port, 60));
    while (!connected_) turn(100ms);
  }
  ~Publisher() {
    mosquitto_disconnect(client_);
    mosquitto_destroy(client_);
  }
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  void publish(const Series& series, double ts) {
    const std::string payload =
        fmt::format(R"({{"v":1,"sensor":"{}","value":{:.{}f},"unit":"{}","ts":{:.3f}}})", series.kind->sensor,
                    series.value, series.kind->decimals, series.kind->unit, ts);
    check(mosquitto_publish(client_, nullptr, series.topic.c_str(), static_cast<int>(payload.size()),
                            payload.data(), 1, false));
    ++on_the_way_;
    while (on_the_way_ >= on_the_way_max) turn(100ms);
  }
  void turn(std::chrono::milliseconds wait) {
    check(mosquitto_loop(client_, static_cast<int>(wait.count()), 1));
  }
  void finish() {
    while (on_the_way_ > 0) turn(100ms);
  }

 private:
  static void check(int code) {
    if (code != MOSQ_ERR_SUCCESS) throw std::runtime_error(mosquitto_strerror(code));
  }
  mosquitto* client_ = nullptr;
  bool connected_ = false;
  std::size_t on_the_way_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7 && argc != 8) return 2;
  const std::size_t messages = std::stoull(argv[4]);
  std::vector<Series> series = make_series(std::stoull(argv[5]));
  const double rate = std::stod(argv[6]);
  Publisher publisher{static_cast<std::uint16_t>(std::atoi(argv[1])), argv[2], argv[3]};
  std::mt19937 random{1};  // the same load every time
  std::normal_distribution<double> step;
  const double ago = argc == 8 ? std::stod(argv[7]) : 0;
  const double start = now_s() - ago - static_cast<double>(messages / series.size());
  const auto begin = SteadyClock::now();
  for (std::size_t i = 0; i < messages; ++i) {
    Series& one = series[i % series.size()];
    one.value += one.kind->step * step(random);
    if (rate > 0) {
      const auto at = begin + std::chrono::duration<double>(static_cast<double>(i) / rate);
      while (SteadyClock::now() < at) {
        publisher.turn(std::chrono::ceil<std::chrono::milliseconds>(at - SteadyClock::now()));
      }
    }
    publisher.publish(one, rate > 0 ? now_s()
                                    : start + static_cast<double>(i / series.size()) +
                                          static_cast<double>(i % series.size()) * 0.004);
  }
  publisher.finish();
}
