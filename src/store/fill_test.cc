// What a salvage lost is taken from a copy made before: never anything wrong, nothing twice, nothing that was
// removed on purpose.
#include "store/fill.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>

#include "store/check.h"
#include "store/checksum_vfs.h"
#include "store/database.h"
#include "store/reader.h"
#include "store/writer.h"

namespace alona::store {
namespace {

namespace fs = std::filesystem;
constexpr UtcMs noon = utc_ms(1'795'521'600'000);
constexpr int all_series = 6;

using Readings = std::map<std::pair<std::string, std::int64_t>, std::pair<double, std::uint8_t>>;

std::string read_file(const fs::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}
void write_file(const fs::path& path, const std::string& content) {
  std::ofstream{path, std::ios::binary | std::ios::trunc} << content;
}

class Fill : public ::testing::Test {
 protected:
  Fill() { folder = mkdtemp(name_); }
  ~Fill() override { fs::remove_all(folder); }
  [[nodiscard]] fs::path db() const { return folder / "alona.sqlite3"; }
  [[nodiscard]] fs::path copy() const { return folder / "copy.sqlite3"; }
  [[nodiscard]] fs::path fresh() const { return folder / "fresh.sqlite3"; }

  static Batch catalog() {
    Batch batch{.received = noon};
    for (int n = 1; n <= 2; ++n)
      batch.nodes.push_back({.no = NodeNo{n}, .id = fmt::format("node{}", n), .created = noon});
    for (int s = 1; s <= all_series; ++s)
      batch.series.push_back({.no = SeriesNo{s},
                              .node = NodeNo{1 + s / 4},
                              .sensor = fmt::format("s{}", s),
                              .unit = "C",
                              .label = fmt::format("label {}", s),
                              .decimals = {}});
    return batch;
  }
  static Batch batch_of(int n) {
    Batch batch{.received = noon + Ms{10'000 * n}};
    std::mt19937_64 random{static_cast<std::uint64_t>(n)};
    for (int s = 1; s <= all_series; ++s)
      for (int i = 0; i < 3; ++i)
        batch.readings.push_back({SeriesNo{s}, batch.received + Ms{1000 * i},
                                  std::uniform_real_distribution<double>{-1, 1}(random), 1});
    batch.events.push_back({NodeNo{1}, batch.received, 1, "door", fmt::format("{{\"n\":{}}}", n)});
    return batch;
  }
  // Commits [from, to), sealed as far as they go at every hundredth.
  static void commits(Writer& writer, int from, int to) {
    for (int n = from; n < to; ++n) {
      ASSERT_TRUE(writer.commit(batch_of(n)));
      if (n % 100 == 99) seal(writer);
    }
  }
  static void seal(Writer& writer) {
    ASSERT_TRUE(writer.fold({}, noon));
    while (*writer.seal_some(Ms{1000}, 200)) {
    }
  }
  Writer open() const {
    auto writer = Writer::open(db(), Open::create);
    EXPECT_TRUE(writer) << writer.error().text();
    EXPECT_TRUE(writer->load());
    return std::move(*writer);
  }
  void make(int n) {
    auto writer = open();
    ASSERT_TRUE(writer.commit(catalog()));
    ASSERT_TRUE(writer.put_user({"owner", "hash", true}));
    commits(writer, 0, n);
  }
  // As a backup has it: the database at rest.
  void take_copy() const {
    fs::copy_file(db(), copy(), fs::copy_options::overwrite_existing);
    EXPECT_FALSE(fs::exists(db().string() + "-wal") && fs::file_size(db().string() + "-wal") > 0);
  }

  static Readings readings_of(const fs::path& path) {
    Readings all;
    auto reader = Reader::open(path);
    EXPECT_TRUE(reader) << reader.error().text();
    if (!reader) return all;
    (void)reader->export_readings({}, [&](const NamedReading& r) {
      const bool once =
          all.emplace(std::pair{r.node + "/" + r.sensor, count(r.ts)}, std::pair{r.value, r.flags}).second;
      EXPECT_TRUE(once) << "twice";
      return true;
    });
    return all;
  }
  // Pages from `share` of the file on, `n` of them, are nothing but noise.
  void ruin(std::mt19937_64& random, double from, std::size_t n, std::size_t scattered = 0) const {
    std::string bytes = read_file(db());
    const auto spoil = [&](std::size_t page) {
      for (std::size_t i = 0; i < 512 && page * 512 + i < bytes.size(); ++i)
        bytes[page * 512 + i] = static_cast<char>(random());
    };
    const std::size_t pages = bytes.size() / 512;
    for (std::size_t i = 0; i < n; ++i)
      spoil(static_cast<std::size_t>(from * static_cast<double>(pages)) + i);
    for (std::size_t i = 0; i < scattered; ++i) spoil(2 + random() % (pages - 2));
    write_file(db(), bytes);
  }
  // Salvages `db` and fills it from `copy`. Nothing: there was nothing to salvage.
  std::optional<FillReport> mend() {
    auto lost = salvage(db(), fresh());
    if (!lost) return std::nullopt;
    salvaged = readings_of(fresh());
    auto filled = fill_from(fresh(), copy(), *lost, [] { return true; });
    EXPECT_TRUE(filled) << filled.error().text() << lost->text();
    if (!filled) return std::nullopt;
    expect_sound();
    return *filled;
  }
  // Whole in SQLite's sense and in ours: chunks of a series never overlap.
  void expect_sound() const {
    const auto check = full_check(fresh(), {.scratch = {}});
    ASSERT_TRUE(check) << check.error().text();
    EXPECT_TRUE(check->whole) << check->found;
    const auto vfs = checksum_vfs();
    const auto sql = open_reader(fresh().string(), *vfs);
    EXPECT_EQ(
        sql->execAndGet("SELECT count(*) FROM chunk a JOIN chunk b ON a.series = b.series AND a.epoch = "
                        "b.epoch AND a.id <> b.id AND a.damaged = 0 AND b.damaged = 0 AND a.start <= "
                        "b.start AND a.end >= b.start")
            .getInt(),
        0)
        << "overlapping";
    auto writer = Writer::open(fresh(), Open::existing);
    ASSERT_TRUE(writer && writer->load());
    ASSERT_TRUE(writer->commit({.received = noon + std::chrono::hours{900}}));
  }

  fs::path folder;
  Readings salvaged;

 private:
  char name_[32] = "/tmp/alona-fill-XXXXXX";
};

TEST_F(Fill, of_what_the_copy_has_nothing_stays_lost) {
  std::mt19937_64 random{2026};
  int filled = 0;
  for (int round = 0; round < 60; ++round) {
    fs::remove(db());
    make(330);
    take_copy();
    const Readings then = readings_of(copy());
    {
      auto writer = open();
      commits(writer, 330, 460);
    }
    const Readings now = readings_of(db());
    const double from = static_cast<double>(random() % 1000) / 1000;
    ruin(random, from, random() % 40, round % 2 == 0 ? 0 : 5);
    const auto report = mend();
    if (!report) continue;
    filled += report->readings > 0 ? 1 : 0;
    const Readings mended = readings_of(fresh());
    for (const auto& [key, value] : then)
      ASSERT_TRUE(mended.contains(key) && mended.at(key) == value) << round << key.first << key.second;
    for (const auto& [key, value] : salvaged) {
      if (key.first.starts_with("salvaged")) continue;  // it has its name again
      ASSERT_TRUE(mended.contains(key) && mended.at(key) == value) << round << key.first << key.second;
    }
    for (const auto& [key, value] : mended)
      ASSERT_TRUE(now.contains(key) && now.at(key) == value) << round << key.first << key.second;
  }
  EXPECT_GT(filled, 20);
}

TEST_F(Fill, of_an_undamaged_database_takes_nothing) {
  make(330);
  take_copy();
  {
    auto writer = open();
    commits(writer, 330, 400);
  }
  const Readings now = readings_of(db());
  const auto report = mend();
  ASSERT_TRUE(report);
  EXPECT_EQ(report->readings, 0u);
  EXPECT_TRUE(report->tables.empty());
  EXPECT_EQ(readings_of(fresh()), now);
}

TEST_F(Fill, twice_is_as_once) {
  make(330);
  take_copy();
  std::mt19937_64 random{4};
  ruin(random, 0.4, 30);
  ASSERT_TRUE(mend());
  const Readings once = readings_of(fresh());
  SalvageReport lost;
  lost.chunks_damaged = 1;
  const auto again = fill_from(fresh(), copy(), lost, [] { return true; });
  ASSERT_TRUE(again);
  EXPECT_EQ(again->readings, 0u);
  EXPECT_EQ(readings_of(fresh()), once);
}

// Later readings, corrections and exclusions count, also where they lie among those that were lost.
TEST_F(Fill, what_is_newer_stays) {
  make(330);
  take_copy();
  {
    auto writer = open();
    Batch late{.received = noon + std::chrono::hours{3}};
    for (int i = 0; i < 50; ++i) {
      late.readings.push_back({SeriesNo{1}, noon + Ms{10'000 * i * 3}, 1000.0 + i, 1});        // corrected
      late.readings.push_back({SeriesNo{2}, noon + Ms{10'000 * i * 3 + 500}, 2000.0 + i, 1});  // between
    }
    ASSERT_TRUE(writer.commit(late));
    ASSERT_TRUE(writer.exclude({.series = SeriesNo{3}, .from = noon, .to = noon + std::chrono::minutes{5}},
                               {.received = noon + std::chrono::hours{3}}));
    seal(writer);
  }
  const Readings now = readings_of(db());
  std::mt19937_64 random{9};
  for (int round = 0; round < 12; ++round) {
    const std::string whole = read_file(db());
    ruin(random, static_cast<double>(random() % 900) / 1000, 25);
    if (mend()) {
      const Readings mended = readings_of(fresh());
      for (const auto& [key, value] : salvaged) ASSERT_EQ(mended.at(key), value);
    }
    write_file(db(), whole);
  }
}

TEST_F(Fill, what_was_removed_on_purpose_doesnt_return) {
  make(330);
  take_copy();
  {
    auto writer = open();
    Batch batch{.received = noon + std::chrono::hours{2}};
    batch.nodes.push_back({.no = NodeNo{2}, .id = "node2", .created = noon, .removed = true});
    ASSERT_TRUE(writer.commit(batch));
    ASSERT_TRUE(writer.put_user({"guest", "hash", false}));
  }
  SalvageReport lost;
  for (const char* table : {"node", "series", "event", "user", "chunk"}) lost.tables.push_back({table, 0, 1});
  fs::copy_file(db(), fresh());
  const auto report = fill_from(fresh(), copy(), lost, [] { return true; });
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_FALSE(report->users);
  auto reader = Reader::open(fresh());
  ASSERT_TRUE(reader);
  const auto nodes = reader->nodes();
  ASSERT_TRUE(nodes);
  EXPECT_TRUE(nodes->at(1).removed);
  EXPECT_TRUE(*reader->user("guest"));
}

TEST_F(Fill, what_was_thinned_stays_so) {
  make(330);
  take_copy();
  {
    auto writer = open();
    while (*writer.thin_some(noon + std::chrono::hours{9000}, Ms{1000})) {
    }
  }
  const Readings thinned = readings_of(db());
  ASSERT_LT(thinned.size(), readings_of(copy()).size());
  fs::copy_file(db(), fresh());
  SalvageReport lost;
  lost.chunks_damaged = 1;
  ASSERT_TRUE(fill_from(fresh(), copy(), lost, [] { return true; }));
  expect_sound();
  EXPECT_EQ(readings_of(fresh()), thinned);
  std::mt19937_64 random{8};
  ruin(random, 0.5, 20);
  fs::remove(fresh());
  ASSERT_TRUE(mend());  // where a thinned piece is lost, what it was made of is better than nothing
  const Readings all = readings_of(copy()), mended = readings_of(fresh());
  for (const auto& [key, value] : mended)
    ASSERT_TRUE(thinned.contains(key) || all.at(key) == value) << key.first << key.second;
}

TEST_F(Fill, names_that_were_lost_come_back) {
  make(330);
  take_copy();
  const Readings now = readings_of(db());
  const auto vfs = checksum_vfs();
  {
    const auto sql = open_writer(db().string(), *vfs);
    sql->exec(
        "PRAGMA foreign_keys=OFF; DELETE FROM series WHERE no > 2; DELETE FROM node WHERE no = 2; DELETE "
        "FROM "
        "user; PRAGMA wal_checkpoint(TRUNCATE)");
  }
  auto lost = salvage(db(), fresh());
  ASSERT_TRUE(lost) << lost.error().text();
  for (SalvagedTable& table : lost->tables)
    if (table.name == "node" || table.name == "series" || table.name == "user") table.lost = 1;
  const auto report = fill_from(fresh(), copy(), *lost, [] { return true; });
  ASSERT_TRUE(report) << report.error().text();
  expect_sound();
  EXPECT_EQ(readings_of(fresh()), now) << "under their names";
  EXPECT_TRUE(report->users) << "nobody could log in";
  auto reader = Reader::open(fresh());
  ASSERT_TRUE(reader);
  const auto nodes = reader->nodes();
  ASSERT_TRUE(nodes);
  EXPECT_EQ(nodes->size(), 2u) << "no stand-in stays";
  EXPECT_EQ(reader->series()->at(4).label, "label 5");
}

// A series that is newer than the copy keeps its stand-in, under no other node's name; and a loss of series
// alone doesn't cost the nodes their names.
TEST_F(Fill, what_nobody_can_name_stays_nameless) {
  make(330);
  take_copy();
  {
    auto writer = open();
    Batch batch{.received = noon + std::chrono::hours{3}};
    batch.series.push_back(
        {.no = SeriesNo{7}, .node = NodeNo{1}, .sensor = "new", .unit = "C", .decimals = {}});
    batch.readings.push_back({SeriesNo{7}, noon + std::chrono::hours{3}, 7, 1});
    ASSERT_TRUE(writer.commit(batch));
  }
  {
    const auto vfs = checksum_vfs();
    const auto sql = open_writer(db().string(), *vfs);
    sql->exec(
        "PRAGMA foreign_keys=OFF; DELETE FROM series WHERE no > 2; DELETE FROM node WHERE no = 2; PRAGMA "
        "wal_checkpoint(TRUNCATE)");
  }
  auto lost = salvage(db(), fresh());
  ASSERT_TRUE(lost) << lost.error().text();
  for (SalvagedTable& table : lost->tables) table.lost = table.name == "series" ? 1 : 0;
  ASSERT_TRUE(fill_from(fresh(), copy(), *lost, [] { return true; }));
  expect_sound();
  const Readings mended = readings_of(fresh());
  EXPECT_EQ(mended.count({"salvaged/series-7", count(noon + std::chrono::hours{3})}), 1u);
  for (const auto& [key, value] : readings_of(copy())) ASSERT_TRUE(mended.contains(key)) << key.first;
}

TEST_F(Fill, a_copy_of_another_box_is_refused) {
  make(330);
  fs::rename(db(), copy());
  make(20);
  fs::copy_file(db(), fresh());
  SalvageReport lost;
  lost.chunks_damaged = 1;
  const auto filled = fill_from(fresh(), copy(), lost, [] { return true; });
  ASSERT_FALSE(filled);
  EXPECT_EQ(filled.error().code, Errc::refused);
  EXPECT_EQ(readings_of(fresh()), readings_of(db()));
}

TEST_F(Fill, given_up_anywhere_it_leaves_a_whole_database) {
  make(330);
  take_copy();
  std::mt19937_64 random{12};
  ruin(random, 0.3, 60);
  for (int steps = 0; steps < 4; ++steps) {
    auto lost = salvage(db(), fresh());
    ASSERT_TRUE(lost);
    int left = steps;
    const auto filled = fill_from(fresh(), copy(), *lost, [&] { return left-- > 0; });
    if (!filled) {
      EXPECT_EQ(filled.error().code, Errc::temporary) << filled.error().text();
    }
    expect_sound();
  }
}

}  // namespace
}  // namespace alona::store
