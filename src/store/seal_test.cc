// Sealing against a plain model in memory: whatever comes late, again or corrected, and wherever a pass is
// cut off, the history is that of the model.
#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>

#include "store/checksum_vfs.h"
#include "store/reader.h"
#include "store/writer.h"

namespace alona::store {
namespace {

constexpr UtcMs noon = utc_ms(1'795'521'600'000);
constexpr int series_count = 4;

class Box {
 public:
  explicit Box(std::uint64_t seed) : random_(seed) {
    char name[] = "/tmp/alona-seal-XXXXXX";
    folder_ = mkdtemp(name);
    open(Open::create);
    Batch catalog;
    catalog.received = noon;
    catalog.nodes = {{NodeNo{1}, "roof", "", "", noon}};
    for (int n = 1; n <= series_count; ++n)
      catalog.series.push_back({SeriesNo{n}, NodeNo{1}, fmt::format("s{}", n), "m", "", {}});
    EXPECT_TRUE(writer_->commit(catalog));
  }
  ~Box() { std::filesystem::remove_all(folder_); }
  Box(const Box&) = delete;
  Box& operator=(const Box&) = delete;

  std::uint64_t draw(std::uint64_t below) { return random_() % below; }

  // Some readings in one commit: mostly newer than all before, sometimes late, again, or corrected.
  void insert() {
    Batch batch;
    batch.received = noon;
    for (std::uint64_t n = 1 + draw(12); n > 0; --n) {
      const auto series = static_cast<SeriesNo>(1 + draw(series_count));
      UtcMs& newest = newest_[series];
      UtcMs ts = newest += Ms{1 + static_cast<std::int64_t>(draw(3)) * 1000};
      if (draw(10) == 0)
        ts = noon +
             Ms{static_cast<std::int64_t>(draw(1 + static_cast<std::uint64_t>((newest - noon).count())))};
      if (draw(15) == 0 && !model_[series].empty()) ts = random_known(series);
      const ReadingRow row{series, ts, value(), static_cast<std::uint8_t>(draw(20) == 0 ? 0x22 : 0)};
      batch.readings.push_back(row);
      model_[series][ts] = row;
    }
    ASSERT_TRUE(writer_->commit(batch));
  }
  // Some taken out by hand, or brought back.
  void exclude() {
    const auto series = static_cast<SeriesNo>(1 + draw(series_count));
    const UtcMs from = noon + Ms{static_cast<std::int64_t>(draw(3'000'000))};
    const UtcMs to = from + Ms{static_cast<std::int64_t>(1 + draw(draw(4) == 0 ? 2'000'000 : 20'000))};
    const bool out = draw(3) != 0;
    Batch batch;
    batch.received = noon;
    batch.audit = {{noon, "someone", "test"}};
    std::size_t there = 0, changed = 0;
    auto& readings = model_[series];
    for (auto it = readings.lower_bound(from); it != readings.end() && it->first < to; ++it) {
      ++there;
      if (((it->second.flags & flag::excluded) != 0) == out) continue;
      ++changed;
      it->second.flags ^= flag::excluded;
    }
    const auto done = writer_->exclude({series, from, to, out}, batch);
    ASSERT_TRUE(done) << done.error().text();
    EXPECT_EQ(done->readings, there);
    EXPECT_EQ(done->changed, changed);
  }
  void fold() { ASSERT_TRUE(writer_->fold({}, noon)); }
  // One slice of a pass: a few commits, one series, or a commit's deletion.
  void seal() { ASSERT_TRUE(writer_->seal_some(Ms{0}, hot_max)); }
  void seal_all() {
    fold();
    for (int slices = 0; slices < 100'000; ++slices) {
      const auto more = writer_->seal_some(Ms{20}, hot_max);
      ASSERT_TRUE(more) << more.error().text();
      if (!*more) return;
    }
    FAIL() << "it doesn't end";
  }
  void reopen() {
    writer_ = fail(Errc::failed, "closed");
    open(Open::existing);
  }
  // All that the disk holds at this moment, taken over by the next life; as after a kill.
  void crash() {
    const std::filesystem::path next = folder_ / "next";
    std::filesystem::create_directory(next);
    for (const char* end : {"", "-wal"}) {
      const std::string name = db().string() + end;
      if (std::filesystem::exists(name))
        std::filesystem::copy_file(name, next / std::filesystem::path{name}.filename());
    }
    writer_ = fail(Errc::failed, "killed");
    for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(db().string() + end);
    for (const auto& file : std::filesystem::directory_iterator{next})
      std::filesystem::rename(file.path(), folder_ / file.path().filename());
    std::filesystem::remove(next);
    open(Open::existing);
  }

  void check() {
    auto reader = Reader::open(db());
    ASSERT_TRUE(reader);
    auto at = model_.begin();
    std::map<UtcMs, ReadingRow>::iterator in{};
    std::size_t seen = 0;
    const auto done = reader->export_readings({}, [&](const NamedReading& r) {
      while (seen == 0 || in == at->second.end()) {
        if (seen != 0) ++at;
        if (at == model_.end()) return false;
        in = at->second.begin(), seen = 1;
      }
      EXPECT_EQ(r.sensor, fmt::format("s{}", static_cast<int>(at->first)));
      EXPECT_EQ(r.ts, in->first);
      EXPECT_EQ(r.value, in->second.value);
      EXPECT_EQ(r.flags, in->second.flags);
      ++in, ++exported_;
      return !::testing::Test::HasFailure();
    });
    ASSERT_TRUE(done) << done.error().text();
    std::size_t all = 0;
    for (const auto& [series, readings] : model_) all += readings.size();
    ASSERT_EQ(std::exchange(exported_, 0), all);
    check_history(*reader);
    check_known();
  }

  static constexpr std::size_t hot_max = 300;

 private:
  void open(Open how) {
    writer_ = Writer::open(db(), how);
    ASSERT_TRUE(writer_) << writer_.error().text();
  }
  [[nodiscard]] std::filesystem::path db() const { return folder_ / "alona.sqlite3"; }
  double value() {
    return draw(3) == 0 ? static_cast<double>(random_()) / 3 : static_cast<double>(draw(400)) / 10;
  }
  UtcMs random_known(SeriesNo series) {
    const auto it = model_[series].lower_bound(noon + Ms{static_cast<std::int64_t>(draw(100'000'000))});
    return it == model_[series].end() ? model_[series].begin()->first : it->first;
  }
  // Buckets of a random stretch.
  void check_history(Reader& reader) {
    const auto series = static_cast<SeriesNo>(1 + draw(series_count));
    const UtcMs from = noon + Ms{static_cast<std::int64_t>(draw(2'000'000))};
    const UtcMs to = from + Ms{static_cast<std::int64_t>(1 + draw(4'000'000))};
    const auto history = reader.history({series, from, to, 50});
    ASSERT_TRUE(history);
    std::map<UtcMs, Bucket> expected;
    const auto& readings = model_[series];
    for (auto it = readings.lower_bound(from); it != readings.end() && it->first < to; ++it) {
      if ((it->second.flags & flag::excluded) != 0) continue;
      const UtcMs start =
          history->bucket == Ms{0} ? it->first : it->first - it->first.time_since_epoch() % history->bucket;
      Bucket& b =
          expected.try_emplace(start, Bucket{start, it->second.value, it->second.value, 0, 0}).first->second;
      b.min = std::min(b.min, it->second.value), b.max = std::max(b.max, it->second.value);
      b.sum += it->second.value, ++b.n;
    }
    ASSERT_EQ(history->buckets.size(), expected.size());
    for (const Bucket& b : history->buckets) {
      EXPECT_EQ(b.n, expected[b.start].n);
      EXPECT_EQ(b.min, expected[b.start].min);
      EXPECT_EQ(b.max, expected[b.start].max);
      // A chunk's sum is summed up apart.
      EXPECT_NEAR(b.sum, expected[b.start].sum, 1e-12 * std::abs(b.sum));
    }
  }
  void check_known() {
    std::vector<ReadingRow> asked;
    for (int n = 0; n < 10; ++n) {
      const auto series = static_cast<SeriesNo>(1 + draw(series_count));
      if (model_[series].empty()) continue;
      const UtcMs ts =
          n % 2 == 0 ? random_known(series) : noon + Ms{static_cast<std::int64_t>(draw(3'000'000))};
      asked.push_back({series, ts, 0, 0});
    }
    const auto known = writer_->known(asked);
    ASSERT_TRUE(known);
    for (std::size_t i = 0; i < asked.size(); ++i) {
      const auto& readings = model_[asked[i].series];
      const auto it = readings.find(asked[i].ts);
      ASSERT_EQ((*known)[i].has_value(), it != readings.end());
      if ((*known)[i]) {
        EXPECT_EQ((*known)[i]->value, it->second.value);
      }
    }
  }

  std::mt19937_64 random_;
  std::filesystem::path folder_;
  Result<Writer> writer_ = fail(Errc::failed, "not open yet");
  std::map<SeriesNo, UtcMs> newest_{
      {SeriesNo{1}, noon}, {SeriesNo{2}, noon}, {SeriesNo{3}, noon}, {SeriesNo{4}, noon}};
  std::map<SeriesNo, std::map<UtcMs, ReadingRow>> model_;
  std::size_t exported_ = 0;
};

// Unnumbered messages, in commits whose readings are sealed long before the tail has moved on.
TEST(Seal, leaves_the_tail_as_it_was) {
  char name[] = "/tmp/alona-seal-XXXXXX";
  const std::filesystem::path folder = mkdtemp(name);
  std::vector<TailEntry> said;
  auto writer = Writer::open(folder / "alona.sqlite3", Open::create);
  ASSERT_TRUE(writer);
  std::uint64_t hash = 0;
  for (int n = 0; n < 200; ++n) {
    Batch batch;
    batch.received = noon + Ms{n};
    if (n == 0) {
      batch.nodes = {{NodeNo{1}, "roof", "", "", noon}};
      batch.series = {{SeriesNo{1}, NodeNo{1}, "t", "m", "", {}}};
    }
    if (n == 30) said.clear(), batch.tail_emptied = true;
    for (int i = 0; i < 200; ++i) {
      batch.readings.push_back({SeriesNo{1}, noon + Ms{1000 * (200 * n + i)}, 1.5, 0});
      batch.tail.push_back({static_cast<std::uint16_t>(++hash % 65'535 + 1), hash});
    }
    said.insert(said.end(), batch.tail.begin(), batch.tail.end());
    ASSERT_TRUE(writer->commit(batch));
    if (n % 7 == 0) {
      ASSERT_TRUE(writer->fold({}, noon));
    }
    for (int slice = 0; slice < 5; ++slice) ASSERT_TRUE(writer->seal_some(Ms{0}, 2'000));
    if (n % 20 != 19) continue;
    writer = fail(Errc::failed, "closed");
    writer = Writer::open(folder / "alona.sqlite3", Open::existing);
    ASSERT_TRUE(writer);
    const auto state = writer->load();
    ASSERT_TRUE(state);
    const std::size_t kept = std::min(said.size(), limits::tail_messages);
    ASSERT_EQ(state->tail.size(), kept) << n;
    for (std::size_t i = 0; i < kept; ++i) {
      ASSERT_EQ(state->tail[i].hash, said[said.size() - kept + i].hash) << n;
      ASSERT_EQ(state->tail[i].packet_id, said[said.size() - kept + i].packet_id) << n;
    }
  }
  std::filesystem::remove_all(folder);
}

// Its page's checksum is right and the chunk's is wrong, as when damage was there before the page was
// written.
TEST(Seal, a_damaged_chunk_is_a_gap_and_all_else_goes_on) {
  char name[] = "/tmp/alona-seal-XXXXXX";
  const std::filesystem::path folder = mkdtemp(name);
  const std::filesystem::path db = folder / "alona.sqlite3";
  auto writer = Writer::open(db, Open::create);
  ASSERT_TRUE(writer);
  const auto put = [&](int from, int to) {
    Batch batch;
    batch.received = noon;
    batch.nodes = {{NodeNo{1}, "roof", "", "", noon}};
    batch.series = {{SeriesNo{1}, NodeNo{1}, "t", "m", "", {}}};
    for (int s = from; s < to; ++s) batch.readings.push_back({SeriesNo{1}, noon + Ms{1000 * s}, s + 0.5, 0});
    ASSERT_TRUE(writer->commit(batch));
    ASSERT_TRUE(writer->fold({}, noon));
  };
  const auto seal = [&] {
    for (int slice = 0; slice < 100; ++slice) ASSERT_TRUE(writer->seal_some(Ms{20}, 2));
  };
  put(0, 5'000), seal();  // a full chunk and one that grows
  {
    SQLite::Database shell{db.string(), SQLite::OPEN_READWRITE, 5000, *checksum_vfs()};
    ASSERT_EQ(shell.exec("UPDATE chunk SET data = CAST(substr(data, 1, length(data) - 1) || x'AA' AS BLOB) "
                         "WHERE start = (SELECT "
                         "max(start) FROM chunk)"),
              1);
  }
  const auto history = [&] {
    auto reader = Reader::open(db);
    auto answer = reader->history({SeriesNo{1}, noon, noon + Ms{20'000'000}, 100'000});
    EXPECT_TRUE(answer) << answer.error().text();
    return *answer;
  };
  History seen = history();
  EXPECT_EQ(seen.buckets.size(), 4'096u);
  ASSERT_EQ(seen.gaps.size(), 1u);
  EXPECT_EQ(seen.gaps[0].from, noon + Ms{4'096'000});
  EXPECT_EQ(seen.gaps[0].cause, "damaged");
  const auto known =
      writer->known({{SeriesNo{1}, noon + Ms{4'500'000}, 0, 0}, {SeriesNo{1}, noon + Ms{1'000}, 0, 0}});
  ASSERT_TRUE(known);
  EXPECT_FALSE((*known)[0]);
  ASSERT_TRUE((*known)[1]);
  EXPECT_EQ((*known)[1]->value, 1.5);
  put(5'000, 6'000), seal();
  seen = history();
  EXPECT_EQ(seen.buckets.size(), 5'096u);
  EXPECT_EQ(seen.gaps.size(), 1u);
  std::filesystem::remove_all(folder);
}

// ALONA_SEED repeats one; ALONA_LONG=1 does a hundred thousand operations.
TEST(Seal, agrees_with_a_plain_model) {
  const char* given = std::getenv("ALONA_SEED");    // NOLINT(concurrency-mt-unsafe): nobody sets it
  const char* is_long = std::getenv("ALONA_LONG");  // NOLINT(concurrency-mt-unsafe)
  const std::uint64_t seed = given != nullptr ? std::stoull(given) : std::random_device{}();
  const int operations = is_long != nullptr ? 100'000 : 6'000;
  SCOPED_TRACE(fmt::format("ALONA_SEED={}", seed));
  Box box{seed};
  for (int n = 0; n < operations && !::testing::Test::HasFailure(); ++n) {
    switch (box.draw(40)) {
      case 0:
        box.fold();
        break;
      case 1:
        box.reopen();
        break;
      case 2:
        box.crash();
        break;
      case 3:
        box.exclude();
        break;
      default:
        box.draw(2) == 0 ? box.insert() : box.seal();
    }
    if (n % 500 == 0) box.check();
  }
  box.seal_all();
  box.check();
  box.reopen();
  box.check();
}

}  // namespace
}  // namespace alona::store
