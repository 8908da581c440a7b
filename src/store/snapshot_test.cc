// One moment read beside a writer that commits, writes home and begins its log anew meanwhile.
#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "store/check.h"
#include "store/reader.h"
#include "store/snapshot.h"
#include "store/writer.h"

namespace alona::store {
namespace {

namespace fs = std::filesystem;
constexpr UtcMs noon = utc_ms(1'795'521'600'000);
constexpr auto go_on = [](std::uint64_t, std::uint64_t) { return true; };

class Snapshots : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/alona-moment-XXXXXX";
    folder_ = mkdtemp(name);
    open();
  }
  void TearDown() override {
    writer_.reset();
    fs::remove_all(folder_);
  }
  [[nodiscard]] fs::path db() const { return folder_ / "alona.sqlite3"; }
  void open() {
    auto writer = Writer::open(db(), Open::create);
    ASSERT_TRUE(writer) << writer.error().text();
    writer_.emplace(std::move(*writer));
    ASSERT_TRUE(writer_->load());
  }
  // Ten readings each.
  void commit(int n) {
    for (int i = 0; i < n; ++i, ++commits_) {
      Batch batch{.received = noon + Ms{1000 * commits_}};
      if (commits_ == 0) {
        batch.nodes.push_back({.no = NodeNo{1}, .id = "roof", .created = noon});
        batch.series.push_back({.no = SeriesNo{1}, .node = NodeNo{1}, .sensor = "t", .unit = "C"});
      }
      for (int k = 0; k < 10; ++k)
        batch.readings.push_back({SeriesNo{1}, batch.received + Ms{10 * k}, commits_ + k / 7.0, 0});
      ASSERT_TRUE(writer_->commit(batch));
    }
  }
  void seal() {
    ASSERT_TRUE(writer_->fold({}, noon + Ms{1000 * commits_}));
    while (*writer_->seal_some(Ms{1000}, 100)) {
    }
  }
  [[nodiscard]] std::string image(Snapshot& moment, const std::function<void()>& meanwhile) const {
    std::string all;
    const auto read = moment.read([&](std::span<const std::uint8_t> piece) -> Result<void> {
      all.append(reinterpret_cast<const char*>(piece.data()), piece.size());
      meanwhile();
      return {};
    });
    EXPECT_TRUE(read) << read.error().text();
    EXPECT_EQ(all.size(), moment.bytes());
    return all;
  }
  // The moment is the same however often it is read, is what its counts say, and is whole.
  void expect_one_moment(Snapshot& moment, std::uint64_t readings, const std::function<void()>& meanwhile) {
    const auto contents = moment.contents();
    ASSERT_TRUE(contents) << contents.error().text();
    EXPECT_EQ(contents->readings, readings);
    const std::string first = image(moment, meanwhile);
    ASSERT_TRUE(moment.check([&](std::uint64_t, std::uint64_t) { return meanwhile(), true; }));
    EXPECT_EQ(image(moment, meanwhile), first);
    EXPECT_EQ(*moment.contents(), *contents);
    const fs::path copy = folder_ / "copy.sqlite3";
    std::ofstream{copy, std::ios::binary} << first;
    const auto found = contents_of(copy);
    ASSERT_TRUE(found) << found.error().text();
    EXPECT_EQ(*found, *contents);
    const auto report = full_check(copy, {});
    ASSERT_TRUE(report) << report.error().text();
    EXPECT_TRUE(report->whole) << report->found;
    EXPECT_EQ(report->unsealed, 0u);
    for (const char* tail : {"", "-wal", "-shm"}) fs::remove(copy.string() + tail);
  }
  [[nodiscard]] std::uint64_t wal_round() const {
    std::ifstream wal{db().string() + "-wal", std::ios::binary};
    char bytes[16] = {};
    wal.read(bytes, sizeof bytes);
    return static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[15]));
  }
  fs::path folder_;
  std::optional<Writer> writer_;
  int commits_ = 0;
};

TEST_F(Snapshots, with_a_log_that_the_writer_goes_on_with) {
  commit(700);
  seal();
  commit(37);
  auto moment = Snapshot::begin(db());
  ASSERT_TRUE(moment) << moment.error().text();
  expect_one_moment(*moment, 7370, [&] { commit(40); });
  seal();
  expect_one_moment(*moment, 7370, [&] { commit(5); });
}

TEST_F(Snapshots, with_a_log_that_begins_anew_meanwhile) {
  commit(600);
  seal();
  // Everything is home, so the log may begin anew beside a reader.
  {
    SQLite::Database other{db().string(), SQLite::OPEN_READWRITE};
    ASSERT_EQ(other.execAndGet("PRAGMA wal_checkpoint(PASSIVE)").getInt(), 0);
  }
  const std::uint64_t before = wal_round();
  auto moment = Snapshot::begin(db());
  ASSERT_TRUE(moment) << moment.error().text();
  commit(1);
  EXPECT_NE(wal_round(), before) << "what this test is for";
  expect_one_moment(*moment, 6000, [&] { commit(40); });
}

TEST_F(Snapshots, of_a_database_that_nobody_has_open) {
  commit(300);
  writer_.reset();
  for (const char* tail : {"-wal", "-shm"}) fs::remove(db().string() + tail);
  auto moment = Snapshot::begin(db());
  ASSERT_TRUE(moment) << moment.error().text();
  expect_one_moment(*moment, moment->contents()->readings, [] {});
}

TEST_F(Snapshots, find_damage_in_the_file) {
  commit(600);
  seal();
  writer_.reset();
  std::fstream file{db(), std::ios::binary | std::ios::in | std::ios::out};
  const auto at = static_cast<std::streamoff>(fs::file_size(db()) / 2);
  file.seekg(at);
  const int was = file.get();
  file.seekp(at);
  file.put(static_cast<char>(was ^ 8));
  file.close();
  auto moment = Snapshot::begin(db());
  ASSERT_TRUE(moment) << moment.error().text();
  const auto checked = moment->check(go_on);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, Errc::corrupt) << checked.error().text();
  const auto read = moment->read([](std::span<const std::uint8_t>) -> Result<void> { return {}; });
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::corrupt) << read.error().text();
}

TEST_F(Snapshots, are_given_up_when_asked) {
  commit(600);
  seal();
  auto moment = Snapshot::begin(db());
  ASSERT_TRUE(moment) << moment.error().text();
  const auto checked = moment->check([](std::uint64_t, std::uint64_t) { return false; });
  if (!checked) {
    EXPECT_EQ(checked.error().code, Errc::temporary) << checked.error().text();
  }
  const auto read =
      moment->read([](std::span<const std::uint8_t>) { return fail(Errc::temporary, "enough"); });
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().what, "enough");
}

}  // namespace
}  // namespace alona::store
