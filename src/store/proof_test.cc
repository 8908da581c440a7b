// Damage is found, told and survived: salvage, the opening rules, the log of writes, upgrades, checks.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>

#include "store/check.h"
#include "store/checksum_vfs.h"
#include "store/fault_vfs.h"
#include "store/migrate.h"
#include "store/opening.h"
#include "store/reader.h"
#include "store/wal_check.h"
#include "store/writer.h"

namespace alona::store {
namespace {

namespace fs = std::filesystem;
constexpr UtcMs noon = utc_ms(1'795'521'600'000);
constexpr int nodes = 2, series_a_node = 3;

class Folder {
 public:
  // In memory: hundreds of databases are synced.
  Folder() {
    if (::access("/dev/shm", W_OK) == 0) std::memcpy(name_, "/dev/shm/alona-proof-XXXXXX", 28);
    path = mkdtemp(name_);
  }
  ~Folder() { fs::remove_all(path); }
  fs::path path;
  [[nodiscard]] fs::path db() const { return path / "alona.sqlite3"; }
  [[nodiscard]] OpenRules rules(bool salvage = true) const {
    return {.quarantine = path / "quarantine", .salvage = salvage, .doing = {}};
  }

 private:
  char name_[32] = "/tmp/alona-proof-XXXXXX";
};

std::string read_file(const fs::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}
void write_file(const fs::path& path, const std::string& content) {
  std::ofstream{path, std::ios::binary | std::ios::trunc} << content;
}
void flip(std::string& bytes, std::size_t bit) {
  bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ 1 << bit % 8);
}

Batch catalog() {
  Batch batch;
  batch.received = noon;
  for (int n = 1; n <= nodes; ++n) {
    batch.nodes.push_back({static_cast<NodeNo>(n), fmt::format("node{}", n), "", "", noon, false, false});
    for (int s = 1; s <= series_a_node; ++s) {
      batch.series.push_back({static_cast<SeriesNo>((n - 1) * series_a_node + s),
                              static_cast<NodeNo>(n),
                              fmt::format("s{}", s),
                              "C",
                              "",
                              {}});
    }
  }
  return batch;
}

Batch batch_of(int n) {
  Batch batch;
  batch.received = noon + Ms{10'000 * n};
  std::mt19937_64 random{static_cast<std::uint64_t>(n)};
  for (int s = 1; s <= nodes * series_a_node; ++s) {
    for (int i = 0; i < 3; ++i) {
      const double value = s == 1 ? std::uniform_real_distribution<double>{-1, 1}(random)
                                  : static_cast<double>(random() % 400) / 10;
      batch.readings.push_back({static_cast<SeriesNo>(s), batch.received + Ms{1000 * i}, value, 1});
    }
  }
  batch.heartbeats.push_back({.node = static_cast<NodeNo>(1), .ts = batch.received, .uptime_s = n});
  batch.events.push_back({static_cast<NodeNo>(1), batch.received, 1, "door", fmt::format("{{\"n\":{}}}", n)});
  CountRow count{.node = static_cast<NodeNo>(1), .day = utc_day(noon)};
  count.stored = static_cast<std::uint32_t>(batch.readings.size());
  batch.counts.push_back(count);
  return batch;
}

using Readings = std::map<std::string, std::map<std::int64_t, double>>;

struct Exported {
  Readings readings;
  bool whole = true;
};

Exported exported(const fs::path& db) {
  Exported all;
  auto reader = Reader::open(db);
  if (!reader) return {{}, false};
  const auto done = reader->export_readings({}, [&](const NamedReading& r) {
    all.readings[r.node + "/" + r.sensor][count(r.ts)] = r.value;
    return true;
  });
  all.whole = done.has_value();
  return all;
}

// Sealed history, a log, events, users: as a core leaves it that was stopped, or (`killed`) ended.
constexpr int commits = 120;
void fill(const fs::path& db, bool killed = false) {
  const auto work = [&] {
    auto writer = Writer::open(db, Open::create);
    ASSERT_TRUE(writer) << writer.error().text();
    ASSERT_TRUE(writer->commit(catalog()));
    ASSERT_TRUE(writer->put_user({"owner", "hash", true}));
    for (int n = 0; n < commits; ++n) {
      ASSERT_TRUE(writer->commit(batch_of(n)));
      if (n != commits / 2) continue;
      ASSERT_TRUE(writer->fold({}, noon));
      while (*writer->seal_some(Ms{1000}, 400)) {
      }
    }
    if (killed) ::_exit(0);
  };
  if (!killed) return work();
  const pid_t child = ::fork();
  if (child == 0) {
    work();
    ::_exit(1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
}

const Readings& truth() {
  static const Readings all = [] {
    Readings made;
    for (int n = 0; n < commits; ++n) {
      for (const ReadingRow& r : batch_of(n).readings) {
        const int s = static_cast<int>(r.series) - 1;
        made[fmt::format("node{}/s{}", s / series_a_node + 1, s % series_a_node + 1)][count(r.ts)] = r.value;
      }
    }
    return made;
  }();
  return all;
}

std::size_t size_of(const Readings& all) {
  std::size_t n = 0;
  for (const auto& [name, of_series] : all) n += of_series.size();
  return n;
}

// Nothing that was never stored; names may be lost.
bool only_true(const Readings& found) {
  std::set<std::pair<std::int64_t, double>> anywhere;
  for (const auto& [name, of_series] : truth()) anywhere.insert(of_series.begin(), of_series.end());
  for (const auto& [name, of_series] : found) {
    const auto known = truth().find(name);
    for (const auto& reading : of_series) {
      if (known == truth().end()
              ? !anywhere.contains(reading)
              : !(known->second.contains(reading.first) && known->second.at(reading.first) == reading.second))
        return false;
    }
  }
  return true;
}

bool has_damage(const fs::path& db) {
  auto reader = Reader::open(db);
  if (!reader) return true;
  const auto history =
      reader->history({static_cast<SeriesNo>(1), noon - Ms{1}, noon + std::chrono::hours{9}, 100});
  return !history || !history->gaps.empty();
}

TEST(Salvage, of_a_whole_database_everything_is_kept_and_the_original_is_not_touched) {
  const Folder folder;
  fill(folder.db(), true);
  const std::string file = read_file(folder.db()), wal = read_file(folder.db().string() + "-wal");
  ASSERT_FALSE(wal.empty());
  const auto report = salvage(folder.db(), folder.path / "fresh.sqlite3");
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_TRUE(report->lost_nothing()) << report->text();
  EXPECT_EQ(read_file(folder.db()), file);
  EXPECT_EQ(read_file(folder.db().string() + "-wal"), wal);
  EXPECT_EQ(exported(folder.path / "fresh.sqlite3").readings, truth());
  auto writer = Writer::open(folder.path / "fresh.sqlite3", Open::existing);
  ASSERT_TRUE(writer) << writer.error().text();
  EXPECT_TRUE(writer->check_start());
  const auto state = writer->load();
  ASSERT_TRUE(state);
  EXPECT_EQ(state->nodes.size(), 2u);
  EXPECT_TRUE(writer->commit(batch_of(commits)));
}

TEST(Salvage, one_flipped_bit_anywhere_loses_nothing) {
  const Folder folder;
  fill(folder.db());
  const std::string whole = read_file(folder.db());
  std::mt19937_64 random{11};
  for (int round = 0; round < 40; ++round) {
    const Folder copy;
    std::string damaged = whole;
    flip(damaged, round < 5 ? random() % 4096 : random() % (8 * damaged.size()));
    write_file(copy.db(), damaged);
    const auto report = salvage(copy.db(), copy.path / "fresh");
    ASSERT_TRUE(report) << report.error().text();
    EXPECT_TRUE(report->lost_nothing()) << report->text();
    EXPECT_EQ(exported(copy.path / "fresh").readings, truth());
  }
}

TEST(Salvage, whole_pages_gone_cost_what_was_on_them_and_nothing_is_wrong) {
  const Folder folder;
  fill(folder.db());
  const std::string whole = read_file(folder.db());
  constexpr std::size_t page = page_bytes;
  std::mt19937_64 random{13};
  std::size_t kept = 0, rounds = 0;
  for (int round = 0; round < 60; ++round) {
    const Folder copy;
    std::string damaged = whole;
    for (int p = 0; p < 3; ++p) {
      const std::size_t at = (2 + random() % (damaged.size() / page - 2)) * page;
      for (std::size_t i = 0; i < page; ++i) damaged[at + i] = static_cast<char>(random());
    }
    write_file(copy.db(), damaged);
    const auto report = salvage(copy.db(), copy.path / "fresh");
    if (!report) continue;  // of the schema's pages
    const Exported found = exported(copy.path / "fresh");
    EXPECT_TRUE(only_true(found.readings));
    if (found.readings != truth()) {
      EXPECT_FALSE(report->lost_nothing()) << report->text();
    }
    kept += size_of(found.readings);
    ++rounds;
  }
  ASSERT_GT(rounds, 30u);
  EXPECT_GT(kept, rounds * size_of(truth()) * 8 / 10);
  fmt::print("{} of {} readings kept, {} salvages\n", kept, rounds * size_of(truth()), rounds);
}

TEST(Opening, a_damaged_database_is_kept_aside_and_what_can_be_read_goes_on) {
  const Folder folder;
  fill(folder.db());
  std::string damaged = read_file(folder.db());
  for (std::size_t i = 20 * page_bytes; i < damaged.size(); i += 20 * page_bytes) flip(damaged, 8 * i + 100);
  write_file(folder.db(), damaged);
  {
    const auto opened = open_by_rules(folder.db(), folder.rules());
    ASSERT_TRUE(opened) << opened.error().text();
  }
  EXPECT_EQ(exported(folder.db()).readings, truth());
  auto reader = Reader::open(folder.db());
  const auto proof = reader->proof();
  ASSERT_TRUE(proof && proof->salvaged);
  EXPECT_EQ(read_file(proof->salvaged->kept_as), damaged);
  EXPECT_NE(proof->salvaged->why.find("damaged"), std::string::npos) << proof->salvaged->why;
}

TEST(Opening, where_the_rules_say_stop_nothing_is_moved) {
  const Folder folder;
  fill(folder.db());
  std::string damaged = read_file(folder.db());
  flip(damaged, 99);
  write_file(folder.db(), damaged);
  const auto opened = open_by_rules(folder.db(), folder.rules(false));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::corrupt);
  EXPECT_EQ(read_file(folder.db()), damaged);
}

TEST(Opening, what_was_marked_as_damaged_while_it_ran_is_salvaged) {
  const Folder folder;
  fill(folder.db());
  ASSERT_TRUE(mark_damaged(folder.db(), "a check found page 7 damaged"));
  ASSERT_TRUE(open_by_rules(folder.db(), folder.rules()));
  auto reader = Reader::open(folder.db());
  EXPECT_EQ(reader->proof()->salvaged->why, "a check found page 7 damaged");
  ASSERT_TRUE(open_by_rules(folder.db(), folder.rules()));  // once
  EXPECT_EQ(std::distance(fs::directory_iterator{folder.path / "quarantine"}, {}), 1);
}

// Each state in which a power cut may leave the folder.
TEST(Opening, a_salvage_that_was_cut_off_is_finished_or_begun_anew) {
  const Folder made;
  fill(made.db(), true);
  ASSERT_TRUE(salvage(made.db(), made.path / "fresh"));
  for (int step = 0; step < 5; ++step) {
    const Folder folder;
    const fs::path old = folder.path / "quarantine" / "alona-20261101T063000Z.sqlite3";
    fs::create_directories(old.parent_path());
    const auto put = [&](const fs::path& from, const fs::path& to) { fs::copy_file(from, to); };
    const fs::path wal = folder.db().string() + "-wal";
    if (step == 0) write_file(folder.db().string() + ".salvaging", "half");
    if (step >= 1) put(made.path / "fresh", folder.db().string() + ".salvaged");
    put(made.db(), step < 2 ? folder.db() : old);
    put(made.db().string() + "-wal", step < 3 ? wal : fs::path{old.string() + "-wal"});
    if (step == 4) fs::rename(folder.db().string() + ".salvaged", folder.db());
    const auto opened = open_by_rules(folder.db(), folder.rules());
    ASSERT_TRUE(opened) << step << ": " << opened.error().text();
    EXPECT_EQ(exported(folder.db()).readings, truth()) << step;
    EXPECT_FALSE(fs::exists(folder.db().string() + ".salvaged")) << step;
    if (step >= 2) {
      EXPECT_EQ(read_file(old.string() + "-wal"), read_file(made.db().string() + "-wal")) << step;
    }
  }
}

TEST(Wal, a_log_that_a_killed_core_left_is_sound_and_one_cut_anywhere_is_taken_for_a_power_cut) {
  const Folder folder;
  fill(folder.db(), true);
  const std::string wal = read_file(folder.db().string() + "-wal");
  auto state = check_wal(folder.db());
  ASSERT_TRUE(state);
  EXPECT_FALSE(state->damaged) << state->why;
  EXPECT_GT(state->frames, 50u);
  std::mt19937_64 random{3};
  for (int round = 0; round < 50; ++round) {
    write_file(folder.db().string() + "-wal", wal.substr(0, 32 + random() % (wal.size() - 32)));
    state = check_wal(folder.db());
    ASSERT_TRUE(state);
    EXPECT_FALSE(state->damaged) << round << ": " << state->why;
  }
}

TEST(Wal, a_flipped_bit_anywhere_is_found) {
  const Folder folder;
  fill(folder.db(), true);
  const std::string whole = read_file(folder.db().string() + "-wal");
  // Behind what was written last may lie frames of an earlier round: nobody reads them.
  const auto sound = check_wal(folder.db());
  const std::size_t bytes = 32 + sound->frames * (24 + page_bytes);
  std::mt19937_64 random{5};
  for (int round = 0; round < 200; ++round) {
    std::string wal = whole;
    flip(wal, round < 40 ? random() % (8 * 32) : random() % (8 * bytes));
    write_file(folder.db().string() + "-wal", wal);
    const auto state = check_wal(folder.db());
    ASSERT_TRUE(state);
    EXPECT_TRUE(state->damaged) << round;
    const auto writer = Writer::open(folder.db(), Open::existing);
    EXPECT_FALSE(writer) << round;
    EXPECT_FALSE(Reader::open(folder.db())) << round;
    EXPECT_EQ(read_file(folder.db().string() + "-wal"), wal) << round;
  }
}

// In CI some; all of them with ALONA_LONG=1. Another start: ALONA_SEED.
TEST(BitFlips, each_is_found_or_harmless_and_no_reading_is_ever_wrong) {
  const bool long_run = std::getenv("ALONA_LONG") != nullptr;  // NOLINT(concurrency-mt-unsafe)
  const char* chosen = std::getenv("ALONA_SEED");              // NOLINT(concurrency-mt-unsafe)
  const std::uint64_t seed = chosen != nullptr ? std::strtoull(chosen, nullptr, 10) : 2026;
  const int rounds = long_run ? 1000 : 100;
  const Folder stopped, killed;
  fill(stopped.db());
  fill(killed.db(), true);
  const std::string file = read_file(stopped.db());
  const std::string file_of_killed = read_file(killed.db()), wal = read_file(killed.db().string() + "-wal");
  std::map<std::string, int> tally;
  for (int round = 0; round < rounds; ++round) {
    std::mt19937_64 random{seed + static_cast<std::uint64_t>(round)};
    const Folder folder;
    const bool of_wal = round % 4 == 3, stop = round % 3 == 2;
    std::string damaged = of_wal ? wal : file;
    flip(damaged, random() % (8 * damaged.size()));
    write_file(folder.db(), of_wal ? file_of_killed : damaged);
    if (of_wal) write_file(folder.db().string() + "-wal", damaged);
    auto opened = open_by_rules(folder.db(), folder.rules(!stop));
    std::string outcome;
    if (!opened) {
      outcome = "rescue: " + std::string(opened.error().code == Errc::corrupt ? "damaged" : "another cause");
      EXPECT_EQ(opened.error().code, Errc::corrupt) << opened.error().text();
    } else {
      opened = std::unexpected(Error{});
      const Exported found = exported(folder.db());
      EXPECT_TRUE(only_true(found.readings)) << "seed " << seed << " round " << round;
      const bool told = fs::exists(folder.path / "quarantine") || !found.whole || has_damage(folder.db());
      outcome = found.readings == truth() ? (told ? "found, nothing lost" : "harmless")
                                          : (told ? "found, some lost" : "SILENT");
      EXPECT_TRUE(told || found.readings == truth()) << "seed " << seed << " round " << round;
    }
    ++tally[(of_wal ? "in the WAL, " : "in the file, ") + outcome];
  }
  fmt::print("{} flips from seed {}:\n", rounds, seed);
  for (const auto& [outcome, times] : tally) fmt::print("  {:4} {}\n", times, outcome);
}

TEST(Check, a_sound_database_is_whole_and_a_flipped_bit_is_not) {
  const Folder folder;
  fill(folder.db());
  const CheckOptions options{.scratch = folder.path / "scratch"};
  auto report = full_check(folder.db(), options);
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_TRUE(report->whole) << report->found;
  EXPECT_TRUE(report->on_copy);
  EXPECT_EQ(report->unsealed, 0u);
  EXPECT_EQ(full_check(folder.db(), {})->unsealed, 0u);
  EXPECT_GT(report->chunks, 5u);
  EXPECT_GT(report->commits, 30u);
  EXPECT_FALSE(fs::exists(folder.path / "scratch"));
  EXPECT_TRUE(quick_check(folder.db(), {})->whole);
  const std::string whole = read_file(folder.db());
  std::mt19937_64 random{17};
  int full_found = 0;
  for (int round = 0; round < 20; ++round) {
    std::string damaged = whole;
    flip(damaged, 8 * page_bytes + random() % (8 * (damaged.size() - page_bytes)));
    write_file(folder.db(), damaged);
    report = full_check(folder.db(), options);
    ASSERT_TRUE(report) << report.error().text();
    full_found += report->whole ? 0 : 1;
  }
  EXPECT_GE(full_found, 18);  // a page that is on the list of free ones is read by nobody
}

TEST(Check, it_ends_when_it_is_asked_to) {
  const Folder folder;
  fill(folder.db());
  const std::atomic<bool> stop{true};
  const auto report = quick_check(folder.db(), {.share = 0.2, .stop = &stop});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Errc::temporary);
}

TEST(Check, a_chunk_that_is_damaged_is_set_aside_and_named) {
  const Folder folder;
  fill(folder.db());
  {
    // The program's own way, so that the page's seal holds and only the chunk's checksum can tell.
    SQLite::Database db{folder.db().string(), SQLite::OPEN_READWRITE, 0, *checksum_vfs()};
    db.exec(
        "UPDATE chunk SET data = CAST(substr(data, 1, 20) || x'00' || substr(data, 22) AS BLOB) WHERE series "
        "= 2 "
        "AND start = (SELECT min(start) FROM chunk WHERE series = 2)");
  }
  const auto report = full_check(folder.db(), {});
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_FALSE(report->whole);
  ASSERT_EQ(report->damaged_chunks.size(), 1u);
  {
    auto writer = Writer::open(folder.db(), Open::existing);
    ASSERT_TRUE(writer->put_check({noon, "full", report->whole, report->found}, report->damaged_chunks));
  }
  auto reader = Reader::open(folder.db());
  const auto proof = reader->proof();
  ASSERT_TRUE(proof);
  ASSERT_EQ(proof->damage.size(), 1u);
  EXPECT_EQ(proof->damage[0].series, static_cast<SeriesNo>(2));
  ASSERT_TRUE(proof->full);
  EXPECT_FALSE(proof->full->whole);
  EXPECT_FALSE(proof->quick);
  EXPECT_TRUE(full_check(folder.db(), {})->whole);  // what is set aside is known
}

}  // namespace
}  // namespace alona::store
