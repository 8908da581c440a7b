// Physical models, simple but of the right shape: a day and a season in everything, counters that only rise,
// a well that falls while its pump runs and recovers slowly, a battery between sun and load.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>

#include "sim/source.h"

namespace alona::sim {
namespace {

constexpr std::int64_t day_ms = 86'400'000;
constexpr double year_days = 365.25;

// As a real sensor's driver says it: few decimals.
double rounded(double value, double step) { return std::round(value / step) * step; }
double decimals(double value, int places) {
  const double scale = std::pow(10, places);
  return std::round(value * scale) / scale;
}

// 0 at night, 1 at a clear noon; shorter and lower in winter (northern).
double sun(std::int64_t ts_ms) {
  const double day = static_cast<double>(ts_ms % day_ms) / static_cast<double>(day_ms);
  const double season = std::cos(
      2 * std::numbers::pi * (static_cast<double>(ts_ms) / static_cast<double>(day_ms) - 172) / year_days);
  return std::max(0.0, std::sin(2 * std::numbers::pi * (day - 0.25)) * 0.8 + season * 0.2);
}
double outside_c(std::int64_t ts_ms) {
  const double days = static_cast<double>(ts_ms) / static_cast<double>(day_ms);
  const double season = std::cos(2 * std::numbers::pi * (days - 200) / year_days);
  const double hour = std::cos(2 * std::numbers::pi * (days - std::floor(days) - 0.62));
  return 9 + 11 * season + 4.5 * hour;
}

class Model : public Source {
 public:
  Model(const SimOptions& options, std::size_t index, UtcMs start, std::int64_t every_ms)
      : random_(options.seed * 1'000'003 + index), every_ms_(every_ms) {
    if (options.rate > 0) every_ms_ = std::max<std::int64_t>(1, std::llround(1000 / options.rate));
    // Spread over the interval, for no two nodes of a house measure in the same instant.
    row_.ts_ms = count(start) + (options.speed == 0 ? 0
                                                    : every_ms_ * static_cast<std::int64_t>(index) /
                                                          static_cast<std::int64_t>(options.nodes));
    if (options.duration_s > 0) end_ms_ = count(start) + std::llround(options.duration_s * 1000);
    if (options.messages > 0)
      readings_left_ = options.messages / options.nodes + (index < options.messages % options.nodes ? 1 : 0);
  }
  const std::vector<Column>& columns() const override { return columns_; }
  const Row* peek() override {
    if (row_.ts_ms >= end_ms_ || readings_left_ == 0) return nullptr;
    if (!made_) {
      row_.event.clear();
      make(row_);
      if (row_.values.size() > readings_left_) row_.values.resize(readings_left_);
      made_ = true;
    }
    return &row_;
  }
  void take() override {
    readings_left_ -= std::min<std::uint64_t>(readings_left_, row_.values.size());
    row_.ts_ms += every_ms_;
    made_ = false;
  }

 protected:
  virtual void make(Row& row) = 0;
  double noise(double sigma) { return std::normal_distribution<double>{0, sigma}(random_); }
  bool chance(double p) { return std::bernoulli_distribution{std::clamp(p, 0.0, 1.0)}(random_); }
  [[nodiscard]] double seconds() const { return static_cast<double>(every_ms_) / 1000; }

  std::vector<Column> columns_;
  std::mt19937_64 random_;

 private:
  std::int64_t every_ms_;
  std::int64_t end_ms_ = INT64_MAX;
  std::uint64_t readings_left_ = UINT64_MAX;
  Row row_;
  bool made_ = false;
};

class Environment final : public Model {
 public:
  Environment(const SimOptions& options, std::size_t index, UtcMs start)
      : Model(options, index, start, 10'000) {
    columns_ = {{"temperature", "°C"}, {"humidity", "%"}, {"co2", "ppm"}, {"occupied", "1"}};
  }

 private:
  void make(Row& row) override {
    const double hour = static_cast<double>(row.ts_ms % day_ms) / 3.6e6;
    const bool waking = hour > 6.5 && hour < 22.5;
    // Somebody stays for about an hour, and comes four times a day.
    occupied_ = occupied_ ? !chance(seconds() / 3600) : waking && chance(seconds() / 14'400);
    const double target = 17 + 0.15 * outside_c(row.ts_ms) + (occupied_ ? 2.5 : 0) + 1.5 * sun(row.ts_ms);
    temperature_ += (target - temperature_) * std::min(1.0, seconds() / 5400);
    co2_ += (occupied_ ? 0.25 : 0) * seconds() - (co2_ - 420) * std::min(1.0, seconds() / 4000);
    const double humidity = std::clamp(48 - 1.1 * (temperature_ - 20) + (occupied_ ? 4 : 0), 15.0, 95.0);
    row.values = {decimals(temperature_ + noise(0.02), 2), decimals(humidity + noise(0.2), 1),
                  rounded(std::max(400.0, co2_ + noise(4)), 1), occupied_ ? 1.0 : 0.0};
  }
  bool occupied_ = false;
  double temperature_ = 19, co2_ = 450;
};

class Well final : public Model {
 public:
  Well(const SimOptions& options, std::size_t index, UtcMs start) : Model(options, index, start, 60'000) {
    columns_ = {{"level", "m"}, {"water_temperature", "°C"}, {"battery", "V"}};
  }

