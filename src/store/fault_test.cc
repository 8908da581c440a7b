// A commit that was acknowledged is kept, whichever operation on the disk fails, and whenever the process
// ends.
#include "store/fault_vfs.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <random>

#include "store/reader.h"
#include "store/writer.h"

namespace alona::store {
namespace {

namespace fs = std::filesystem;
constexpr UtcMs noon = utc_ms(1'795'521'600'000);
constexpr int commits = 60;              // enough pages for a checkpoint on the way
constexpr int readings_a_commit = 1500;  // of doubles that don't pack
constexpr int commits_a_fold = 12;
constexpr int slices_a_commit = 4;  // of sealing
constexpr std::size_t hot_readings = 10 * readings_a_commit;

Batch batch_of(int n) {
  Batch batch;
  batch.received = noon + Ms{2000 * n};
  if (n == 0) {
    batch.nodes.push_back({static_cast<NodeNo>(1), "roof", "", "", noon, false, false});
    batch.series.push_back({static_cast<SeriesNo>(1), static_cast<NodeNo>(1), "x", "1", "", {}});
  }
  std::mt19937_64 random{static_cast<std::uint64_t>(n)};
  for (int i = 0; i < readings_a_commit; ++i) {
    const double value = std::uniform_real_distribution<double>{-1, 1}(random);
    batch.readings.push_back({static_cast<SeriesNo>(1), batch.received + Ms{i}, value, 1});
  }
  CountRow count{.node = static_cast<NodeNo>(1), .day = utc_day(noon)};
  count.stored = readings_a_commit;
  batch.counts.push_back(count);
  return batch;
}

// The values of commits 0 to n - 1, in order.
std::vector<double> values_up_to(int n) {
  std::vector<double> values;
  for (int i = 0; i < n; ++i) {
    for (const ReadingRow& row : batch_of(i).readings) values.push_back(row.value);
  }
  return values;
}

std::vector<double> exported(const fs::path& db) {
  std::vector<double> values;
  auto reader = Reader::open(db);
  EXPECT_TRUE(reader) << reader.error().text();
  if (!reader) return values;
  const auto done = reader->export_readings({}, [&](const NamedReading& r) {
    values.push_back(r.value);
    return true;
  });
  EXPECT_TRUE(done) << done.error().text();
  return values;
}

class FaultWalk : public testing::Test {
 protected:
  void SetUp() override {
    FaultVfs::install();
    FaultVfs::fault = {};
    folder_ = ::mkdtemp(name_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  // One life with one fault; returns whether it struck at all.
  bool live_through(Fault fault) {
    const fs::path db = folder_ / "db" / "alona.sqlite3";
    fs::remove_all(db.parent_path());
    FaultVfs::fault = {};
    auto writer = Writer::open(db, Open::create, FaultVfs::name);
    EXPECT_TRUE(writer) << writer.error().text();
    FaultVfs::fault = fault;
    for (int n = 0; n < commits; ++n) {
      if (auto done = writer->commit(batch_of(n)); !done) {
        killed_now_keeps(db, n);
        go_on(*writer, n, done.error());
      }
      if (n % commits_a_fold == 0 && !writer->fold({}, noon + Ms{2000 * n})) {
        killed_now_keeps(db, n + 1);
        look(*writer);
      }
      for (int slice = 0; slice < slices_a_commit; ++slice) {
        if (writer->seal_some(Ms{0}, hot_readings)) continue;
        killed_now_keeps(db, n + 1);
        look(*writer);
      }
      if (HasFailure()) return true;
    }
    const bool struck = FaultVfs::fault.struck;
    FaultVfs::fault.mend();
    EXPECT_TRUE(exported(db) == values_up_to(commits)) << "fault at operation " << fault.at;
    return struck;
  }

 private:
  // As after SIGKILL: only what is in the files counts. The first n commits were acknowledged.
  void killed_now_keeps(const fs::path& db, int n) {
    const fs::path copy = folder_ / "copy";
    fs::remove_all(copy);
    fs::copy(db.parent_path(), copy);
    fs::remove(copy / "alona.sqlite3-shm");
    const Fault before = std::exchange(FaultVfs::fault, {});
    {
      auto writer = Writer::open(copy / "alona.sqlite3", Open::existing, FaultVfs::name);
      ASSERT_TRUE(writer) << writer.error().text();
    }
    const auto values = exported(copy / "alona.sqlite3");
    const auto acknowledged = values_up_to(n);
    const auto and_the_last = values_up_to(n + 1);
    EXPECT_TRUE(values == acknowledged || values == and_the_last)
        << values.size() << " of " << n << " commits";
    FaultVfs::fault = before;
  }

  // What the core does: after an outcome that nobody knows it looks; what isn't there the broker delivers
  // again.
  void go_on(Writer& writer, int n, const Error& why) {
    std::uint64_t stored = static_cast<std::uint64_t>(n) * readings_a_commit;
    if (why.code == Errc::outcome_unknown) stored = look(writer);
    FaultVfs::fault.mend();
    if (stored == static_cast<std::uint64_t>(n + 1) * readings_a_commit) return;
    ASSERT_EQ(stored, static_cast<std::uint64_t>(n) * readings_a_commit);
    const auto again = writer.commit(batch_of(n));
    ASSERT_TRUE(again) << again.error().text();
  }

  std::uint64_t look(Writer& writer) {
    if (!writer.reopen()) FaultVfs::fault.mend();
    const auto opened = writer.reopen();
    EXPECT_TRUE(opened) << opened.error().text();
    auto state = writer.load();
    if (!state) {
      FaultVfs::fault.mend();
      state = writer.load();
    }
    EXPECT_TRUE(state) << state.error().text();
    return state ? state->readings_stored : 0;
  }

  char name_[32] = "/tmp/alona-fault-XXXXXX";
  fs::path folder_;
};

// A stride that meets every kind of operation; all of them with ALONA_LONG.
long stride() {
  return std::getenv("ALONA_LONG") != nullptr ? 1 : 193;  // NOLINT(concurrency-mt-unsafe): nobody sets it
}

void walk(const std::function<bool(long)>& live) {
  long at = 1;
  while (live(at) && !testing::Test::HasFailure()) at += at < 40 ? 1 : stride();
  EXPECT_GT(at, 1000) << "the scenario has become too short to tell anything";
}

TEST_F(FaultWalk, an_io_error_at_any_operation_loses_nothing_acknowledged) {
  walk([this](long at) { return live_through({.at = at}); });
}
TEST_F(FaultWalk, a_torn_write_at_any_operation_loses_nothing_acknowledged) {
  walk([this](long at) { return live_through({.at = at, .torn = true}); });
}
TEST_F(FaultWalk, a_disk_that_is_full_from_any_operation_on_loses_nothing_acknowledged) {
  walk([this](long at) { return live_through({.at = at, .lasting = true, .full = true}); });
}

}  // namespace
}  // namespace alona::store
