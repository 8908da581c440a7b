// What a house's sensors say, for databases that benchmarks make: eight kinds of slow values with the noise
// and the places of real sensors, and the times of three kinds of nodes. Everything follows from the seed.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace alona::bench {

// SplitMix64: enough for noise, and a billion values cost seconds.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t bits() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
  }
  double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }
  // Near enough to normal: four times 16 bits summed up.
  double normal() {
    const std::uint64_t b = bits();
    const auto sum = static_cast<double>((b & 0xFFFF) + (b >> 16 & 0xFFFF) + (b >> 32 & 0xFFFF) + (b >> 48));
    return (sum / 65536 - 2) * std::numbers::sqrt3;
  }

 private:
  std::uint64_t state_;
};

struct Kind {
  const char *sensor, *unit;
  double mean, day, season;   // half of the swing over a day and over a year
  double wander, wander_max;  // of weather and people: its step a minute, and how far it goes
  double noise;               // of the sensor
  double places;              // 10 for tenths
  double rises;               // a counter: by so much a minute at most, and never falls
};

// Temperature and humidity as an SHT31 says them through a driver that rounds to tenths, pressure of a BMP280
// in tenths, CO2 of an MH-Z19 or SCD30 in whole ppm, a lithium cell in hundredths, soil in whole percent, an
// electricity meter in Wh, the Wi-Fi's strength in whole dBm.
inline constexpr auto kinds = std::to_array<Kind>({
    {"temperature", "°C", 19, 2.5, 6, 0.012, 3, 0.05, 10, 0},
    {"humidity", "%", 52, 6, 9, 0.05, 12, 0.2, 10, 0},
    {"pressure", "hPa", 1013, 0.4, 2, 0.02, 22, 0.04, 10, 0},
    {"co2", "ppm", 620, 120, 40, 3, 300, 5, 1, 0},
    {"battery", "V", 3.9, 0.06, 0.1, 0.0003, 0.1, 0.004, 100, 0},
    {"soil_moisture", "%", 34, 1, 10, 0.02, 15, 0.2, 1, 0},
    {"energy", "kWh", 1234.5, 0, 0, 0, 0, 0, 1000, 0.03},
    {"rssi", "dBm", -63, 1, 2, 0.05, 6, 1.2, 1, 0},
});

enum class Clock {
  whole_seconds,  // as shared data of a real room has it: one time in four a second early
  steady,         // a node's loop that looks every 10 ms whether it is time
  received        // a bare number, timed by its receipt: a clock that drifts, and the Wi-Fi's delay
};

// One node's times; the sensors of a node share them.
class NodeClock {
 public:
  NodeClock(Clock kind, std::uint64_t seed, std::int64_t start, std::int64_t interval)
      : kind_(kind),
        random_(seed),
        due_(static_cast<double>(start)),
        interval_(static_cast<double>(interval)) {
    due_ += std::floor(random_.uniform() * interval_);
    if (kind == Clock::received) interval_ *= 1 + 40e-6 * (random_.uniform() - 0.5);
  }
  std::int64_t next() {
    const double due = due_;
    due_ += interval_;
    double late = 0;
    switch (kind_) {
      case Clock::whole_seconds:
        return 1000 * (static_cast<std::int64_t>(due / 1000) - (random_.uniform() < 0.28 ? 1 : 0));
      case Clock::steady:
        late = 10 * random_.uniform();
        break;
      case Clock::received:
        late = 3 - 8 * std::log(1 - random_.uniform());
        break;
    }
    return static_cast<std::int64_t>(due + late);
  }

 private:
  Clock kind_;
  Random random_;
  double due_, interval_;
};

class Sensor {
 public:
  Sensor(const Kind& kind, std::uint64_t seed) : kind_(kind), random_(seed) {
    total_ = kind.mean + std::floor(1000 * random_.uniform());
    offset_ = kind.day * (random_.uniform() - 0.5);
  }
  double value(std::int64_t ts) {
    constexpr double day = 86'400'000, year = 365.25 * day;
    const auto t = static_cast<double>(ts);
    if (kind_.rises > 0) {
      if (random_.uniform() < 0.02) load_ = random_.uniform() * random_.uniform();
      total_ += kind_.rises * (0.05 + load_) * (0.95 + 0.1 * random_.uniform());
      return rounded(total_);
    }
    wander_ += kind_.wander * random_.normal() - wander_ * kind_.wander / (kind_.wander_max * 20);
    return rounded(kind_.mean + offset_ + kind_.day * std::sin(2 * std::numbers::pi * (t / day - 0.4)) +
                   kind_.season * std::sin(2 * std::numbers::pi * (t / year - 0.3)) + wander_ +
                   kind_.noise * random_.normal());
  }

 private:
  [[nodiscard]] double rounded(double v) const { return std::round(v * kind_.places) / kind_.places; }
  const Kind& kind_;
  Random random_;
  double total_ = 0, offset_ = 0, wander_ = 0, load_ = 0.1;
};

}  // namespace alona::bench
