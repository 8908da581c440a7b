// The log of commits: what it costs, that it goes round and grows, and what damage leaves.
#include "store/hot_log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <random>
#include <set>

#include "store/checksum_vfs.h"
#include "store/database.h"
#include "store/reader.h"
#include "store/wal_check.h"
#include "store/writer.h"

namespace alona::store {
namespace {

constexpr UtcMs noon = utc_ms(1'795'521'600'000);
namespace fs = std::filesystem;

class Log : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::mkdtemp(name_);
    open(Open::create);
  }
  void TearDown() override {
    writer_.reset();
    fs::remove_all(folder_);
  }
  void open(Open how = Open::existing) {
    writer_.reset();
    auto opened = Writer::open(db(), how);
    ASSERT_TRUE(opened) << opened.error().text();
    writer_.emplace(std::move(*opened));
  }
  [[nodiscard]] fs::path db() const { return folder_ / "alona.sqlite3"; }

  // `n` readings of series 1, one a second, going on where the last ones ended.
  void commit(std::size_t n) {
    Batch batch;
    batch.received = noon + Ms{1000 * static_cast<std::int64_t>(stored_)};
    if (stored_ == 0) {
      batch.nodes = {{NodeNo{1}, "roof", "", "", noon}};
      batch.series = {{SeriesNo{1}, NodeNo{1}, "t", "m", "", {}}};
    }
    for (; n > 0; --n, ++stored_) {
      batch.readings.push_back({SeriesNo{1}, noon + Ms{1000 * static_cast<std::int64_t>(stored_)},
                                static_cast<double>(stored_) + 0.123456789012, 0});
    }
    const auto receipt = writer_->commit(batch);
    ASSERT_TRUE(receipt) << receipt.error().text();
  }
  // The values there are, as the numbers of the readings.
  [[nodiscard]] std::vector<std::size_t> exported(bool whole = true) const {
    std::vector<std::size_t> found;
    auto reader = Reader::open(db());
    EXPECT_TRUE(reader);
    const auto done = reader->export_readings({}, [&](const NamedReading& r) {
      found.push_back(static_cast<std::size_t>(r.value));
      return true;
    });
    EXPECT_EQ(done.has_value(), whole);
    return found;
  }
  [[nodiscard]] std::vector<std::size_t> all() const {
    std::vector<std::size_t> numbers(stored_);
    std::iota(numbers.begin(), numbers.end(), 0u);
    return numbers;
  }
  // Its file is longer than what is in it.
  [[nodiscard]] std::uint64_t wal_frames() const { return check_wal(db())->frames; }

  char name_[32] = "/tmp/alona-log-XXXXXX";
  fs::path folder_;
  std::optional<Writer> writer_;
  std::size_t stored_ = 0;
};

TEST_F(Log, a_small_commit_writes_one_page) {
  commit(10);
  for (int i = 0; i < 50; ++i) {
    const auto before = wal_frames();
    commit(10);
    EXPECT_EQ(wal_frames() - before, 1u) << i;
  }
  EXPECT_EQ(exported(), all());
}

// Each change of the file's length costs a commit of the file system's own.
TEST_F(Log, beside_a_reader_the_log_of_writes_grows_in_few_steps) {
  commit(10);
  SQLite::Database reader{db().string(), SQLite::OPEN_READONLY, 5000, *checksum_vfs()};
  SQLite::Transaction moment{reader};
  ASSERT_GT(reader.execAndGet("SELECT count(*) FROM sqlite_schema").getInt(), 0);
  std::set<std::uintmax_t> lengths;
  for (int i = 0; i < 1500; ++i) {
    commit(10);
    lengths.insert(fs::file_size(db().string() + "-wal"));
  }
  const auto log = check_wal(db());
  ASSERT_TRUE(log);
  EXPECT_GT(log->frames, 1500u) << "it couldn't begin anew";
  EXPECT_FALSE(log->damaged) << "zeros behind the last frame are no damage";
  EXPECT_LE(lengths.size(), 4u);
  EXPECT_GT(*lengths.rbegin(), log->frames * (24 + 512)) << "and is longer than what is in it";
}

TEST_F(Log, commits_of_any_size_come_back_while_it_goes_round_and_grows) {
  std::mt19937_64 random{7};
  for (int i = 0; i < 600; ++i) {
    commit(random() % 20 == 0 ? random() % 3000 : random() % 30);
    if (i % 37 == 0) {
      ASSERT_TRUE(writer_->fold({}, noon));
    }
    ASSERT_TRUE(writer_->seal_some(Ms{5}, 5'000));
    if (i % 100 == 99) {
      open();
      ASSERT_EQ(exported(), all()) << i;
    }
  }
}

// A page whose checksum is right and whose contents aren't: worse than what a disk does.
TEST_F(Log, a_damaged_page_costs_its_own_commits_and_is_told) {
  for (int i = 0; i < 40; ++i) commit(i == 20 ? 200 : 10);
  writer_.reset();  // closes, and with that checkpoints
  for (int row = 1; row < 12; ++row) {
    const fs::path copy = folder_ / "copy.sqlite3";
    fs::copy_file(db(), copy, fs::copy_options::overwrite_existing);
    {
      SQLite::Database shell{copy.string(), SQLite::OPEN_READWRITE, 5000, *checksum_vfs()};
      SQLite::Statement spoil{shell, "UPDATE log SET data = zeroblob(length(data)) WHERE page = ?"};
      spoil.bind(1, row);
      spoil.exec();
    }
    EXPECT_FALSE(Writer::open(copy, Open::existing)) << row;  // its windows and counts are gone
    auto reader = Reader::open(copy);
    ASSERT_TRUE(reader);
    const auto history = reader->history({SeriesNo{1}, noon, noon + Ms{10'000'000}, 100'000});
    ASSERT_TRUE(history);
    EXPECT_EQ(history->gaps.size(), 1u) << row;
    EXPECT_LT(history->buckets.size(), stored_) << row;
    EXPECT_GT(history->buckets.size(), stored_ - 300) << row;
    for (const Bucket& bucket : history->buckets)
      EXPECT_EQ((bucket.start - noon).count() / 1000, static_cast<std::int64_t>(bucket.min));
  }
}

}  // namespace
}  // namespace alona::store
