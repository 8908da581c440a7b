// A log of writes with fifty commits in it, damaged: what can be read of it is read, behind the damage too.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>

#include "store/opening.h"
#include "store/reader.h"
#include "store/salvage.h"
#include "store/wal_check.h"
#include "store/writer.h"

namespace alona::store {
namespace {

namespace fs = std::filesystem;
constexpr UtcMs noon = utc_ms(1'795'521'600'000);
constexpr int commits = 50, readings_a_commit = 8;
constexpr std::size_t head_bytes = 32, frame_bytes = 24 + 512;

class Folder {
 public:
  Folder() { path = mkdtemp(name_); }
  ~Folder() { fs::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  fs::path path;
  [[nodiscard]] fs::path db() const { return path / "alona.sqlite3"; }
  [[nodiscard]] fs::path wal() const { return path / "alona.sqlite3-wal"; }

 private:
  char name_[24] = "/tmp/alona-wal-XXXXXX";
};

std::string read_file(const fs::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}
void write_file(const fs::path& path, const std::string& content) {
  std::ofstream{path, std::ios::binary | std::ios::trunc} << content;
}

double value_of(int commit, int i) { return 100.0 * commit + i + 0.25; }

// As a core leaves it that was killed.
void fill(const fs::path& db) {
  const pid_t child = ::fork();
  if (child == 0) {
    for (const bool first : {true, false}) {
      auto writer = Writer::open(db, first ? Open::create : Open::existing);
      if (!writer) ::_exit(1);
      Batch catalog;
      catalog.received = noon;
      catalog.nodes = {{NodeNo{1}, "roof", "", "", noon}};
      catalog.series = {{SeriesNo{1}, NodeNo{1}, "t", "C", "", {}}};
      if (first && !writer->commit(catalog)) ::_exit(1);
      for (int n = 0; n < commits && !first; ++n) {
        Batch batch;
        batch.received = noon + Ms{10'000 * n};
        for (int i = 0; i < readings_a_commit; ++i)
          batch.readings.push_back({SeriesNo{1}, batch.received + Ms{1000 * i}, value_of(n, i), 0});
        if (!writer->commit(batch)) ::_exit(1);
      }
      if (!first) ::_exit(0);
    }
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
}

// How many of the commits are whole; a reading that was never written is a failure.
int whole_commits(const fs::path& db) {
  std::map<int, int> found;
  auto reader = Reader::open(db);
  EXPECT_TRUE(reader) << reader.error().text();
  if (!reader) return 0;
  (void)reader->export_readings({}, [&](const NamedReading& r) {
    const auto ms = static_cast<int>((r.ts - noon).count());
    EXPECT_EQ(r.value, value_of(ms / 10'000, ms % 10'000 / 1000));
    ++found[ms / 10'000];
    return true;
  });
  int whole = 0;
  for (const auto& [commit, readings] : found) whole += readings == readings_a_commit ? 1 : 0;
  return whole;
}

class MendedLog : public ::testing::Test {
 protected:
  void SetUp() override {
    fill(made_.db());
    file_ = read_file(made_.db()), wal_ = read_file(made_.wal());
    const auto state = check_wal(made_.db());
    ASSERT_TRUE(state && !state->damaged);
    frames_ = state->frames;
    ASSERT_GE(frames_, std::size_t{commits});
  }
  [[nodiscard]] bool is_commit(std::size_t frame) const {
    return wal_.substr(head_bytes + frame * frame_bytes + 4, 4) != std::string(4, '\0');
  }
  [[nodiscard]] std::size_t commits_from(std::size_t frame) const {
    std::size_t n = 0;
    for (; frame < frames_; ++frame) n += is_commit(frame) ? 1 : 0;
    return n;
  }
  void put(const Folder& folder, const std::string& wal) const {
    write_file(folder.db(), file_), write_file(folder.wal(), wal);
  }
  // The frames [from, to) become noise; with `heads` their heads as well.
  [[nodiscard]] std::string with_noise(std::size_t from, std::size_t to, bool heads,
                                       std::mt19937_64& random) const {
    std::string wal = wal_;
    for (std::size_t frame = from; frame < to; ++frame) {
      for (std::size_t i = heads ? 0 : 24; i < frame_bytes; ++i)
        wal[head_bytes + frame * frame_bytes + i] = static_cast<char>(random());
    }
    return wal;
  }
  Folder made_;
  std::string file_, wal_;
  std::size_t frames_ = 0;
};

// Some bits look alike to SQLite's checksum: then the page is lost, unless it was written again later.
TEST_F(MendedLog, one_flipped_bit_anywhere_loses_nothing_or_tells) {
  std::mt19937_64 random{7};
  int all_kept = 0, ambiguous = 0;
  constexpr int rounds = 150;
  for (int round = 0; round < rounds; ++round) {
    const Folder folder;
    std::string wal = wal_;
    // In its head, in the head of a frame, in a page.
    const std::size_t frame = random() % frames_;
    const std::size_t byte = round % 3 == 0   ? random() % head_bytes
                             : round % 3 == 1 ? head_bytes + frame * frame_bytes + random() % 24
                                              : head_bytes + frame * frame_bytes + 24 + random() % 512;
    wal[byte] = static_cast<char>(wal[byte] ^ 1 << random() % 8);
    put(folder, wal);
    const auto report = salvage(folder.db(), folder.path / "fresh");
    ASSERT_TRUE(report) << report.error().text();
    EXPECT_EQ(report->log_frames_mended + report->log_frames_lost + report->log_commits_lost, 1u) << byte;
    EXPECT_EQ(report->lost_nothing(), report->log_frames_mended == 1) << report->text();
    const int whole = whole_commits(folder.path / "fresh");
    if (report->lost_nothing()) {
      EXPECT_EQ(whole, commits) << byte << ": " << report->text();
      EXPECT_EQ(report->log_commits_behind, commits_from(round % 3 == 0 ? 0 : frame)) << byte;
    }
    all_kept += whole == commits ? 1 : 0;
    ambiguous += report->lost_nothing() ? 0 : 1;
    EXPECT_EQ(read_file(folder.wal()), wal);
    EXPECT_EQ(read_file(folder.db()), file_);
    EXPECT_FALSE(fs::exists(folder.path / "fresh.source"));
  }
  fmt::print("{} of {} flipped bits cost nothing, {} couldn't be told from others\n", all_kept, rounds,
             ambiguous);
  EXPECT_GT(all_kept, rounds * 9 / 10);
}

TEST_F(MendedLog, flipped_bits_here_and_there_cost_a_page_at_most_each) {
  std::mt19937_64 random{9};
  int kept = 0;
  for (int round = 0; round < 20; ++round) {
    const Folder folder;
    std::string wal = wal_;
    for (std::size_t frame = static_cast<std::size_t>(round); frame < frames_; frame += 15) {
      char& byte = wal[head_bytes + frame * frame_bytes + random() % frame_bytes];
      byte = static_cast<char>(byte ^ 1 << random() % 8);
    }
    put(folder, wal);
    const auto report = salvage(folder.db(), folder.path / "fresh");
    ASSERT_TRUE(report) << report.error().text();
    const int whole = whole_commits(folder.path / "fresh");
    kept += whole;
    if (whole != commits) {
      EXPECT_FALSE(report->lost_nothing()) << report->text();
    }
    EXPECT_GT(report->log_frames_mended + report->log_frames_lost, 1u);
  }
  EXPECT_GT(kept, 20 * commits * 9 / 10);
}

TEST_F(MendedLog, whole_frames_gone_cost_what_was_on_them_and_nothing_is_wrong) {
  std::mt19937_64 random{11};
  int kept = 0, cut_off = 0, rounds = 0;
  for (int round = 0; round < 120; ++round) {
    const Folder folder;
    const std::size_t gone = 1 + random() % 8;
    const std::size_t from = random() % (frames_ - gone - 2);
    put(folder, with_noise(from, from + gone, round % 2 == 0, random));
    const auto report = salvage(folder.db(), folder.path / "fresh");
    ASSERT_TRUE(report) << report.error().text();
    EXPECT_FALSE(report->lost_nothing()) << report->text();
    EXPECT_GE(report->log_frames_lost, gone) << report->text();
    EXPECT_LE(report->log_frames_lost, gone + 1) << report->text();
    EXPECT_EQ(report->log_commits_lost, 0u);
    const int whole = whole_commits(folder.path / "fresh");
    kept += whole, ++rounds;
    cut_off += commits - static_cast<int>(commits_from(from));
  }
  fmt::print("{} of {} commits kept; up to the damage alone there were {}\n", kept, rounds * commits,
             cut_off);
  EXPECT_GT(kept, rounds * commits * 8 / 10);
}

TEST_F(MendedLog, what_nobody_can_read_is_told) {
  const Folder head, tail;
  std::mt19937_64 random{13};
  std::string wal = wal_;
  for (std::size_t i = 0; i < head_bytes; ++i) wal[i] = static_cast<char>(random());
  put(head, wal);
  auto report = salvage(head.db(), head.path / "fresh");
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_TRUE(report->log_unread);
  EXPECT_FALSE(report->lost_nothing());
  EXPECT_EQ(whole_commits(head.path / "fresh"), 0);
  // All pages from the middle on.
  const std::size_t from = frames_ / 2;
  put(tail, with_noise(from, frames_, false, random));
  report = salvage(tail.db(), tail.path / "fresh");
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_EQ(report->log_commits_lost, commits_from(from));
  EXPECT_FALSE(report->lost_nothing());
  EXPECT_EQ(whole_commits(tail.path / "fresh"), commits - static_cast<int>(commits_from(from)));
}

TEST_F(MendedLog, the_core_goes_on_with_all_that_it_acknowledged) {
  const Folder folder;
  std::string wal = wal_;
  wal[head_bytes + 3 * frame_bytes + 200] ^= 4;
  put(folder, wal);
  const fs::path quarantine = folder.path / "quarantine";
  ASSERT_FALSE(open_by_rules(folder.db(), {.quarantine = quarantine, .salvage = false, .doing = {}}));
  ASSERT_TRUE(open_by_rules(folder.db(), {.quarantine = quarantine, .salvage = true, .doing = {}}));
  EXPECT_EQ(whole_commits(folder.db()), commits);
  const auto proof = Reader::open(folder.db())->proof();
  ASSERT_TRUE(proof && proof->salvaged);
  EXPECT_EQ(read_file(proof->salvaged->kept_as + "-wal"), wal);
  EXPECT_NE(proof->salvaged->report.find("behind the damage"), std::string::npos) << proof->salvaged->report;
}

}  // namespace
}  // namespace alona::store
