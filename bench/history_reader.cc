// Answers questions to a database's history, each with a Reader of its own; one line each on standard input:
//   FILE SERIES FROM TO POINTS        times in ms UTC
// and on standard output one of JSON: microseconds of opening and of the answer, buckets, readings, memory.
#include <fmt/format.h>

#include <chrono>
#include <ctime>
#include <fstream>
#include <iostream>
#include <string>

#include "store/reader.h"

namespace {
using namespace alona;
using namespace alona::store;
using SteadyClock = std::chrono::steady_clock;

double us_since(SteadyClock::time_point begin) {
  return std::chrono::duration<double, std::micro>(SteadyClock::now() - begin).count();
}

double cpu_us() { return 1e6 * static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

long peak_kib() {
  std::ifstream status{"/proc/self/status"};
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::stol(line.substr(6));
  return 0;
}

}  // namespace

int main() {
  std::string file;
  int series = 0;
  std::int64_t from = 0, to = 0;
  std::size_t points = 0;
  while (std::cin >> file >> series >> from >> to >> points) {
    const auto begin = SteadyClock::now();
    const double cpu_before = cpu_us();
    auto reader = Reader::open(file);
    if (!reader) return fmt::print(stderr, "{}\n", reader.error().text()), 1;
    const double opened = us_since(begin);
    reader->set_time_limit(std::chrono::seconds{60});
    const auto history = reader->history({static_cast<SeriesNo>(series), utc_ms(from), utc_ms(to), points});
    if (!history) return fmt::print(stderr, "{}\n", history.error().text()), 1;
    const double answered = us_since(begin) - opened;
    const double cpu = cpu_us() - cpu_before;
    std::uint64_t readings = 0;
    for (const Bucket& b : history->buckets) readings += b.n;
    fmt::print(
        R"({{"open_us":{:.0f},"us":{:.0f},"cpu_us":{:.0f},"buckets":{},"bucket_ms":{},"readings":{},"peak_kib":{}}})"
        "\n",
        opened, answered, cpu, history->buckets.size(), history->bucket.count(), readings, peak_kib());
    std::fflush(stdout);
  }
}
