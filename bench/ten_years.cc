// Makes a database as years of sealing would have left it: through the real schema, codec and shelf, each
// chunk full, in the order of time; and on top the last hours as commits in the log.
//   ten_years FILE [--years N] [--series N] [--interval SECONDS] [--hot READINGS] [--seed N]
// Prints one line of JSON: what there is, and what the readings of each kind took.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <future>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/limits.h"
#include "house.h"
#include "must.h"
#include "store/checksum_vfs.h"
#include "store/database.h"
#include "store/shelf.h"
#include "store/writer.h"

namespace {
using namespace alona;
using namespace alona::store;

struct Options {
  std::filesystem::path file;
  double years = 10;
  std::size_t series = 200;
  std::int64_t interval_s = 60;
  std::size_t hot = 50'000;
  std::uint64_t seed = 1;
};

constexpr std::size_t sensors_a_node = bench::kinds.size();
constexpr double lost_share = 0.001;  // readings that never came

constexpr const char* clock_names[] = {"whole seconds", "steady", "received"};
bench::Clock clock_of(std::size_t node) { return static_cast<bench::Clock>(node % 3); }

// One series' readings, on and on.
class Stream {
 public:
  Stream(const Options& o, std::size_t index, std::int64_t start)
      : clock_(clock_of(index / sensors_a_node), o.seed * 1'000'003 + index / sensors_a_node, start,
               1000 * o.interval_s),
        sensor_(bench::kinds[index % sensors_a_node], o.seed * 7'000'003 + index),
        luck_(o.seed * 9'000'011 + index),
        quality_(
            static_cast<std::uint8_t>(clock_of(index / sensors_a_node) == bench::Clock::received ? 1 : 0)) {}
  [[nodiscard]] ReadingRow take(SeriesNo series) {
    std::int64_t ts = 0;
    double value = 0;
    do {
      ts = std::max(clock_.next(), last_ + 1);
      value = sensor_.value(ts);
    } while (luck_.uniform() < lost_share);
    last_ = ts;
    return {series, utc_ms(ts), value, quality_};
  }

