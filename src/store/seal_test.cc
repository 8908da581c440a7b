// What sealing leaves alone, and what it does with damage. Against a model: seal_model_test.cc.
#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "store/checksum_vfs.h"
#include "store/reader.h"
#include "store/writer.h"

namespace alona::store {
namespace {

constexpr UtcMs noon = utc_ms(1'795'521'600'000);

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

// A visitor set the clock, a part of that boot's readings is sealed, and corrected in the boot's last
// minutes.
TEST(Seal, a_correction_stays_when_its_stretch_ends_between_two_passes) {
  char name[] = "/tmp/alona-seal-XXXXXX";
  const std::filesystem::path folder = mkdtemp(name);
  const std::filesystem::path db = folder / "alona.sqlite3";
  auto writer = Writer::open(db, Open::create);
  ASSERT_TRUE(writer);
  const auto epoch = [](int no, const char* boot) {
    return EpochRow{.no = EpochNo{no},
                    .boot = boot,
                    .source = ClockSource::visitor,
                    .begun = noon,
                    .mono = {},
                    .ended = {},
                    .shift = {}};
  };
  const auto put = [&](double value) {
    Batch batch;
    batch.received = noon;
    batch.epoch = EpochNo{1};
    batch.epochs = {epoch(1, "a")};
    batch.nodes = {{NodeNo{1}, "roof", "", "", noon}};
    batch.series = {{SeriesNo{1}, NodeNo{1}, "t", "m", "", {}}};
    for (int n = 0; n < 10; ++n)
      batch.readings.push_back({SeriesNo{1}, noon + Ms{1000 * n}, value, 1, EpochNo{1}});
    ASSERT_TRUE(writer->commit(batch));
  };
  const auto seal = [&] {
    ASSERT_TRUE(writer->fold({}, noon));
    for (int slice = 0; slice < 100; ++slice) ASSERT_TRUE(writer->seal_some(Ms{20}, 2));
  };
  put(1.5), seal();
  put(2.5);
  Batch next_boot;
  next_boot.received = noon;
  next_boot.epochs = {epoch(2, "b")};
  ASSERT_TRUE(writer->commit(next_boot));
  for (const bool opened_anew : {false, true}) {
    if (opened_anew) {
      writer = fail(Errc::failed, "closed");
      writer = Writer::open(db, Open::existing);
      ASSERT_TRUE(writer);
      put(3.5);
    }
    seal();
    const auto history = Reader::open(db)->history(
        {.series = SeriesNo{1}, .from = noon, .to = noon + std::chrono::hours{1}, .points_max = 100});
    ASSERT_TRUE(history);
    ASSERT_EQ(history->buckets.size(), 10u);
    for (const Bucket& b : history->buckets) EXPECT_EQ(b.max, opened_anew ? 3.5 : 2.5);
  }
  EXPECT_FALSE(writer->settled(EpochNo{1}));
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

}  // namespace
}  // namespace alona::store
