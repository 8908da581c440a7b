// What sealing takes from the writer: commits with no sealing between them and with, in turns. As the core
// does, a slice is followed by nine times its length of other work.
//   seal_slices FOLDER ROUNDS
// Prints one line of JSON: each round's readings a second, and every slice's milliseconds.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <span>
#include <vector>

#include "house.h"
#include "must.h"
#include "store/writer.h"

namespace {
using namespace alona;
using namespace alona::store;
using SteadyClock = std::chrono::steady_clock;

constexpr int series_count = 200;
constexpr int batch_readings = 1000;
constexpr int batches_a_phase = 150;

double ms_since(SteadyClock::time_point begin) {
  return std::chrono::duration<double, std::milli>(SteadyClock::now() - begin).count();
}

class Feed {
 public:
  explicit Feed(Writer& writer) : writer_(writer) {
    Batch batch{.received = utc_ms(ts_)};
    for (int i = 0; i < series_count; ++i) {
      const bench::Kind& kind = bench::kinds[static_cast<std::size_t>(i) % bench::kinds.size()];
      const auto node = static_cast<NodeNo>(i / 8 + 1);
      if (i % 8 == 0) batch.nodes.push_back({.no = node, .id = fmt::format("node-{}", i / 8)});
      batch.series.push_back({.no = SeriesNo{i + 1}, .node = node, .sensor = kind.sensor, .unit = kind.unit});
      sensors_.emplace_back(kind, static_cast<std::uint64_t>(i));
    }
    (void)must(writer.commit(batch));
  }
  void commit() {
    Batch batch{.received = utc_ms(ts_)};
    for (int i = 0; i < batch_readings; ++i) {
      const int series = next_++ % series_count;
      ts_ += series == 0 ? 1000 : 0;
      batch.readings.push_back({SeriesNo{series + 1}, utc_ms(ts_ + 4 * series),
                                sensors_[static_cast<std::size_t>(series)].value(ts_), 0});
    }
    const auto begin = SteadyClock::now();
    (void)must(writer_.commit(batch));
    commit_ms.push_back(ms_since(begin));
  }
  void fold() { must(writer_.fold({}, utc_ms(ts_))); }
  std::vector<double> commit_ms;

 private:
  Writer& writer_;
  std::vector<bench::Sensor> sensors_;
  std::int64_t ts_ = 1'735'689'600'000;
  int next_ = 0;
};

// False: the pass has ended.
bool slice(Writer& writer, std::vector<double>& slices) {
  const auto begin = SteadyClock::now();
  const bool more = must(writer.seal_some(limits::seal_slice));
  slices.push_back(ms_since(begin));
  return more;
}

double phase(Feed& feed, Writer& writer, std::vector<double>* slices) {
  const auto begin = SteadyClock::now();
  SteadyClock::time_point next = begin;
  for (int i = 0; i < batches_a_phase; ++i) {
    feed.commit();
    if (slices == nullptr || SteadyClock::now() < next) continue;
    if (writer.wants_sealing()) feed.fold();
    const auto sliced = SteadyClock::now();
    (void)slice(writer, *slices);
    next = SteadyClock::now() + (limits::seal_share - 1) * (SteadyClock::now() - sliced);
  }
  return batches_a_phase * batch_readings / ms_since(begin) * 1000;
}

void empty(Feed& feed, Writer& writer, std::vector<double>& slices) {
  feed.fold();
  while (slice(writer, slices)) continue;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  try {
    Writer writer = must(Writer::open(std::filesystem::path{argv[1]} / "alona.sqlite3", Open::create));
    Feed feed{writer};
    std::vector<double> without, with, slices;
    double longest_without = 0, longest_with = 0;
    for (int round = 0; round < std::atoi(argv[2]); ++round) {
      feed.commit_ms.clear();
      without.push_back(phase(feed, writer, nullptr));
      longest_without = std::max(longest_without, std::ranges::max(feed.commit_ms));
      feed.commit_ms.clear();
      with.push_back(phase(feed, writer, &slices));
      longest_with = std::max(longest_with, std::ranges::max(feed.commit_ms));
      empty(feed, writer, slices);
    }
    fmt::print(
        R"({{"without":[{:.0f}],"with":[{:.0f}],"slices_ms":[{:.2f}],"commit_ms_max":[{:.1f},{:.1f}]}})"
        "\n",
        fmt::join(without, ","), fmt::join(with, ","), fmt::join(slices, ","), longest_without, longest_with);
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 1;
  }
}
