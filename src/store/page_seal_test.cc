// Pages that came home without a checksum, because another program was the last to have a killed core's
// database open: they count as such, they are read, and they get one.
#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "store/check.h"
#include "store/reader.h"
#include "store/writer.h"

namespace alona::store {
namespace {

namespace fs = std::filesystem;
constexpr UtcMs noon = utc_ms(1'795'521'600'000);
constexpr int commits = 60, readings_a_commit = 20;

class PageSeals : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/alona-pages-XXXXXX";
    folder_ = mkdtemp(name);
    const pid_t child = ::fork();
    if (child == 0) ::_exit(fill() ? 0 : 1);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
  }
  void TearDown() override { fs::remove_all(folder_); }
  [[nodiscard]] fs::path db() const { return folder_ / "alona.sqlite3"; }
  [[nodiscard]] bool fill() const {
    auto writer = Writer::open(db(), Open::create);
    if (!writer) return false;
    for (int n = 0; n < commits; ++n) {
      Batch batch;
      batch.received = noon + Ms{20'000 * n};
      batch.nodes = {{NodeNo{1}, "roof", "", "", noon}};
      batch.series = {{SeriesNo{1}, NodeNo{1}, "t", "C", "", {}}};
      for (int i = 0; i < readings_a_commit; ++i)
        batch.readings.push_back({SeriesNo{1}, batch.received + Ms{1000 * i}, n + i / 100.0, 0});
      if (!writer->commit(batch)) return false;
    }
    ::_exit(0);  // nothing is closed
  }
  // Looks at it and goes: SQLite writes the log's pages home.
  void visit_with_another_program() const {
    SQLite::Database shell{db().string(), SQLite::OPEN_READWRITE};
    ASSERT_GT(shell.execAndGet("SELECT count(*) FROM log").getInt(), 0);
  }
  [[nodiscard]] CheckReport checked() const {
    const auto report = full_check(db(), {.scratch = folder_ / "scratch"});
    EXPECT_TRUE(report) << report.error().text();
    EXPECT_TRUE(report->whole) << report->found;
    EXPECT_TRUE(report->on_copy);
    return *report;
  }
  [[nodiscard]] int readings() const {
    int n = 0;
    auto reader = Reader::open(db());
    EXPECT_TRUE(reader);
    EXPECT_TRUE(reader->export_readings({}, [&](const NamedReading&) { return ++n, true; }));
    return n;
  }
  fs::path folder_;
};

TEST_F(PageSeals, that_are_missing_are_made_good_in_slices_between_commits) {
  visit_with_another_program();
  const CheckReport before = checked();
  EXPECT_GT(before.unsealed, 20u);
  auto writer = Writer::open(db(), Open::existing);
  ASSERT_TRUE(writer) << writer.error().text();
  EXPECT_FALSE(*writer->seal_pages(Ms{1000}));  // nobody has said that any are missing
  EXPECT_GT(checked().unsealed, 20u);
  ASSERT_TRUE(writer->put_check({noon, "full", true, "", before.unsealed}, {}));
  int slices = 0;
  for (bool more = true; more && slices < 10'000; ++slices) {
    const auto sealed = writer->seal_pages(Ms{0});
    ASSERT_TRUE(sealed) << sealed.error().text();
    more = *sealed;
    Batch batch;
    batch.received = noon;
    batch.readings = {{SeriesNo{1}, noon - Ms{1000 * (slices + 1)}, 1.0, 0}};
    ASSERT_TRUE(writer->commit(batch));
  }
  EXPECT_GT(slices, 1);
  EXPECT_LT(slices, 10'000);
  EXPECT_EQ(checked().unsealed, 0u);
  EXPECT_EQ(readings(), commits * readings_a_commit + slices);
}

TEST_F(PageSeals, find_damage_in_what_had_none) {
  visit_with_another_program();
  {
    auto writer = Writer::open(db(), Open::existing);
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->put_check({noon, "full", true, "", 1}, {}));
    while (*writer->seal_pages(Ms{1000})) {
    }
  }
  std::fstream file{db(), std::ios::binary | std::ios::in | std::ios::out};
  const auto bytes = static_cast<std::streamoff>(fs::file_size(db()));
  file.seekg(bytes - 300);
  const int was = file.get();
  file.seekp(bytes - 300);
  file.put(static_cast<char>(was ^ 16));
  file.close();
  EXPECT_FALSE(full_check(db(), {})->whole);
}

}  // namespace
}  // namespace alona::store