 private:
  void make(Row& row) override {
    const bool was = pumping_;
    // Mornings and evenings the pump runs some ten minutes at a time.
    const double hour = static_cast<double>(row.ts_ms % day_ms) / 3.6e6;
    const bool thirsty = (hour > 6 && hour < 9) || (hour > 17 && hour < 21);
    pumping_ = pumping_ ? !chance(seconds() / 600) : thirsty && chance(seconds() / 3600);
    const double rest =
        6.2 +
        0.9 * std::cos(2 * std::numbers::pi *
                       (static_cast<double>(row.ts_ms) / static_cast<double>(day_ms) - 100) / year_days);
    level_ += (rest - level_) * std::min(1.0, seconds() / 5400) - (pumping_ ? 0.0015 * seconds() : 0);
    level_ = std::max(0.4, level_);
    charge_ = std::clamp(charge_ + (sun(row.ts_ms) * 0.00008 - 0.00001) * seconds() / 10, 0.05, 1.0);
    row.values = {decimals(level_ + noise(0.004), 3),
                  decimals(8.5 + 0.12 * outside_c(row.ts_ms) + noise(0.02), 2),
                  decimals(3.3 + 0.85 * charge_ + noise(0.004), 2)};
    if (was != pumping_) row.event = pumping_ ? "pump_on" : "pump_off";
  }
  bool pumping_ = false;
  double level_ = 6.2, charge_ = 0.8;
};

class Meter final : public Model {
 public:
  Meter(const SimOptions& options, std::size_t index, UtcMs start) : Model(options, index, start, 10'000) {
    columns_ = {{"power", "W"}, {"energy", "kWh"}, {"solar", "W"}, {"battery", "V"}, {"charge", "%"}};
  }

 private:
  void make(Row& row) override {
    kettle_ = kettle_ ? !chance(seconds() / 180) : chance(seconds() / 10'800);
    const double fridge = std::fmod(static_cast<double>(row.ts_ms) / 1000, 2400) < 900 ? 85 : 0;
    cloud_ = std::clamp(cloud_ + noise(0.02), 0.15, 1.0);
    const double load = 42 + fridge + (kettle_ ? 1850 : 0) + std::abs(noise(3));
    const double solar = 1200 * sun(row.ts_ms) * cloud_;
    energy_kwh_ += load * seconds() / 3.6e6;
    charge_ = std::clamp(charge_ + (solar * 0.92 - load) * seconds() / (5000.0 * 3600), 0.1, 1.0);
    row.values = {decimals(load, 1), decimals(energy_kwh_, 3), decimals(solar, 1),
                  decimals(23.6 + 3.2 * charge_ + solar / 2400 - load / 3000, 2), decimals(100 * charge_, 1)};
  }
  bool kettle_ = false;
  double energy_kwh_ = 1234.5, cloud_ = 0.8, charge_ = 0.7;
};

// Benchmarks: any number of slow random walks with one decimal.
class Walks final : public Model {
 public:
  Walks(const SimOptions& options, std::size_t index, UtcMs start) : Model(options, index, start, 1'000) {
    const std::size_t mine =
        options.series / options.nodes + (index < options.series % options.nodes ? 1 : 0);
    for (std::size_t i = 0; i < mine; ++i) columns_.push_back({fmt::format("s{}", i), "1"});
    walks_.assign(mine, 20);
  }

 private:
  void make(Row& row) override {
    for (double& walk : walks_) walk += noise(0.05);
    row.values.resize(walks_.size());
    std::ranges::transform(walks_, row.values.begin(), [](double walk) { return decimals(walk, 1); });
  }
  std::vector<double> walks_;
};

}  // namespace

std::unique_ptr<Source> make_model(const SimOptions& options, std::size_t index, UtcMs start) {
  if (options.series > 0) return std::make_unique<Walks>(options, index, start);
  const bool mixed = options.kind == "mixed";
  if (options.kind == "well" || (mixed && index % 3 == 1))
    return std::make_unique<Well>(options, index, start);
  if (options.kind == "meter" || (mixed && index % 3 == 2))
    return std::make_unique<Meter>(options, index, start);
  return std::make_unique<Environment>(options, index, start);
}

}  // namespace alona::sim
