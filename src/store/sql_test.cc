// `readings` as SQL sees it: the same as an export, whatever the constraints; and nothing can be changed.
#include "store/sql.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <random>

#include "store/reader.h"
#include "store/reading_text.h"
#include "store/sql_table.h"
#include "store/writer.h"

namespace alona::store {
namespace {

constexpr UtcMs day = utc_ms(1'795'478'400'000);  // 2026-11-24

class SqlTest : public testing::Test {
 protected:
  // Two nodes, three series, most of it sealed, some of it again in the log with other values.
  SqlTest() {
    folder = mkdtemp(name);
    auto writer = Writer::open(folder / "alona.sqlite3", Open::create);
    Batch batch;
    batch.received = day;
    batch.nodes = {{NodeNo{1}, "well", "", "", day}, {NodeNo{2}, "roof", "", "", day}};
    batch.series = {{SeriesNo{1}, NodeNo{1}, "level", "m", "", {}},
                    {SeriesNo{2}, NodeNo{2}, "t", "°C", "", {}},
                    {SeriesNo{3}, NodeNo{1}, "level", "cm", "", {}}};
    std::mt19937 random{7};
    for (int i = 0; i < 30'000; ++i) {
      const auto series = static_cast<SeriesNo>(1 + i % 3);
      batch.readings.push_back({series, day + Ms{5000LL * (i / 3)}, static_cast<double>(random() % 1000) / 10,
                                static_cast<std::uint8_t>(random() % 3)});
    }
    EXPECT_TRUE(writer->commit(batch));
    EXPECT_TRUE(writer->fold({}, day));
    while (writer->seal_some(Ms{1000}, 1000).value_or(false)) {
    }
    Batch more;
    more.received = day;
    for (int i = 0; i < 300; ++i) more.readings.push_back({SeriesNo{1}, day + Ms{2500LL * i}, -1.5, 0x21});
    EXPECT_TRUE(writer->commit(more));
    auto reader = Reader::open(folder / "alona.sqlite3");
    EXPECT_TRUE(reader->export_readings({}, [&](const NamedReading& r) {
      const auto ms = [](double v) { return fmt::format("{}", v); };
      rows.push_back({iso8601(r.ts), r.node, r.sensor, ms(r.value), r.unit, quality_text(r.flags)});
      return true;
    }));
    auto opened = Sql::open(folder / "alona.sqlite3", cancel);
    EXPECT_TRUE(opened) << opened.error().text();
    sql = std::make_unique<Sql>(std::move(*opened));
  }
  ~SqlTest() override {
    sql.reset();
    std::filesystem::remove_all(folder);
  }

  using Row = std::vector<std::string>;
  std::vector<Row> ask(const std::string& query) {
    std::vector<Row> found;
    const auto text = [](const SqlValue& v) -> std::string {
      switch (v.kind) {
        case SqlValue::Kind::integer:
          return std::to_string(v.integer);
        case SqlValue::Kind::real:
          return fmt::format("{}", v.real);
        case SqlValue::Kind::null:
          return "NULL";
        default:
          return std::string(v.text);
      }
    };
    last = sql->run(query, {.columns = [](const auto&) {},
                            .row =
                                [&](std::span<const SqlValue> values) {
                                  Row row;
                                  for (const auto& v : values) row.push_back(text(v));
                                  found.push_back(std::move(row));
                                  return true;
                                },
                            .end = [] {}});
    return found;
  }
  template <class Keep>
  std::vector<Row> kept(Keep keep) {
    std::vector<Row> found;
    std::ranges::copy_if(rows, std::back_inserter(found), keep);
    return found;
  }

