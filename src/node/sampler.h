// When to measure what, and which values are worth sending. One Sampler a sensor, in the application's hands:
//   for (auto& s : samplers) s.step(node, now);
// A sensor that fails says so once as an error, and once more when it is back; it never repeats its last
// value.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "node/node.h"

namespace alona::node {

struct Schedule {
  std::int64_t every_ms = 60'000;
  double dead_band = 0;                   // a change below it is not sent …
  std::int64_t silence_ms_max = 900'000;  // … but after this long every value is
  int median_of = 1;                      // odd; this many measurements at once, their median counts
};

// Measures once. False: the sensor doesn't answer or says nonsense.
using Measure = bool (*)(void* context, double& value);

class Sampler {
 public:
  static constexpr int median_max = 15;
  Sampler(std::size_t sensor, const Schedule& schedule, Measure measure, void* context)
      : sensor_(sensor), schedule_(schedule), measure_(measure), context_(context) {}

  // `name` is the sensor's, for the error.
  void step(Node& node, std::string_view name, std::int64_t now_ms) {
    if (now_ms < due_ms_) return;
    // Kept in step with its interval, but never in a hurry to make up for a sleep.
    due_ms_ =
        due_ms_ + schedule_.every_ms > now_ms ? due_ms_ + schedule_.every_ms : now_ms + schedule_.every_ms;
    double value = 0;
    if (!measured(value)) return failed(node, name);
    if (failing_) {
      failing_ = false;
      report(node, name, " measures again");
      told_ = false;
    }
    const bool changed = std::abs(value - last_) >= schedule_.dead_band;
    if (told_ && !changed && now_ms - told_ms_ < schedule_.silence_ms_max) return;
    if (!node.record(sensor_, value)) return;
    last_ = value, told_ms_ = now_ms, told_ = true;
  }
  [[nodiscard]] bool failing() const { return failing_; }

 private:
  bool measured(double& value) {
    std::array<double, median_max> values{};
    const int wanted = std::clamp(schedule_.median_of, 1, median_max);
    for (int i = 0; i < wanted; ++i)
      if (!measure_(context_, values[static_cast<std::size_t>(i)]) ||
          !std::isfinite(values[static_cast<std::size_t>(i)]))
        return false;
    const auto middle = values.begin() + wanted / 2;
    std::nth_element(values.begin(), middle, values.begin() + wanted);
    value = *middle;
    return true;
  }
  void failed(Node& node, std::string_view name) {
    if (failing_) return;
    failing_ = true;
    report(node, name, " doesn't answer; check its wiring and its supply");
  }
  static void report(Node& node, std::string_view name, std::string_view what) {
    std::array<char, 2 * limits::name_bytes_max + 64> text{};
    const std::size_t named = name.copy(text.data(), limits::name_bytes_max);
    const std::size_t size = named + what.copy(text.data() + named, text.size() - named);
    node.error("sensor", {text.data(), size});
  }

  std::size_t sensor_;
  Schedule schedule_;
  Measure measure_;
  void* context_;
  std::int64_t due_ms_ = 0, told_ms_ = 0;
  double last_ = 0;
  bool told_ = false, failing_ = false;
};

}  // namespace alona::node
