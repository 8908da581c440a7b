// The way back from a newer program's database: with its log and without, twice, and never over anything that
// is this program's own or damaged.
#include "store/step_back.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "store/migrate.h"
#include "store/reader.h"
#include "store/test_version.h"
#include "store/writer.h"

namespace alona::store {
namespace {

namespace fs = std::filesystem;

class StepBack : public testing::Test {
 protected:
  StepBack() : folder_(::mkdtemp(name_)) {
    commit(1);
    fs::copy_file(db(), copy());
  }
  ~StepBack() override { fs::remove_all(folder_); }

  // A commit, and the file closed.
  void commit(int n) const {
    auto writer = Writer::open(db(), Open::create);
    ASSERT_TRUE(writer && writer->load());
    ASSERT_TRUE(writer->commit(Batch{.received = utc_ms(1'795'521'600'000 + n)}));
  }
  // As a newer program that was killed leaves it: its version only in the log of writes.
  void newer_in_its_log() const {
    const fs::path kept = folder_ / "kept", kept_log = folder_ / "kept-wal";
    {
      SQLite::Database writer{db().string(), SQLite::OPEN_READWRITE, 5000, *checksum_vfs()};
      writer.exec(fmt::format("PRAGMA user_version={}", schema_version + 1));
      fs::copy_file(db(), kept);
      fs::copy_file(log(), kept_log);
    }
    fs::rename(kept, db());
    fs::rename(kept_log, log());
  }
  [[nodiscard]] Result<std::optional<fs::path>> go() const { return step_back(db(), folder_ / "quarantine"); }
  [[nodiscard]] bool readable() const { return Writer::open(db(), Open::existing).has_value(); }
  [[nodiscard]] std::string bytes_of(const fs::path& file) const {
    std::ifstream in{file, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
  }
  [[nodiscard]] fs::path db() const { return folder_ / "alona.sqlite3"; }
  [[nodiscard]] fs::path log() const { return folder_ / "alona.sqlite3-wal"; }
  [[nodiscard]] fs::path copy() const { return snapshot_path(db(), schema_version); }

 private:
  char name_[32] = "/tmp/alona-step-XXXXXX";
  fs::path folder_;
};

TEST_F(StepBack, a_database_of_this_program_stays_whatever_lies_beside_it) {
  commit(2);
  const std::string before = bytes_of(db());
  const auto done = go();
  ASSERT_TRUE(done) << done.error().text();
  EXPECT_FALSE(*done);
  EXPECT_EQ(bytes_of(db()), before);
  EXPECT_TRUE(fs::exists(copy())) << "an old copy isn't the newer one";
}

TEST_F(StepBack, a_newer_one_gives_way_to_the_copy_and_is_kept) {
  put_version(db(), schema_version + 1);
  EXPECT_FALSE(readable());
  const auto done = go();
  ASSERT_TRUE(done && *done) << (done ? "nothing done" : done.error().text());
  EXPECT_TRUE(fs::exists(**done));
  EXPECT_FALSE(fs::exists(copy()));
  EXPECT_TRUE(readable());
  EXPECT_FALSE(*go()) << "twice is once";
}

TEST_F(StepBack, so_does_one_whose_version_is_only_in_its_log) {
  newer_in_its_log();
  const auto opened = Writer::open(db(), Open::existing);
  ASSERT_FALSE(opened) << "a database of an unknown version is never gone on with";
  EXPECT_EQ(opened.error().code, Errc::newer);
  newer_in_its_log();
  const auto done = go();
  ASSERT_TRUE(done && *done) << (done ? "nothing done" : done.error().text());
  EXPECT_TRUE(readable());
}

TEST_F(StepBack, cut_short_behind_the_exchange_it_goes_on) {
  put_version(db(), schema_version + 1);
  fs::rename(db(), db().string() + ".x");
  fs::rename(copy(), db());
  fs::rename(db().string() + ".x", copy());
  const auto done = go();
  ASSERT_TRUE(done && *done);
  EXPECT_TRUE(readable());
  EXPECT_FALSE(fs::exists(copy()));
}

TEST_F(StepBack, without_a_copy_nothing_is_touched) {
  put_version(db(), schema_version + 1);
  fs::remove(copy());
  const std::string before = bytes_of(db());
  const auto done = go();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Errc::not_found);
  EXPECT_EQ(bytes_of(db()), before);
}

// The core looks at a damaged log before SQLite cuts it, and salvages; whoever opens it first takes that
// away.
TEST_F(StepBack, a_damaged_log_is_left_to_the_core) {
  newer_in_its_log();
  {
    std::fstream file{log(), std::ios::in | std::ios::out | std::ios::binary};
    file.seekp(32 + 24 + 100);
    file.put('\x55');
  }
  const std::string before = bytes_of(db()), log_before = bytes_of(log());
  const auto done = go();
  ASSERT_TRUE(done) << done.error().text();
  EXPECT_FALSE(*done);
  EXPECT_EQ(bytes_of(db()), before);
  EXPECT_EQ(bytes_of(log()), log_before);
}

}  // namespace
}  // namespace alona::store
