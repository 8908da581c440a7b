// A file of every former version, made by the program of that time (tests/golden/databases), becomes one of
// this version with every row and reading as it was; a step that fails leaves the old one.
#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "store/checksum_vfs.h"
#include "store/fault_vfs.h"
#include "store/migrate.h"
#include "store/reader.h"
#include "store/writer.h"

namespace alona::store {
namespace {

namespace fs = std::filesystem;
const fs::path golden = fs::path{ALONA_SOURCE_DIR} / "tests/golden/databases";

class Upgrade : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    FaultVfs::install();
    FaultVfs::fault = {};
    folder_ = ::mkdtemp(name_);
    fresh();
  }
  void TearDown() override { fs::remove_all(folder_); }
  void fresh() {
    for (const auto& entry : fs::directory_iterator{folder_}) fs::remove_all(entry);
    fs::copy_file(golden / fmt::format("v{}.sqlite3", GetParam()), db());
  }
  [[nodiscard]] fs::path db() const { return folder_ / "alona.sqlite3"; }

 private:
  fs::path folder_;
  char name_[32] = "/tmp/alona-upgrade-XXXXXX";
};

// Every row of every table, by the columns it has in `like`; the log's commits are compared as readings.
using Rows = std::map<std::string, std::vector<std::string>>;
Rows rows_of(const fs::path& path, const Rows* like = nullptr) {
  SQLite::Database db{path.string(), SQLite::OPEN_READONLY, 0, *checksum_vfs()};
  Rows all;
  SQLite::Statement tables{
      db, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"};
  while (tables.executeStep()) {
    const std::string table = tables.getColumn(0).getString();
    if (table == "hot" || table == "log" || (like != nullptr && !like->contains(table))) continue;
    std::vector<std::string>& rows = all[table];
    std::string columns;
    if (like != nullptr) columns = like->at(table).front();
    if (columns.empty()) {
      SQLite::Statement names{
          db, "SELECT group_concat('quote(\"' || name || '\")', ' || '','' || ') FROM pragma_table_info(?)"};
      names.bind(1, table);
      names.executeStep();
      columns = names.getColumn(0).getString();
    }
    rows.push_back(columns);
    SQLite::Statement query{db, fmt::format("SELECT {} FROM \"{}\"", columns, table)};
    while (query.executeStep()) {
      const std::string row = query.getColumn(0).getString();
      // Where the log begins, and when it was upgraded, is new.
      if (table == "setting" && (row.starts_with("'log_") || row.starts_with("'upgraded_at'"))) continue;
      rows.push_back(row);
    }
  }
  return all;
}

// Releases have exported in different orders.
std::string sorted(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in{text};
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  std::ranges::sort(lines);
  return fmt::format("{}", fmt::join(lines, "\n"));
}

std::string csv_of(const fs::path& path) {
  auto reader = Reader::open(path);
  EXPECT_TRUE(reader) << reader.error().text();
  std::string text = "time,node,sensor,value,unit,quality\n";
  if (!reader) return {};
  const auto done = reader->export_readings({}, [&](const NamedReading& r) {
    std::array<char, 32> value{};
    const auto end = std::to_chars(value.data(), value.data() + value.size(), r.value).ptr;
    text += fmt::format("{},{},{},{},{},{}\n", iso8601(r.ts), r.node, r.sensor,
                        std::string_view(value.data(), end), r.unit,
                        std::array{"node", "receipt", "provisional"}.at(r.flags & flag::quality_mask));
    return true;
  });
  EXPECT_TRUE(done) << done.error().text();
  return sorted(text);
}

std::string golden_csv(int version) {
  std::ifstream file{golden / fmt::format("v{}.csv", version), std::ios::binary};
  return sorted({std::istreambuf_iterator<char>{file}, {}});
}

TEST_P(Upgrade, every_row_and_reading_is_as_it_was) {
  const Rows before = rows_of(db());
  ASSERT_GT(before.at("event").size(), 3u);
  {
    std::vector<std::string> told;
    auto writer =
        Writer::open(db(), Open::existing, {}, [&](const std::string& doing) { told.push_back(doing); });
    ASSERT_TRUE(writer) << writer.error().text();
    EXPECT_TRUE(writer->check_start());
    ASSERT_GE(told.size(), 2u);
    EXPECT_EQ(told.front(), fmt::format("a copy of its version {} is made first", GetParam()));
    EXPECT_EQ(told.back(), fmt::format("from version {} to {}", GetParam(), schema_version));
  }
  EXPECT_EQ(rows_of(db(), &before), before);
  EXPECT_EQ(csv_of(db()), golden_csv(GetParam()));
  // The copy is the old one, and goes after a week.
  const fs::path kept = snapshot_path(db(), GetParam());
  ASSERT_TRUE(fs::exists(kept));
  EXPECT_EQ(rows_of(kept), before);
  auto reader = Reader::open(db());
  const std::int64_t at = reader->proof()->upgraded_at;
  ASSERT_GT(at, 0);
  drop_old_snapshots(db(), at, at + std::int64_t{6} * 86'400'000);
  EXPECT_TRUE(fs::exists(kept));
  drop_old_snapshots(db(), at, at + std::int64_t{8} * 86'400'000);
  EXPECT_FALSE(fs::exists(kept));
}

TEST_P(Upgrade, a_step_that_fails_or_loses_rows_leaves_the_old_file) {
  const Rows before = rows_of(db());
  std::vector<Migration> steps(migrations.begin(), migrations.end());
  for (const char* bad :
       {"CREATE TABLE more (x); SELECT no_such_function(1)", "DELETE FROM event WHERE id = 1"}) {
    fresh();
    steps[static_cast<std::size_t>(GetParam())].sql = bad;
    const auto vfs = *checksum_vfs();
    const auto done = guarded(db().string(), [&] {
      const auto open = open_writer(db().string(), vfs);
      return upgrade(*open, db().string(), vfs, {}, steps);
    });
    EXPECT_FALSE(done && *done) << bad;
    EXPECT_EQ(rows_of(db()), before) << bad;
    SQLite::Database old{db().string()};
    EXPECT_EQ(old.execAndGet("PRAGMA user_version").getInt(), GetParam()) << bad;
  }
}

// Whichever operation on the disk fails, and however long: afterwards it is the old or the new, and whole.
TEST_P(Upgrade, a_failing_disk_leaves_the_old_or_the_new) {
  const std::string readings = golden_csv(GetParam());
  bool through = false;
  for (long at = 1; !through; at += at < 30 ? 1 : 1 + at / 6) {
    fresh();
    FaultVfs::fault = {.at = at, .lasting = at % 2 == 0, .full = at % 3 == 0, .torn = at % 5 == 0};
    {
      auto writer = Writer::open(db(), Open::existing, FaultVfs::name);
      through = !FaultVfs::fault.struck;
    }
    FaultVfs::fault = {};
    auto writer = Writer::open(db(), Open::existing);
    ASSERT_TRUE(writer) << at << ": " << writer.error().text();
    writer = std::unexpected(Error{});
    EXPECT_EQ(csv_of(db()), readings) << at;
  }
}

INSTANTIATE_TEST_SUITE_P(From, Upgrade, testing::Range(1, schema_version),
                         [](const auto& of) { return fmt::format("version_{}", of.param); });

}  // namespace
}  // namespace alona::store