 private:
  bench::NodeClock clock_;
  bench::Sensor sensor_;
  bench::Random luck_;
  std::uint8_t quality_;
  std::int64_t last_ = 0;
};

struct Series {
  Stream stream;
  std::size_t index;
  std::optional<ReadingRow> next;
  [[nodiscard]] SeriesNo no() const { return static_cast<SeriesNo>(index + 1); }
};

// The next chunk of a series; nothing where `until` comes first.
std::optional<Chunk> next_chunk(Series& s, ChunkCodec& codec, Columns& columns, UtcMs until) {
  columns.ts.clear(), columns.values.clear();
  while (columns.ts.size() < limits::chunk_readings_max) {
    if (!s.next) s.next = s.stream.take(s.no());
    if (s.next->ts >= until) break;
    columns.ts.push_back(count(s.next->ts)), columns.values.push_back(s.next->value);
    columns.flags.resize(columns.ts.size(), s.next->flags);
    s.next.reset();
  }
  columns.flags.resize(columns.ts.size());
  if (columns.ts.empty()) return {};
  return must(codec.encode(s.no(), columns));
}

using Round = std::vector<std::optional<Chunk>>;  // by series

// One chunk of each series, by two threads.
Round next_round(std::vector<Series>& all, UtcMs until) {
  Round round(all.size());
  const auto part = [&](std::size_t first) {
    ChunkCodec codec;
    Columns columns;
    for (std::size_t i = first; i < all.size(); i += 2) {
      columns.flags.clear();
      round[i] = next_chunk(all[i], codec, columns, until);
    }
  };
  auto other = std::async(std::launch::async, part, 1);
  part(0);
  other.get();
  return round;
}

struct Size {
  std::uint64_t readings = 0, bytes = 0;
};
using Sizes = std::map<std::string, Size>;

void note(Sizes& sizes, const std::string& what, const Chunk& chunk) {
  Size& size = sizes[what];
  size.readings += chunk.count, size.bytes += chunk.bytes.size();
}

void write_catalog(Writer& writer, const Options& o, UtcMs start) {
  Batch batch{.received = start};
  for (std::size_t i = 0; i < o.series; ++i) {
    const auto node = static_cast<NodeNo>(i / sensors_a_node + 1);
    if (i % sensors_a_node == 0)
      batch.nodes.push_back({.no = node, .id = fmt::format("node-{}", i / sensors_a_node), .created = start});
    const bench::Kind& kind = bench::kinds[i % sensors_a_node];
    batch.series.push_back({.no = static_cast<SeriesNo>(i + 1),
                            .node = node,
                            .sensor = kind.sensor,
                            .unit = kind.unit,
                            .decimals = static_cast<int>(std::lround(std::log10(kind.places)))});
  }
  (void)must(writer.commit(batch));
  must(writer.fold({}, start));
}

void write_days(SQLite::Database& db, const Options& o, UtcMs start, UtcMs until) {
  SQLite::Statement put{db, "INSERT INTO node_day VALUES (?,?,?,0,0,0,0,0,0)"};
  const auto a_day = static_cast<std::int64_t>(sensors_a_node) * 86'400 / o.interval_s;
  for (std::int32_t day = utc_day(start); day < utc_day(until); ++day) {
    for (std::size_t node = 1; node <= (o.series + sensors_a_node - 1) / sensors_a_node; ++node) {
      put.bind(1, static_cast<std::int64_t>(node)), put.bind(2, day), put.bind(3, a_day);
      put.exec(), put.reset();
    }
  }
}

Sizes write_sealed(const Options& o, std::vector<Series>& all, UtcMs start, UtcMs until) {
  Sizes sizes;
  const auto db = open_writer(o.file.string(), must(checksum_vfs({})));
  db->exec("PRAGMA synchronous=OFF");  // a file that is made anew if the power goes
  SQLite::Transaction days{*db};
  write_days(*db, o, start, until);
  days.commit();
  Round round = next_round(all, until);
  while (std::ranges::any_of(round, [](const auto& chunk) { return chunk.has_value(); })) {
    auto following = std::async(std::launch::async, next_round, std::ref(all), until);
    SQLite::Transaction transaction{*db};
    {
      Shelf shelf{*db};
      for (std::size_t i = 0; i < all.size(); ++i) {
        if (!round[i]) continue;
        shelf.put(all[i].no(), *round[i]);
        note(sizes, bench::kinds[i % sensors_a_node].sensor, *round[i]);
        note(sizes, clock_names[static_cast<int>(clock_of(i / sensors_a_node))], *round[i]);
        note(sizes, "all", *round[i]);
      }
    }
    transaction.commit();
    round = following.get();
  }
  db->exec("PRAGMA synchronous=FULL");
  db->exec("PRAGMA wal_checkpoint(TRUNCATE)");
  return sizes;
}

// The last hours, a commit for each second in which something came.
void write_hot(const Options& o, std::vector<Series>& all, UtcMs now) {
  std::map<std::int64_t, Batch> seconds;
  for (Series& s : all) {
    for (;;) {
      if (!s.next) s.next = s.stream.take(s.no());
      if (s.next->ts >= now) break;
      seconds[count(s.next->ts) / 1000].readings.push_back(*s.next);
      s.next.reset();
    }
  }
  Writer writer = must(Writer::open(o.file, Open::existing));
  for (auto& [second, batch] : seconds) {
    batch.received = utc_ms(second * 1000 + 1000);
    std::map<NodeNo, std::uint32_t> of_node;
    for (const ReadingRow& r : batch.readings)
      ++of_node[static_cast<NodeNo>((static_cast<std::size_t>(r.series) - 1) / sensors_a_node + 1)];
    for (const auto& [node, n] : of_node)
      batch.counts.push_back({.node = node, .day = utc_day(batch.received), .stored = n});
    (void)must(writer.commit(batch));
  }
  must(writer.fold({}, now));
}

Options parse(std::span<char*> arguments) {
  Options o;
  if (arguments.size() < 2 || arguments.size() % 2 != 0)
    throw std::runtime_error("ten_years FILE [--OPTION VALUE] …");
  o.file = arguments[1];
  for (std::size_t i = 2; i < arguments.size(); i += 2) {
    const std::string name = arguments[i];
    const std::string value = arguments[i + 1];
    if (name == "--years") {
      o.years = std::stod(value);
    } else if (name == "--series") {
      o.series = std::stoul(value);
    } else if (name == "--interval") {
      o.interval_s = std::stol(value);
    } else if (name == "--hot") {
      o.hot = std::stoul(value);
    } else if (name == "--seed") {
      o.seed = std::stoull(value);
    } else {
      throw std::runtime_error("there is no option " + name);
    }
  }
  return o;
}

void make(const Options& o) {
  const auto begun = std::chrono::steady_clock::now();
  const UtcMs now = std::chrono::floor<Ms>(std::chrono::system_clock::now());
  const UtcMs start = now - Ms{static_cast<std::int64_t>(o.years * 365.25 * 86'400'000)};
  const Ms hot{static_cast<std::int64_t>(1000 * o.hot) * o.interval_s / static_cast<std::int64_t>(o.series)};
  std::vector<Series> all;
  for (std::size_t i = 0; i < o.series; ++i) all.push_back({Stream{o, i, count(start)}, i, {}});
  {
    Writer writer = must(Writer::open(o.file, Open::create));
    write_catalog(writer, o, start);
  }
  const Sizes sizes = write_sealed(o, all, start, now - hot);
  write_hot(o, all, now);
  std::string kinds;
  for (const auto& [name, size] : sizes)
    kinds += fmt::format(R"({}"{}":{:.3f})", kinds.empty() ? "" : ",", name,
                         static_cast<double>(size.bytes) / static_cast<double>(size.readings));
  const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  fmt::print(
      R"({{"start":{},"end":{},"sealed":{},"file_bytes":{},"seconds":{:.1f},"cpu_seconds":{:.1f},"bytes_each":{{{}}}}})"
      "\n",
      count(start), count(now), sizes.at("all").readings, std::filesystem::file_size(o.file), took,
      static_cast<double>(std::clock()) / CLOCKS_PER_SEC, kinds);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    make(parse({argv, static_cast<std::size_t>(argc)}));
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 1;
  }
}
