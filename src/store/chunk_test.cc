#include "store/chunk.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>
#include <set>
#include <sstream>

#include "base/limits.h"

namespace alona::store {
namespace {

constexpr SeriesNo series{7};
constexpr std::int64_t noon = 1'795'521'600'000;

Columns columns(std::size_t n, auto&& ts_of, auto&& value_of) {
  Columns c;
  for (std::size_t i = 0; i < n; ++i) {
    c.ts.push_back(ts_of(i));
    c.values.push_back(value_of(i));
    c.flags.push_back(0);
  }
  return c;
}
auto every(std::int64_t ms) {
  return [ms](std::size_t i) { return noon + ms * static_cast<std::int64_t>(i); };
}

std::vector<std::uint64_t> bits(const std::vector<double>& values) {
  std::vector<std::uint64_t> out;
  out.reserve(values.size());
  for (const double v : values) out.push_back(std::bit_cast<std::uint64_t>(v));
  return out;
}

// The bytes it took.
std::size_t returns(ChunkCodec& codec, const Columns& c) {
  const auto chunk = codec.encode(series, c);
  EXPECT_TRUE(chunk) << chunk.error().text();
  if (!chunk) return 0;
  Columns back;
  EXPECT_TRUE(codec.decode(series, chunk->bytes, back));
  EXPECT_EQ(back.ts, c.ts);
  EXPECT_EQ(bits(back.values), bits(c.values));
  EXPECT_EQ(back.flags, c.flags);
  EXPECT_EQ(chunk->count, c.ts.size());
  EXPECT_EQ(count(chunk->start), c.ts.front());
  EXPECT_EQ(count(chunk->end), c.ts.back());
  return chunk->bytes.size();
}

TEST(Chunk, what_goes_in_comes_out_to_the_last_bit) {
  ChunkCodec codec;
  std::mt19937_64 random{11};
  auto any_double = [&](std::size_t) {
    while (true) {
      const auto v = std::bit_cast<double>(random());
      if (!std::isnan(v)) return v;
    }
  };
  auto one_of = [&](std::size_t) { return std::array{0.1, -0.0, 0.0, 5e-324, 1e15, 1.0 / 3}[random() % 6]; };
  auto walk = [&, v = 200LL](std::size_t) mutable {
    v += static_cast<long long>(random() % 5) - 2;
    return static_cast<double>(v) / 10;
  };
  auto steps_of_sixteenths = [&](std::size_t) { return static_cast<double>(random() % 99) * 0.0625; };
  auto wandering = [&, t = noon](std::size_t) mutable {
    return t += 59'000 + 1'000 * static_cast<std::int64_t>(random() % 3);
  };
  auto far_apart = [&, t = std::numeric_limits<std::int64_t>::min()](std::size_t) mutable {
    return t += static_cast<std::int64_t>(random() >> 13);
  };
  for (const std::size_t n : {1u, 2u, 3u, 100u, 4096u}) {
    for (const auto& values : {columns(n, every(60'000), any_double), columns(n, wandering, one_of),
                               columns(n, far_apart, walk), columns(n, wandering, steps_of_sixteenths),
                               columns(n, every(1), [](std::size_t) { return 3.0; })}) {
      returns(codec, values);
    }
  }
  Columns flagged = columns(500, wandering, walk);
  for (std::uint8_t& f : flagged.flags) f = static_cast<std::uint8_t>(random());
  returns(codec, flagged);
}

TEST(Chunk, takes_little_room) {
  ChunkCodec codec;
  std::mt19937_64 random{11};
  const auto each = [&](const Columns& c) {
    return static_cast<double>(returns(codec, c)) / static_cast<double>(c.ts.size());
  };
  EXPECT_LT(each(columns(4096, every(60'000), [](std::size_t) { return 21.5; })), 0.02);
  EXPECT_LT(
      each(columns(4096, every(60'000),
                   [](std::size_t i) { return 5000 + 0.01 * std::floor(static_cast<double>(i) / 20); })),
      0.1);
  EXPECT_LE(each(columns(4096, every(60'000),
                         [&](std::size_t) {
                           return std::ldexp(static_cast<double>(random()),
                                             static_cast<int>(random() % 60) - 90);
                         })),
            9);
}

TEST(Chunk, its_summary_is_that_of_its_readings) {
  ChunkCodec codec;
  const auto chunk =
      codec.encode(series, columns(5, every(10), [](std::size_t i) { return i == 3 ? -7.5 : 1.0; }));
  ASSERT_TRUE(chunk);
  EXPECT_EQ(chunk->min, -7.5);
  EXPECT_EQ(chunk->max, 1);
  EXPECT_EQ(chunk->sum, -3.5);
}

TEST(Chunk, what_is_no_column_is_refused) {
  ChunkCodec codec;
  const auto one = [](std::size_t) { return 1.0; };
  EXPECT_FALSE(codec.encode(series, {}));
  EXPECT_FALSE(codec.encode(series, columns(limits::chunk_readings_max + 1, every(1), one)));
  EXPECT_FALSE(codec.encode(series, columns(3, every(0), one)));
  EXPECT_FALSE(codec.encode(series, columns(3, every(-5), one)));
  Columns uneven = columns(3, every(1), one);
  uneven.values.pop_back();
  EXPECT_FALSE(codec.encode(series, uneven));
}

TEST(Chunk, a_flipped_bit_a_cut_or_another_series_is_found) {
  ChunkCodec codec;
  std::mt19937_64 random{11};
  const Columns c =
      columns(700, every(60'000), [&](std::size_t) { return static_cast<double>(random() % 300) / 10; });
  const auto chunk = codec.encode(series, c);
  ASSERT_TRUE(chunk);
  Columns out;
  for (std::size_t bit = 0; bit < 8 * chunk->bytes.size(); ++bit) {
    auto damaged = chunk->bytes;
    damaged[bit / 8] = static_cast<std::uint8_t>(damaged[bit / 8] ^ 1u << (bit % 8));
    ASSERT_FALSE(codec.decode(series, damaged, out)) << bit;
  }
  for (std::size_t n = 0; n < chunk->bytes.size(); ++n)
    ASSERT_FALSE(codec.decode(series, std::span(chunk->bytes).first(n), out)) << n;
  EXPECT_EQ(codec.decode(SeriesNo{8}, chunk->bytes, out).error().code, Errc::corrupt);
  EXPECT_TRUE(codec.decode(series, chunk->bytes, out));
}

// Chunks of every kind of coding, kept for ever: what was sealed by any release is read by every later one.
struct Golden {
  const char* name;
  Columns columns;
};

std::vector<Golden> golden() {
  std::mt19937_64 random{5};
  const auto tenths = [](std::size_t i) { return static_cast<double>(200 + (i * i) % 7) / 10; };
  const auto minute = every(60'000);
  const auto jitter = [](std::size_t i) {
    return noon + 60'000 * static_cast<std::int64_t>(i) + 1'000 * static_cast<std::int64_t>((i * 7) % 3);
  };
  const auto slower = [](std::size_t i) { return noon + 1'000 * static_cast<std::int64_t>(i * i + i); };
  const auto counter = [](std::size_t i) { return 5340.25 + 0.25 * static_cast<double>(i + (i * i) % 3); };
  const auto any = [&](std::size_t) { return std::ldexp(static_cast<double>(random()), -64); };
  const auto drift = [](std::size_t i) { return std::sqrt(2.0) + 1e-9 * static_cast<double>(i); };
  const auto three = [&](std::size_t) { return std::array{1.0 / 3, -0.0, 2.0 / 7}[random() % 3]; };
  const auto again = [&](std::size_t) { return std::sqrt(static_cast<double>(random() % 300) + 0.5); };
  std::vector<Golden> all{
      {"one", columns(1, minute, tenths)},        {"tenths", columns(300, jitter, tenths)},
      {"counter", columns(300, slower, counter)}, {"any", columns(50, minute, any)},
      {"drift", columns(300, minute, drift)},     {"three", columns(300, minute, three)},
      {"again", columns(900, minute, again)},     {"flags", columns(300, jitter, tenths)}};
  for (std::size_t i = 0; i < 300; ++i)
    all.back().columns.flags[i] = static_cast<std::uint8_t>(i % 5 == 0 ? 0x22 : 1);
  return all;
}

std::string csv_of(const Columns& c) {
  std::string out = "ts,value,bits,flags\n";
  for (std::size_t i = 0; i < c.ts.size(); ++i) {
    out += fmt::format("{},{},{:016x},{}\n", c.ts[i], c.values[i], std::bit_cast<std::uint64_t>(c.values[i]),
                       c.flags[i]);
  }
  return out;
}

std::string content(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

TEST(Chunk, what_was_sealed_once_is_read_for_ever) {
  const std::filesystem::path folder = std::filesystem::path{ALONA_SOURCE_DIR} / "tests/golden/chunks";
  ChunkCodec codec;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets it
  if (std::getenv("ALONA_GOLDEN_WRITE") != nullptr) {
    for (const auto& [name, columns] : golden()) {
      const std::filesystem::path path = folder / (std::string{name} + ".chunk");
      if (std::filesystem::exists(path)) continue;  // never changed
      const auto chunk = codec.encode(series, columns);
      ASSERT_TRUE(chunk);
      std::ofstream{path, std::ios::binary}.write(reinterpret_cast<const char*>(chunk->bytes.data()),
                                                  static_cast<std::streamsize>(chunk->bytes.size()));
      std::ofstream{folder / (std::string{name} + ".csv")} << csv_of(columns);
    }
  }
  std::set<int> value_kinds, time_kinds;
  for (const auto& entry : std::filesystem::directory_iterator{folder}) {
    if (entry.path().extension() != ".chunk") continue;
    const std::string bytes = content(entry.path());
    Columns out;
    ASSERT_TRUE(
        codec.decode(series, {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, out))
        << entry.path();
    EXPECT_EQ(csv_of(out), content(std::filesystem::path{entry.path()}.replace_extension(".csv")))
        << entry.path();
    const int kinds = static_cast<unsigned char>(bytes[static_cast<unsigned char>(bytes[5]) < 0x80 ? 6 : 7]);
    value_kinds.insert(kinds >> 2 & 7), time_kinds.insert(kinds & 3);
  }
  EXPECT_EQ(value_kinds.size(), 6u) << ::testing::PrintToString(value_kinds);
  EXPECT_EQ(time_kinds.size(), 3u) << ::testing::PrintToString(time_kinds);
}

// A day and more of a real room; where the file is.
TEST(Chunk, real_readings_take_little_room) {
  std::ifstream file{std::string(ALONA_SOURCE_DIR) + "/../shared/data/room.csv"};
  if (!file) GTEST_SKIP() << "../shared/data/room.csv isn't there";
  std::array<std::vector<double>, 6> values;
  std::vector<std::int64_t> ts;
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    std::tm at{};
    std::istringstream fields{line};
    std::string field;
    std::getline(fields, field, ',');
    ASSERT_NE(strptime(field.c_str(), "%Y-%m-%d %H:%M:%S", &at), nullptr) << field;
    ts.push_back(1000 * timegm(&at));
    for (auto& column : values) std::getline(fields, field, ','), column.push_back(std::stod(field));
  }
  ChunkCodec codec;
  std::size_t bytes = 0;
  for (const auto& column : values) {
    std::size_t of_column = 0;
    for (std::size_t at = 0; at < ts.size(); at += 4096) {
      const std::size_t n = std::min<std::size_t>(4096, ts.size() - at);
      of_column += returns(codec, columns(
                                      n, [&](std::size_t i) { return ts[at + i]; },
                                      [&](std::size_t i) { return column[at + i]; }));
    }
    std::printf("%.3f bytes a reading\n", static_cast<double>(of_column) / static_cast<double>(ts.size()));
    bytes += of_column;
  }
  const double each = static_cast<double>(bytes) / static_cast<double>(6 * ts.size());
  std::printf("all: %.3f bytes a reading\n", each);
  EXPECT_LT(each, 1.4);
}

}  // namespace
}  // namespace alona::store