  char name[32] = "/tmp/alona-sql-XXXXXX";
  std::filesystem::path folder;
  std::atomic<bool> cancel = false;
  std::unique_ptr<Sql> sql;
  std::vector<Row> rows;
  Result<void> last;
};

TEST_F(SqlTest, holds_what_an_export_holds) {
  ASSERT_EQ(rows.size(), 30'150);
  EXPECT_EQ(ask("SELECT * FROM readings"), rows);
  EXPECT_EQ(ask("SELECT count(*), count(DISTINCT time || node || sensor || unit) FROM readings"),
            (std::vector<Row>{{"30150", "30150"}}));
}

// Random constraints against the same done by hand, in order and out of it.
TEST_F(SqlTest, constraints_find_what_a_look_at_every_row_finds) {
  std::mt19937 random{11};
  const auto any = [&](auto... of) {
    const std::array<std::string, sizeof...(of)> all{of...};
    return all[random() % all.size()];
  };
  for (int round = 0; round < 60; ++round) {
    const std::string node = any("well", "roof", "WELL", ""), unit = any("m", "cm", "°C", "");
    const std::string low = any("2026", "2026-11-24", "2026-11-24 12:00", "2026-11-24T03:00:00.000Z",
                                "2026-11-24T03:00:02.500Z", "2026-11-24T03", "2027", "", "x", "9");
    const std::string high =
        any("2026-11-24T08", "2026-11-24T03:00:05.000Z", "2026-11-25", "~", "1", "2026-11-24T03:00");
    const std::string above = any(">", ">="), below = any("<", "<=");
    const std::string where = fmt::format("time {} '{}' AND time {} '{}'{}{}", above, low, below, high,
                                          node.empty() ? "" : " AND node = '" + node + "'",
                                          unit.empty() ? "" : " AND unit = '" + unit + "'");
    const auto expected = kept([&](const Row& r) {
      return (above == ">" ? r[0] > low : r[0] >= low) && (below == "<" ? r[0] < high : r[0] <= high) &&
             (node.empty() || r[1] == node) && (unit.empty() || r[4] == unit);
    });
    EXPECT_EQ(ask("SELECT * FROM readings WHERE " + where), expected) << where;
    EXPECT_EQ(ask("SELECT * FROM readings WHERE " + where + " ORDER BY node, sensor, unit, time"), expected)
        << where;
    auto by_time = expected;
    std::ranges::sort(by_time);
    EXPECT_EQ(
        ask("SELECT * FROM readings WHERE " + where + " ORDER BY time, node, sensor, value + 0, unit").size(),
        by_time.size());
  }
}

TEST_F(SqlTest, odd_constraints_are_right_too) {
  const auto n = [&](const std::string& where) {
    const auto found = ask("SELECT count(*) FROM readings WHERE " + where);
    return found.empty() ? last.error().what : found[0][0];
  };
  const auto of = [&](auto keep) { return std::to_string(kept(keep).size()); };
  EXPECT_EQ(n("node = 'WELL' COLLATE NOCASE"), of([](const Row& r) { return r[1] == "well"; }));
  EXPECT_EQ(n("node IN ('well', 'roof') AND unit = 'cm'"), of([](const Row& r) { return r[4] == "cm"; }));
  EXPECT_EQ(n("node = 'well' OR node = 'roof' OR unit = 'm'"), "30150");
  EXPECT_EQ(n("(node = 'well' AND time < '2026-11-24T01') OR (unit = 'cm' AND time < '2026-11-24T02')"),
            of([](const Row& r) {
              return (r[1] == "well" && r[0] < "2026-11-24T01") || (r[4] == "cm" && r[0] < "2026-11-24T02");
            }));
  EXPECT_EQ(n("time = '2026-11-24T00:00:05.000Z'"), "3");
  EXPECT_EQ(n("time = NULL"), "0");
  EXPECT_EQ(n("time > 1 AND time < x'00'"), "30150");
  EXPECT_EQ(n("node = 'well' AND node = 'roof'"), "0");
  EXPECT_EQ(n("time BETWEEN '2026-11-24T00:00' AND '2026-11-24T00:00:05.000Z' AND node = 'roof'"), "2");
  const auto joined = ask(
      "SELECT count(*) FROM readings a JOIN readings b ON a.time = b.time AND b.unit = 'cm' WHERE a.unit = "
      "'°C' AND a.time < '2026-11-24T00:10'");
  EXPECT_EQ(joined, (std::vector<Row>{{"120"}}));
  EXPECT_EQ(ask("SELECT time FROM readings WHERE node = 'well' AND sensor = 'level' AND unit = 'cm' ORDER BY "
                "time DESC LIMIT 1"),
            (std::vector<Row>{{"2026-11-24T13:53:15.000Z"}}));
}

TEST_F(SqlTest, changes_nothing) {
  for (const std::string text : {"INSERT INTO node VALUES (9,'x','','',0,0,0,0)",
                                 "UPDATE node SET name = 'x'",
                                 "DELETE FROM node",
                                 "INSERT INTO readings VALUES (1,2,3,4,5,6)",
                                 "DELETE FROM readings",
                                 "DROP TABLE node",
                                 "CREATE TABLE x(a)",
                                 "CREATE TEMP TABLE x(a)",
                                 "CREATE VIEW x AS SELECT 1",
                                 "ATTACH '/tmp/alona-other' AS b",
                                 "VACUUM",
                                 "VACUUM INTO '/tmp/alona-other'",
                                 "PRAGMA writable_schema=1",
                                 "PRAGMA query_only=0",
                                 "PRAGMA journal_mode=DELETE",
                                 "PRAGMA user_version=9",
                                 "PRAGMA wal_checkpoint(TRUNCATE)",
                                 "SELECT load_extension('x')",
                                 "BEGIN IMMEDIATE",
                                 "SAVEPOINT a",
                                 "REINDEX",
                                 "ANALYZE",
                                 "ALTER TABLE node RENAME TO x"}) {
    ask(text);
    ASSERT_FALSE(last) << text;
    EXPECT_EQ(last.error().code, Errc::refused) << text << ": " << last.error().what;
  }
  EXPECT_FALSE(std::filesystem::exists("/tmp/alona-other"));
  EXPECT_EQ(ask("SELECT count(*) FROM readings")[0][0], "30150");
}

TEST_F(SqlTest, says_what_is_wrong_and_ends_when_told) {
  ask("SELEC 1");
  EXPECT_EQ(last.error().code, Errc::usage);
  ask("SELECT * FROM nowhere");
  EXPECT_EQ(last.error().what, "SQL: no such table: nowhere");
  EXPECT_EQ(ask("SELECT 1; -- two\nSELECT 'x;y'; ").size(), 2);
  EXPECT_TRUE(last);
  cancel = true;
  ask("SELECT count(*) FROM readings a, readings b");
  EXPECT_EQ(last.error().code, Errc::closed);
}

TEST(SqlTime, text_bounds_become_times) {
  const UtcMs noon = utc_ms(1'795'521'600'000);
  EXPECT_EQ(iso8601(first_not_before("2026-11-24T12:00:00.000Z", false)), "2026-11-24T12:00:00.000Z");
  EXPECT_EQ(first_not_before("2026-11-24T12:00:00.000Z", true), noon + Ms{1});
  EXPECT_EQ(first_not_before("2026-11-24T12", true), noon);
  EXPECT_EQ(iso8601(first_not_before("2026-11-24 12:00", false)), "2026-11-24T00:00:00.000Z");
  EXPECT_EQ(first_not_before("", false), UtcMs::min());
  EXPECT_EQ(first_not_before("z", false), UtcMs::max());
}

TEST(Quality, every_flag_has_its_word) {
  for (int flags = 0; flags < 256; ++flags)
    EXPECT_EQ(parse_quality(quality_text(static_cast<std::uint8_t>(flags))), flags);
  for (const auto* wrong : {"", "Node", "node+", "node++late", "+late", "node,late"})
    EXPECT_FALSE(parse_quality(wrong));
}

}  // namespace
}  // namespace alona::store
