// Prints readings, one a line and in the order of time: series, ms UTC, value.
//   readings slow|counter|random SERIES EACH     one a minute
//   readings sim SERIES EACH                     of the simulator's nodes, "mixed", as many as it takes
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "house.h"
#include "sim/source.h"

namespace {
using namespace alona;

constexpr std::int64_t first_minute = 1'735'689'600'000;  // 2025-01-01

void print(std::size_t series, std::int64_t ts, double value) {
  std::array<char, 64> line{};
  const auto end = fmt::format_to_n(line.data(), line.size(), "{} {} {}\n", series, ts, value).out;
  std::fwrite(line.data(), 1, static_cast<std::size_t>(end - line.data()), stdout);
}

// Any bits, but neither NaN nor so large or small that others refuse them.
double any_double(bench::Random& random) {
  return std::ldexp(1 + random.uniform(), static_cast<int>(random.bits() % 60) - 30) *
         ((random.bits() & 1) != 0 ? -1 : 1);
}

void of_house(const std::string& what, std::size_t series, std::int64_t each) {
  // Two rooms, so to speak: those of the eight kinds that change slowly.
  constexpr auto slow = std::to_array<std::size_t>({0, 0, 1, 1, 2, 2, 4, 5});
  constexpr std::size_t counter = 6;
  std::vector<bench::Sensor> sensors;
  for (std::size_t i = 0; i < series; ++i)
    sensors.emplace_back(bench::kinds[what == "counter" ? counter : slow[i % slow.size()]], i);
  bench::Random random{7};
  for (std::int64_t n = 0; n < each; ++n) {
    const std::int64_t ts = first_minute + n * 60'000;
    for (std::size_t i = 0; i < series; ++i)
      print(i + 1, ts, what == "random" ? any_double(random) : sensors[i].value(ts));
  }
}

void of_simulator(std::size_t series, std::int64_t each) {
  constexpr std::size_t a_node_min = 3;
  const sim::SimOptions options{.nodes = (series + a_node_min - 1) / a_node_min, .kind = "mixed"};
  struct Node {
    std::unique_ptr<sim::Source> source;
    std::size_t first;
  };
  std::vector<Node> nodes;
  std::size_t made = 0;
  for (std::size_t i = 0; made < series; ++i) {
    nodes.push_back({sim::make_model(options, i, utc_ms(first_minute)), made + 1});
    made += nodes.back().source->columns().size();
  }
  for (std::int64_t left = each * static_cast<std::int64_t>(made); left > 0;) {
    const auto next = std::ranges::min_element(nodes, {}, [](Node& n) { return n.source->peek()->ts_ms; });
    const sim::Row& row = *next->source->peek();
    for (std::size_t i = 0; i < row.values.size(); ++i, --left)
      print(next->first + i, row.ts_ms, row.values[i]);
    next->source->take();
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const std::string what = argv[1];
  if (what == "sim") {
    of_simulator(std::stoul(argv[2]), std::stol(argv[3]));
  } else if (what == "slow" || what == "counter" || what == "random") {
    of_house(what, std::stoul(argv[2]), std::stol(argv[3]));
  } else {
    return 2;
  }
}
