// Thinned history says the same of each ten minutes as before: least, mean and greatest value.
#include "store/thin.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "store/checksum_vfs.h"
#include "store/reader.h"
#include "store/writer.h"

namespace alona::store {
namespace {
using namespace std::chrono_literals;

constexpr std::int64_t minute = 60'000, ten = 600'000;
constexpr UtcMs begin = utc_ms(1'400'000'400'000);  // on a ten minutes' edge

Columns column(std::initializer_list<ReadingRow> rows) {
  Columns c;
  for (const ReadingRow& r : rows)
    c.ts.push_back(count(r.ts)), c.values.push_back(r.value), c.flags.push_back(r.flags);
  return c;
}

Columns a_reading_a_minute(std::size_t n, std::uint64_t seed, std::int64_t from = count(begin)) {
  std::mt19937_64 random{seed};
  Columns c;
  for (std::size_t i = 0; i < n; ++i) {
    c.ts.push_back(from + static_cast<std::int64_t>(i) * minute);
    c.values.push_back(static_cast<double>(random() % 4000) / 100 - 10);
    c.flags.push_back(static_cast<std::uint8_t>(random() % 30 == 0 ? 1 : 0));
  }
  return c;
}

Columns thinned(const Columns& in, bool head = false, bool tail = false) {
  Columns out;
  thin(in, head, tail, out);
  return out;
}

void expect_same(const Columns& a, const Columns& b) {
  EXPECT_EQ(a.ts, b.ts);
  EXPECT_EQ(a.values, b.values);
  EXPECT_EQ(a.flags, b.flags);
}

TEST(Thin, three_rows_stay_for_ten_minutes) {
  const Columns in = a_reading_a_minute(10, 1);
  const Columns out = thinned(in);
  ASSERT_EQ(out.ts.size(), 3u);
  EXPECT_EQ(out.ts,
            (std::vector{count(begin) + ten / 4, count(begin) + ten / 2, count(begin) + ten / 4 * 3}));
  EXPECT_EQ(out.values[0], *std::ranges::min_element(in.values));
  EXPECT_EQ(out.values[2], *std::ranges::max_element(in.values));
  double sum = 0;
  for (const double v : in.values) sum += v;
  EXPECT_NEAR(out.values[1], sum / 10, 0.0005) << "one place more than the readings";
  for (const auto f : out.flags) EXPECT_NE(f & flag::thinned, 0);
}

TEST(Thin, what_is_thinned_stays_and_few_readings_stay) {
  const Columns once = thinned(a_reading_a_minute(5'000, 2));
  EXPECT_EQ(once.ts.size(), 1'500u);
  expect_same(thinned(once), once);
  const Columns few = column({{{}, begin, 1}, {{}, begin + 1min, 2}, {{}, begin + 9min, 3}});
  expect_same(thinned(few), few);
  const Columns late = column({{{}, begin + 1min, 7},
                               {{}, begin + 2min, 8},
                               {{}, begin + 150s, 1, flag::thinned},
                               {{}, begin + 300s, 2, flag::thinned},
                               {{}, begin + 450s, 3, flag::thinned}});
  expect_same(thinned(late), late);
}

TEST(Thin, an_edge_that_another_chunk_shares_stays) {
  const Columns in = a_reading_a_minute(30, 3);
  EXPECT_EQ(thinned(in, true, false).ts.size(), 10u + 3 + 3);
  EXPECT_EQ(thinned(in, true, true).ts.size(), 10u + 3 + 10);
  EXPECT_EQ(thinned(in, false, true).ts.size(), 3u + 3 + 10);
}

TEST(Thin, what_is_marked_stays_as_it_is_and_counts_for_nothing) {
  Columns in = a_reading_a_minute(10, 4);
  in.values[3] = 1e9, in.flags[3] = flag::implausible;
  in.values[6] = -1e9, in.flags[6] = flag::excluded;
  const Columns out = thinned(in);
  ASSERT_EQ(out.ts.size(), 5u);
  EXPECT_TRUE(std::ranges::is_sorted(out.ts));
  EXPECT_EQ(std::ranges::count(out.values, 1e9), 1);
  EXPECT_EQ(std::ranges::count(out.values, -1e9), 1);
  in.ts[3] = count(begin) + ten / 4;  // just where the least would lie
  EXPECT_EQ(thinned(in).ts.size(), 10u);
}

TEST(Thin, marks_and_the_least_certain_time_speak_for_all) {
  Columns in = a_reading_a_minute(10, 5);
  in.flags[2] = 2, in.flags[4] = 1 | flag::received_late;
  EXPECT_EQ(thinned(in).flags[1], flag::thinned | flag::received_late | 2);
}

TEST(Thin, random_doubles_and_times_before_1970) {
  Columns in = a_reading_a_minute(1'000, 6, -500 * minute);
  std::mt19937_64 random{6};
  for (double& v : in.values) v = std::ldexp(static_cast<double>(random()), -60);
  const Columns out = thinned(in);
  EXPECT_EQ(out.ts.size(), 300u);
  EXPECT_EQ(std::ranges::adjacent_find(out.ts, std::greater_equal{}), out.ts.end());
  for (std::size_t i = 0; i < out.ts.size(); i += 3) {
    EXPECT_LE(out.values[i], out.values[i + 1]);
    EXPECT_LE(out.values[i + 1], out.values[i + 2]);
  }
}

class Box {
 public:
  Box() {
    char name[] = "/tmp/alona-thin-XXXXXX";
    folder_ = mkdtemp(name);
    open(Open::create);
    Batch catalog;
    catalog.received = begin;
    catalog.nodes = {{NodeNo{1}, "roof", "", "", begin}};
    for (int n = 1; n <= 2; ++n)
      catalog.series.push_back({SeriesNo{n}, NodeNo{1}, n == 1 ? "a" : "b", "m", "", {}});
    EXPECT_TRUE(writer->commit(catalog));
    for (int n = 1; n <= 2; ++n) fill(SeriesNo{n});
    seal();
  }
  ~Box() { std::filesystem::remove_all(folder_); }
  Box(const Box&) = delete;
  Box& operator=(const Box&) = delete;

  static constexpr std::size_t readings = 18'000;  // of each, twelve days
  [[nodiscard]] std::filesystem::path db() const { return folder_ / "alona.sqlite3"; }

  void open(Open how) {
    writer = fail(Errc::failed, "closed");
    writer = Writer::open(db(), how);
    ASSERT_TRUE(writer) << writer.error().text();
  }
  void fill(SeriesNo series) {
    const Columns c = a_reading_a_minute(readings, static_cast<std::uint64_t>(series));
    for (std::size_t at = 0; at < readings; at += 1000) {
      Batch batch;
      batch.received = begin;
      for (std::size_t i = at; i < at + 1000; ++i)
        batch.readings.push_back({series, utc_ms(c.ts[i]), c.values[i], c.flags[i]});
      ASSERT_TRUE(writer->commit(batch));
    }
  }
  void seal() {
    ASSERT_TRUE(writer->fold({}, begin));
    for (int slices = 0; slices < 10'000; ++slices) {
      const auto more = writer->seal_some(20ms, 4000);
      ASSERT_TRUE(more) << more.error().text();
      if (!*more) return;
    }
    FAIL() << "it doesn't end";
  }
  // True: there is more.
  [[nodiscard]] bool slice(UtcMs before, Ms budget = 0ms) {
    const auto more = writer->thin_some(before, budget);
    EXPECT_TRUE(more) << more.error().text();
    return more && *more;
  }
  void thin_all(UtcMs before) {
    for (int slices = 0; slices < 10'000; ++slices) {
      if (!slice(before)) return;
    }
    FAIL() << "it doesn't end";
  }
  [[nodiscard]] History hours(SeriesNo series) const {
    const UtcMs to = begin + 1min * readings;
    return *Reader::open(db())->history({series, begin, to, 400});
  }
  [[nodiscard]] std::size_t rows(const ExportFilter& filter = {}) const {
    std::size_t n = 0;
    EXPECT_TRUE(Reader::open(db())->export_readings(filter, [&](const NamedReading&) { return ++n, true; }));
    return n;
  }
  void sql(const std::string& text) const {
    SQLite::Database raw{db().string(), SQLite::OPEN_READWRITE, 5000, *checksum_vfs()};
    raw.exec(text);
  }
  [[nodiscard]] std::int64_t ask(const std::string& text) const {
    SQLite::Database raw{db().string(), SQLite::OPEN_READWRITE, 5000, *checksum_vfs()};
    return raw.execAndGet(text).getInt64();
  }

  Result<Writer> writer = fail(Errc::failed, "closed");

 private:
  std::filesystem::path folder_;
};

void expect_same_hours(const History& is, const History& was) {
  ASSERT_EQ(is.bucket, was.bucket);
  ASSERT_EQ(is.buckets.size(), was.buckets.size());
  for (std::size_t i = 0; i < is.buckets.size(); ++i) {
    const Bucket &a = is.buckets[i], &b = was.buckets[i];
    EXPECT_EQ(a.start, b.start);
    EXPECT_EQ(a.min, b.min);
    EXPECT_EQ(a.max, b.max);
    // Hours that hold both kinds weigh them by rows.
    EXPECT_NEAR(a.sum / a.n, b.sum / b.n, i + 1 == is.buckets.size() || a.n != b.n / 10 * 3 ? 9 : 0.001) << i;
  }
}

TEST(ThinSome, hours_say_the_same_in_a_third_of_the_room) {
  Box box;
  const History was[2] = {box.hours(SeriesNo{1}), box.hours(SeriesNo{2})};
  EXPECT_EQ(was[0].bucket, Ms{1h});
  const auto bytes = box.ask("SELECT sum(length(data)) FROM chunk");
  box.thin_all(utc_ms(count(begin) + 1'000'000 * minute));
  EXPECT_LT(box.ask("SELECT sum(length(data)) FROM chunk"), bytes / 2);
  EXPECT_GT(*box.writer->reusable_bytes(), static_cast<std::uint64_t>(bytes) / 3);
  for (int n : {1, 2}) expect_same_hours(box.hours(SeriesNo{n}), was[n - 1]);
  EXPECT_EQ(box.ask("SELECT count(*) FROM chunk WHERE thinned = 0"), 0);
  EXPECT_EQ(box.ask("SELECT count(*) FROM chunk a JOIN chunk b ON a.series = b.series AND a.start < b.start "
                    "AND a.end >= b.start"),
            0);
  const std::size_t rows = box.rows();
  EXPECT_LT(rows, Box::readings * 2 * 2 / 5);
  // A chunk's header says the same as its rows.
  const Columns once = thinned(a_reading_a_minute(4000, 9));
  double sum = 0;
  for (std::size_t i = 1; i < once.values.size(); i += 3) sum += 3 * once.values[i];
  EXPECT_NEAR(ChunkCodec{}.encode(SeriesNo{1}, once)->sum, sum, 1e-6);
  // And once more changes nothing.
  box.sql("UPDATE chunk SET thinned = 0");
  box.thin_all(utc_ms(count(begin) + 1'000'000 * minute));
  EXPECT_EQ(box.rows(), rows);
}

TEST(ThinSome, the_young_and_the_unsettled_stay) {
  Box box;
  const std::size_t all = box.rows();
  box.thin_all(begin);
  EXPECT_EQ(box.rows(), all);
  box.sql("UPDATE chunk SET epoch = 3 WHERE series = 2");
  const UtcMs half = begin + 1min * (Box::readings / 2);
  box.thin_all(half);
  EXPECT_EQ(box.ask("SELECT count(*) FROM chunk WHERE thinned = 1 AND (series = 2 OR end >= " +
                    std::to_string(count(half)) + ")"),
            0);
  const auto history = Reader::open(box.db())->history({SeriesNo{2}, begin, half, 100'000});
  EXPECT_EQ(history->buckets.size(), Box::readings / 2);
}

TEST(ThinSome, the_oldest_go_first) {
  Box box;
  ASSERT_TRUE(box.slice(UtcMs::max()));
  ASSERT_TRUE(box.slice(UtcMs::max()));
  EXPECT_EQ(box.ask("SELECT count(DISTINCT series) FROM chunk WHERE thinned = 1"), 2);
  EXPECT_LT(box.ask("SELECT max(end) FROM chunk WHERE thinned = 1"),
            box.ask("SELECT min(start) FROM chunk WHERE thinned = 0"));
}

// Wherever it ends: what is on the disk is whole, and going on brings the same.
TEST(ThinSome, a_crash_after_any_slice_leaves_history_whole) {
  Box box;
  const History was = box.hours(SeriesNo{1});
  for (int slices = 0; slices < 100; ++slices) {
    const auto left = box.ask("SELECT count(*) FROM chunk WHERE thinned = 0");
    bool more = true;
    while (more && box.ask("SELECT count(*) FROM chunk WHERE thinned = 0") == left)
      more = box.slice(UtcMs::max());
    box.open(Open::existing);
    expect_same_hours(box.hours(SeriesNo{1}), was);
    if (::testing::Test::HasFailure() || !more) return;
  }
  FAIL() << "it doesn't end";
}

TEST(ThinSome, it_needs_no_more_room_than_it_rewrites) {
  Box box;
  const auto pages = box.ask("PRAGMA page_count");
  box.thin_all(UtcMs::max());
  EXPECT_LE(box.ask("PRAGMA page_count"), pages + 32);
}

TEST(ThinSome, a_late_reading_finds_its_place_among_thinned_ones) {
  Box box;
  box.thin_all(UtcMs::max());
  const ExportFilter old{.node = {}, .sensor = "a", .from = begin, .to = begin + 1min * 5000};
  const std::size_t rows = box.rows(old);
  Batch batch;
  batch.received = begin;
  for (int i = 0; i < 5000; ++i) batch.readings.push_back({SeriesNo{1}, begin + 1min * i + 7s, 100.5, 0});
  ASSERT_TRUE(box.writer->commit(batch));
  box.seal();
  EXPECT_EQ(box.rows(old), rows + 5000);
  EXPECT_EQ(box.hours(SeriesNo{1}).buckets[0].max, 100.5);
  box.thin_all(UtcMs::max());
  EXPECT_EQ(box.rows(old), rows + 5000);
}

TEST(Bucketer, thinned_rows_are_one_bucket_of_ten_minutes) {
  Box box;
  box.thin_all(UtcMs::max());
  const auto few = Reader::open(box.db())->history({SeriesNo{1}, begin, begin + 30min, 100});
  ASSERT_EQ(few->buckets.size(), 3u);
  EXPECT_EQ(few->bucket, Ms{0});
  for (const Bucket& b : few->buckets) {
    EXPECT_EQ(b.n, 3u);
    EXPECT_LT(b.min, b.sum / b.n);
    EXPECT_LT(b.sum / b.n, b.max);
  }
  const auto cut = Reader::open(box.db())->history({SeriesNo{1}, begin, begin + 12min + 40s, 100});
  EXPECT_EQ(cut->buckets.size(), 1u) << "ten minutes without their mean aren't told";
}

TEST(Room, what_may_go_goes_a_slice_at_a_time) {
  Box box;
  for (int i = 0; i < 700; ++i) {
    box.sql("INSERT INTO heartbeat (node, ts, uptime_s, rssi_dbm, firmware, reset) VALUES (1, " +
            std::to_string(count(begin) + i) + ", 1, -50, 'f', 'r')");
    if (i < 3)
      box.sql(
          "INSERT INTO reject (node, topic, reason, detail, payload, payload_bytes, first, last, count, "
          "readings) VALUES ('roof', 't', 'json', '', x'00', 1, 0, 0, 2, 1)");
  }
  const UtcMs before = begin + 650ms;
  EXPECT_TRUE(*box.writer->drop_some(before));
  EXPECT_EQ(box.ask("SELECT count(*) FROM heartbeat"), 200);
  EXPECT_TRUE(*box.writer->drop_some(before));
  EXPECT_EQ(box.ask("SELECT count(*) FROM heartbeat"), 50) << "the young stay";
  EXPECT_TRUE(*box.writer->drop_some(before));
  EXPECT_EQ(box.ask("SELECT count(*) FROM reject"), 0);
  EXPECT_EQ(box.ask("SELECT value FROM setting WHERE name = 'rejects_dropped'"), 6);
  EXPECT_FALSE(*box.writer->drop_some(before));
}

TEST(Room, the_ledger_is_kept_with_the_fold) {
  Box box;
  box.writer->note_wear({{10, 5, {}, 100}, {11, 1, 7, 90}}, {"boot sda", 1234});
  EXPECT_TRUE(box.writer->ledger(9)->days.empty());
  ASSERT_TRUE(box.writer->fold({}, begin));
  box.writer->note_wear({{11, 2, 3, 80}}, {"boot sda", 1240});
  ASSERT_TRUE(box.writer->fold({}, begin));
  ASSERT_TRUE(box.writer->fold({}, begin)) << "adds nothing";
  box.open(Open::existing);
  const Ledger ledger = *box.writer->ledger(9);
  ASSERT_EQ(ledger.days.size(), 2u);
  EXPECT_FALSE(ledger.days[0].device_bytes);
  EXPECT_EQ(ledger.days[1].process_bytes, 3u);
  EXPECT_EQ(ledger.days[1].device_bytes, 10u);
  EXPECT_EQ(ledger.days[1].free_bytes, 80u);
  EXPECT_EQ(ledger.base.key, "boot sda");
  EXPECT_EQ(ledger.base.counter, 1240u);
  EXPECT_EQ(box.writer->ledger(1)->days.size(), 1u);
}

}  // namespace
}  // namespace alona::store
