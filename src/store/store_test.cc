#include <SQLiteCpp/SQLiteCpp.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>

#include "store/bucketer.h"
#include "store/checksum_vfs.h"
#include "store/commit_record.h"
#include "store/reader.h"
#include "store/writer.h"

namespace alona::store {
namespace {

class Folder {
 public:
  Folder() { path = mkdtemp(name); }
  ~Folder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
  [[nodiscard]] std::filesystem::path db() const { return path / "alona.sqlite3"; }

 private:
  char name[32] = "/tmp/alona-store-XXXXXX";
};

constexpr UtcMs noon = utc_ms(1'795'521'600'000);
constexpr auto roof = static_cast<NodeNo>(1);
constexpr auto roof_temperature = static_cast<SeriesNo>(1);

Batch catalog() {
  Batch batch;
  batch.received = noon;
  batch.nodes.push_back({roof, "roof", "Roof", "House", noon, false, false});
  batch.series.push_back({roof_temperature, roof, "temperature", "°C", "", {}});
  return batch;
}

Batch readings(std::initializer_list<ReadingRow> rows, UtcMs received = noon) {
  Batch batch;
  batch.received = received;
  batch.readings = rows;
  return batch;
}

ReadingRow at(Ms after_noon, double value) { return {roof_temperature, noon + after_noon, value, 1}; }

std::vector<double> exported(const std::filesystem::path& db) {
  auto reader = Reader::open(db);
  EXPECT_TRUE(reader) << reader.error().text();
  std::vector<double> values;
  const auto done = reader->export_readings({}, [&](const NamedReading& r) {
    values.push_back(r.value);
    return true;
  });
  EXPECT_TRUE(done) << done.error().text();
  return values;
}

TEST(CommitRecord, everything_comes_back_to_the_last_bit) {
  std::mt19937_64 random{42};
  for (int round = 0; round < 300; ++round) {
    Batch in;
    in.received = utc_ms(static_cast<std::int64_t>(random() % 4'000'000'000'000));
    for (std::uint64_t n = random() % 50; n > 0; --n) {
      double value = std::bit_cast<double>(random());
      if (!std::isfinite(value)) value = -0.0;
      if (n % 2 == 0) value = static_cast<double>(random() % 100'000) / 100;
      in.readings.push_back({static_cast<SeriesNo>(random() % 2000),
                             utc_ms(static_cast<std::int64_t>(random())), value,
                             static_cast<std::uint8_t>(random())});
    }
    in.epoch = static_cast<EpochNo>(round % 4 * 1000);
    // Of every fifth, one of three stretches; else all of one.
    std::map<EpochNo, std::vector<ReadingRow>> by_epoch;
    for (ReadingRow& r : in.readings) {
      r.epoch = in.epoch;
      if (round % 5 == 0) r.epoch = static_cast<EpochNo>(random() % 3 * 500);
      if (r.quality() == TimeQuality::node) r.epoch = EpochNo{};
      by_epoch[r.epoch].push_back(r);
    }
    in.windows.push_back(
        {roof, static_cast<std::uint32_t>(random()), static_cast<std::uint32_t>(random()), {}});
    for (int i = 0; i < 20; ++i) in.windows[0].beyond.set(random() % limits::window_length);
    in.tail = {{65535, random() & tail_hash_mask}, {1, random() & tail_hash_mask}};
    in.tail_emptied = round % 3 == 0;
    in.counts.push_back({roof, utc_day(in.received) - 1, 1, 0, 3, 0, 5, 6, 70'000});
    in.heartbeats.push_back({roof, in.received - Ms{5}, 77, -67, "1.2.0", 120'000, 42, 3.71, "power"});
    const CommitRecord record = encode_commit(round, in);
    Batch out;
    ASSERT_TRUE(decode_commit(round, record.bytes, out));
    EXPECT_EQ(out.received, in.received);
    if (round % 5 == 0) {
      in.readings.clear();
      for (const auto& [epoch, rows] : by_epoch) std::ranges::copy(rows, std::back_inserter(in.readings));
      // Where all are of one stretch after all, they keep their order.
      std::stable_sort(out.readings.begin(), out.readings.end(),
                       [](const ReadingRow& x, const ReadingRow& y) { return x.epoch < y.epoch; });
    }
    std::size_t told = 0;
    EXPECT_TRUE(for_each_reading(round, record.bytes, [&](const ReadingRow&) { ++told; }));
    EXPECT_EQ(told, in.readings.size());
    ASSERT_EQ(out.readings.size(), in.readings.size());
    for (std::size_t i = 0; i < in.readings.size(); ++i) {
      EXPECT_EQ(out.readings[i].series, in.readings[i].series);
      EXPECT_EQ(out.readings[i].ts, in.readings[i].ts);
      EXPECT_EQ(out.readings[i].flags, in.readings[i].flags);
      EXPECT_EQ(out.readings[i].epoch, in.readings[i].epoch);
      EXPECT_EQ(std::bit_cast<std::uint64_t>(out.readings[i].value),
                std::bit_cast<std::uint64_t>(in.readings[i].value));
    }
    EXPECT_EQ(out.windows[0].beyond, in.windows[0].beyond);
    EXPECT_EQ(out.windows[0].acked, in.windows[0].acked);
    EXPECT_EQ(out.tail[0].hash, in.tail[0].hash);
    EXPECT_EQ(out.tail_emptied, in.tail_emptied);
    EXPECT_EQ(out.counts[0].heartbeats, 70'000u);
    EXPECT_EQ(out.counts[0].day, in.counts[0].day);
    EXPECT_EQ(out.heartbeats[0].battery_v, 3.71);
    EXPECT_EQ(out.heartbeats[0].lost, 42);
    EXPECT_EQ(out.heartbeats[0].reset, "power");
  }
}

TEST(CommitRecord, every_flipped_bit_every_cut_and_a_foreign_id_are_found) {
  Batch in = readings({at(Ms{0}, 21.5), at(Ms{1000}, 1.0 / 3)});
  const CommitRecord record = encode_commit(7, in);
  Batch out;
  for (std::size_t bit = 0; bit < 8 * record.bytes.size(); ++bit) {
    auto flipped = record.bytes;
    flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ 1u << (bit % 8));
    EXPECT_FALSE(decode_commit(7, flipped, out)) << bit;
    EXPECT_FALSE(for_each_reading(7, flipped, [](const ReadingRow&) {})) << bit;
  }
  for (std::size_t n = 0; n < record.bytes.size(); ++n) {
    EXPECT_FALSE(decode_commit(7, std::span(record.bytes).first(n), out)) << n;
  }
  EXPECT_FALSE(decode_commit(8, record.bytes, out));
}

TEST(CommitRecord, fourteen_readings_of_a_trickle_take_little) {
  Batch in;
  in.received = noon;
  for (int i = 0; i < 14; ++i)
    in.readings.push_back({static_cast<SeriesNo>(10 * i), noon + Ms{50 * i}, 20.0 + i / 100.0, 1});
  EXPECT_LE(encode_commit(1, in).bytes.size(), 14u * 7);
}

TEST(Writer, a_missing_database_is_made_only_when_asked) {
  const Folder folder;
  const auto missing = Writer::open(folder.db(), Open::existing);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Errc::not_found);
  EXPECT_FALSE(std::filesystem::exists(folder.db()));
  EXPECT_TRUE(Writer::open(folder.db(), Open::create));
}

TEST(Writer, what_isnt_a_database_is_refused_and_untouched) {
  const Folder folder;
  std::ofstream{folder.db()}
      << "these are not the bytes you are looking for, and there are more than a hundred of them: "
         "here are a few more";
  const auto before = std::filesystem::last_write_time(folder.db());
  for (const Open how : {Open::existing, Open::create}) {
    const auto opened = Writer::open(folder.db(), how);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::corrupt);
  }
  EXPECT_EQ(std::filesystem::last_write_time(folder.db()), before);
}

TEST(Writer, an_empty_file_is_no_empty_history) {
  const Folder folder;
  std::ofstream(folder.db()).close();
  const auto opened = Writer::open(folder.db(), Open::create);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::corrupt);
}

TEST(Writer, a_newer_database_is_refused_and_untouched) {
  const Folder folder;
  {
    ASSERT_TRUE(Writer::open(folder.db(), Open::create));
  }
  {
    SQLite::Database newer{folder.db().string(), SQLite::OPEN_READWRITE, 0, *checksum_vfs()};
    newer.exec("PRAGMA user_version = 99");
  }
  const auto opened = Writer::open(folder.db(), Open::existing);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::newer);
  EXPECT_EQ(exit_code(opened.error().code), 3);
}

TEST(Writer, only_one_may_hold_it) {
  const Folder folder;
  const auto first = Writer::open(folder.db(), Open::create);
  ASSERT_TRUE(first);
  const auto second = Writer::open(folder.db(), Open::existing);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::temporary);
}

// Whether a process that isn't ours could get the lock that every WAL connection holds: then it would believe
// that nobody uses the database, and delete the WAL under the writer.
bool another_process_would_think_it_unused(const std::filesystem::path& db) {
  const pid_t child = ::fork();
  if (child == 0) {
    const int fd = ::open(db.c_str(), O_RDWR | O_CLOEXEC);
    struct flock shared_range{};  // SHARED_FIRST and SHARED_SIZE of SQLite's os.h
    shared_range.l_type = F_WRLCK, shared_range.l_whence = SEEK_SET;
    shared_range.l_start = 0x40000002, shared_range.l_len = 510;
    const bool asked = fd >= 0 && ::fcntl(fd, F_GETLK, &shared_range) == 0;
    ::_exit(!asked ? 2 : shared_range.l_type == F_UNLCK ? 1 : 0);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) != 2);
  return WEXITSTATUS(status) == 1;
}

// A file that may not grow to the 32 KiB of the log's index stands in for a disk without room for it.
TEST(Writer, a_start_on_a_full_disk_says_that_it_is_full) {
  const Folder folder;
  ASSERT_TRUE(Writer::open(folder.db(), Open::create));
  ASSERT_FALSE(std::filesystem::exists(folder.db().string() + "-shm"));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{8192, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto writer = Writer::open(folder.db(), Open::existing);
  const auto reader = Reader::open(folder.db());
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().code, Errc::disk_full) << writer.error().text();
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code, Errc::disk_full) << reader.error().text();
  EXPECT_TRUE(Writer::open(folder.db(), Open::existing)) << "with room it opens";
}

TEST(Writer, keeps_its_lock_while_readers_of_its_process_come_and_go) {
  const Folder folder;
  auto writer = Writer::open(folder.db(), Open::create);
  ASSERT_TRUE(writer) << writer.error().text();
  ASSERT_TRUE(writer->commit(catalog()));
  EXPECT_FALSE(another_process_would_think_it_unused(folder.db()));
  {
    const auto reader = Reader::open(folder.db());
    ASSERT_TRUE(reader) << reader.error().text();
    EXPECT_FALSE(another_process_would_think_it_unused(folder.db()));
  }
  EXPECT_FALSE(another_process_would_think_it_unused(folder.db()));
}

TEST(Writer, committed_readings_come_back_once_and_in_order) {
  const Folder folder;
  auto writer = Writer::open(folder.db(), Open::create);
  ASSERT_TRUE(writer);
  ASSERT_TRUE(writer->commit(catalog()));
  ASSERT_TRUE(writer->commit(readings({at(Ms{2000}, 3), at(Ms{0}, 1)})));
  ASSERT_TRUE(writer->commit(readings({at(Ms{1000}, 2), at(Ms{0}, 10)})));  // the last a correction
  EXPECT_EQ(exported(folder.db()), (std::vector<double>{10, 2, 3}));
}

TEST(Writer, known_finds_what_is_kept) {
  const Folder folder;
  auto writer = Writer::open(folder.db(), Open::create);
  ASSERT_TRUE(writer->commit(catalog()));
  ASSERT_TRUE(writer->commit(readings({at(Ms{0}, 1), at(Ms{5}, 2)})));
  ASSERT_TRUE(writer->commit(readings({at(Ms{5}, 3)})));
  const auto found = writer->known({at(Ms{5}, 0), at(Ms{6}, 0), at(Ms{0}, 0)});
  ASSERT_TRUE(found);
  ASSERT_TRUE((*found)[0] && (*found)[2]);
  EXPECT_EQ((*found)[0]->value, 3.0);
  EXPECT_FALSE((*found)[1]);
  EXPECT_EQ((*found)[2]->value, 1.0);
}

TEST(Writer, too_many_are_not_excluded_at_once) {
  const Folder folder;
  auto writer = Writer::open(folder.db(), Open::create);
  ASSERT_TRUE(writer->commit(catalog()));
  std::vector<ReadingRow> many;
  for (std::size_t n = 0; n <= limits::exclude_readings_max; ++n)
    many.push_back(at(Ms{static_cast<std::int64_t>(n)}, 1));
  Batch all = readings({});
  all.readings = many;
  ASSERT_TRUE(writer->commit(all));
  const UtcMs end = noon + Ms{static_cast<std::int64_t>(many.size())};
  Batch batch;
  batch.received = noon;
  batch.audit = {{noon, "someone", "all"}};
  const auto refused = writer->exclude({roof_temperature, noon, end, true}, batch);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::refused);
  const auto one_less = writer->exclude({roof_temperature, noon, end - Ms{1}, true}, batch);
  ASSERT_TRUE(one_less);
  EXPECT_EQ(one_less->changed, limits::exclude_readings_max);
  auto reader = Reader::open(folder.db());
  EXPECT_EQ(reader->history({roof_temperature, noon, end, 10})->buckets.size(), 1u);
}

// Everything that makes delivery exact must be the same after a restart, folded or not.
TEST(Writer, state_survives_reopening_with_and_without_a_fold) {
  for (const bool folded : {false, true}) {
    const Folder folder;
    {
      auto writer = Writer::open(folder.db(), Open::create);
      ASSERT_TRUE(writer->commit(catalog()));
      Batch batch = readings({at(Ms{0}, 21.5)}, noon + Ms{100});
      for (std::uint32_t boot = 1; boot <= 6; ++boot) batch.windows.push_back({roof, boot, 10 * boot, {}});
      batch.windows.back().beyond.set(3);
      batch.tail = {{1, 11}, {2, 22}};
      batch.counts.push_back({roof, utc_day(noon), 1, 2, 3, 0, 0, 0, 0});
      ASSERT_TRUE(writer->commit(batch));
      if (folded) {
        ASSERT_TRUE(writer->fold({{roof, Ms{60'000}}}, noon + Ms{100}));
      }
      Batch more = readings({at(Ms{10}, 22)}, noon + Ms{200});
      more.tail = {{3, 33}};
      more.counts.push_back({roof, utc_day(noon), 10, 0, 0, 0, 0, 0, 0});
      more.windows.push_back({roof, 6, 61, {}});
      ASSERT_TRUE(writer->commit(more));
      if (folded) {
        ASSERT_TRUE(writer->fold({}, noon + Ms{200}));
      }
    }
    auto writer = Writer::open(folder.db(), Open::existing);
    ASSERT_TRUE(writer);
    const auto state = writer->load();
    ASSERT_TRUE(state);
    EXPECT_EQ(state->floor, noon + Ms{200});
    ASSERT_EQ(state->windows.size(), limits::boots_per_node);
    EXPECT_EQ(state->windows.back().boot, 6u);
    EXPECT_EQ(state->windows.back().acked, 61u);
    EXPECT_EQ(state->windows.back().beyond.count(), 0u);
    ASSERT_EQ(state->tail.size(), 3u);
    EXPECT_EQ(state->tail[2].hash, 33u);
    ASSERT_EQ(state->counts_today.size(), 1u);
    EXPECT_EQ(state->counts_today[0].stored, 11u);
    EXPECT_EQ(state->counts_today[0].repeated, 3u);
    EXPECT_EQ(state->last.at(roof_temperature).value, 22);
    if (folded) {
      EXPECT_EQ(state->interval.at(roof), Ms{60'000});
    }
    auto reader = Reader::open(folder.db());
    EXPECT_EQ(reader->counts(roof, 0, 1'000'000)->at(0).total.stored, 11u);
  }
}

TEST(Writer, a_user_leaves_with_the_sessions_and_the_last_admin_stays) {
  Folder folder;
  auto writer = Writer::open(folder.db(), Open::create);
  ASSERT_TRUE(writer) << writer.error().text();
  ASSERT_TRUE(writer->put_user({"owner", "hash", true}));
  ASSERT_TRUE(writer->put_user({"guest", "hash", false}));
  ASSERT_TRUE(writer->put_session({"token", "guest", noon}));
  auto reader = Reader::open(folder.db());
  ASSERT_TRUE(reader) << reader.error().text();
  EXPECT_EQ(reader->users()->size(), 2U);
  EXPECT_EQ(writer->remove_user("nobody").error().code, Errc::not_found);
  EXPECT_EQ(writer->remove_user("owner").error().code, Errc::refused);
  ASSERT_TRUE(writer->remove_user("guest"));
  EXPECT_FALSE(reader->session("token")->has_value());
  const auto left = reader->users();
  ASSERT_TRUE(left) << left.error().text();
  ASSERT_EQ(left->size(), 1U);
  EXPECT_EQ(left->front().name, "owner");
  ASSERT_TRUE(writer->put_user({"anna", "hash", true}));
  EXPECT_TRUE(writer->remove_user("owner")) << "another admin is there";
}

TEST(Writer, the_tail_keeps_only_what_the_broker_may_deliver_again) {
  const Folder folder;
  {
    auto writer = Writer::open(folder.db(), Open::create);
    ASSERT_TRUE(writer->commit(catalog()));
    for (std::uint64_t c = 0; c < 50; ++c) {
      Batch batch = readings({});
      for (std::uint64_t n = 0; n < 1000; ++n)
        batch.tail.push_back({static_cast<std::uint16_t>(n), 1000 * c + n});
      ASSERT_TRUE(writer->commit(batch));
    }
    ASSERT_TRUE(writer->fold({}, noon));
  }
  auto writer = Writer::open(folder.db(), Open::existing);
  auto state = writer->load();
  EXPECT_EQ(state->tail.size(), limits::tail_messages);
  EXPECT_EQ(state->tail.back().hash, 49'999u);
  Batch emptied = readings({});
  emptied.tail_emptied = true;
  emptied.tail = {{7, 7}};
  ASSERT_TRUE(writer->commit(emptied));
  EXPECT_EQ(writer->load()->tail.size(), 1u);
}

TEST(Writer, rejects_of_one_kind_share_a_row_for_an_hour_and_the_oldest_leave) {
  const Folder folder;
  auto writer = Writer::open(folder.db(), Open::create);
  const auto reject = [](std::string topic, UtcMs when) {
    Batch batch;
    batch.received = when;
    batch.rejects.push_back(
        {"roof", std::move(topic), "json", "it ends too early", std::string("\0\xFF", 2), 2, 1, when});
    return batch;
  };
  ASSERT_TRUE(writer->commit(reject("a", noon)));
  ASSERT_TRUE(writer->commit(reject("a", noon + Ms{1000})));
  ASSERT_TRUE(writer->commit(reject("a", noon + Ms{3'700'000})));
  auto reader = Reader::open(folder.db());
  auto rows = reader->rejects(10);
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 2u);
  EXPECT_EQ(rows->at(1).count, 2u);
  EXPECT_EQ(rows->at(1).last, noon + Ms{1000});
  EXPECT_EQ(rows->at(1).row.payload, std::string("\0\xFF", 2));
  Batch many;
  many.received = noon;
  for (std::size_t n = 0; n < limits::reject_rows_max; ++n) {
    many.rejects.push_back({"roof", std::to_string(n), "json", "", "x", 1, 1, noon});
  }
  ASSERT_TRUE(writer->commit(many));
  rows = reader->rejects(20'000);
  EXPECT_LE(rows->size(), limits::reject_rows_max);
  EXPECT_EQ(rows->front().row.topic, std::to_string(limits::reject_rows_max - 1));
}

TEST(ChecksumVfs, a_flipped_bit_in_any_page_is_never_read_as_true) {
  const Folder folder;
  {
    auto writer = Writer::open(folder.db(), Open::create);
    ASSERT_TRUE(writer->commit(catalog()));
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(writer->commit(readings({at(Ms{i}, i + 0.5)})));
  }
  const std::vector<double> truth = exported(folder.db());
  ASSERT_EQ(truth.size(), 200u);
  std::ifstream file{folder.db(), std::ios::binary};
  const std::string whole{std::istreambuf_iterator<char>{file}, {}};
  std::mt19937_64 random{7};
  int found = 0;
  for (int round = 0; round < 300; ++round) {
    const Folder copy;
    std::string damaged = whole;
    const std::size_t bit = random() % (8 * damaged.size());
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << (bit % 8));
    std::ofstream{copy.db(), std::ios::binary} << damaged;
    auto reader = Reader::open(copy.db());
    if (!reader) {
      ++found;
      continue;
    }
    std::vector<double> values;
    const auto done = reader->export_readings({}, [&](const NamedReading& r) {
      values.push_back(r.value);
      return true;
    });
    if (!done) {
      ++found;
    } else {
      EXPECT_EQ(values, truth) << "bit " << bit;
    }
  }
  EXPECT_GT(found, 100);  // the others lie in pages that nobody asked for
}

// A keeper looks with the plain sqlite3 shell, and the core ends before the shell does.
TEST(ChecksumVfs, a_checkpoint_by_another_program_is_no_damage) {
  const Folder folder;
  for (int life = 0; life < 3; ++life) {
    auto writer = Writer::open(folder.db(), life == 0 ? Open::create : Open::existing);
    ASSERT_TRUE(writer) << writer.error().text();
    SQLite::Database shell{folder.db().string(), SQLite::OPEN_READWRITE};
    if (life == 0) {
      ASSERT_TRUE(writer->commit(catalog()));
    }
    for (int i = 0; i < 300; ++i) ASSERT_TRUE(writer->commit(readings({at(Ms{300 * life + i}, i + 0.5)})));
    EXPECT_GT(shell.execAndGet("SELECT count(*) FROM sqlite_schema").getInt(), 0);
    writer = fail(Errc::failed, "ended");
  }
  EXPECT_EQ(exported(folder.db()).size(), 900u);
}

TEST(Reader, it_cannot_write_and_a_late_question_ends) {
  const Folder folder;
  auto writer = Writer::open(folder.db(), Open::create);
  ASSERT_TRUE(writer->commit(catalog()));
  for (int i = 0; i < 3000; ++i) ASSERT_TRUE(writer->commit(readings({at(Ms{i}, i)})));
  auto reader = Reader::open(folder.db());
  reader->set_time_limit(Ms{-1});
  const auto answer = reader->history({roof_temperature, noon, noon + Ms{10'000}, 100});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::temporary);
}

void add(Bucketer& to, Ms after, double value) {
  const std::int64_t ts = count(noon + after);
  const std::uint8_t flags = 0;
  to.add({{&ts, 1}, {&value, 1}, {&flags, 1}});
}

TEST(Bucketer, buckets_hold_min_mean_and_max) {
  Bucketer bucketer{{roof_temperature, noon, noon + std::chrono::hours{1}, 10}};
  for (int s = -10; s < 3700; s += 10) add(bucketer, Ms{1000 * s}, s == 0 ? -5 : s);
  const History history = bucketer.finish();
  ASSERT_FALSE(history.buckets.empty());
  EXPECT_LE(history.buckets.size(), 10u);
  EXPECT_EQ(history.buckets[0].min, -5);
  EXPECT_EQ(history.buckets[0].max, 590);
  EXPECT_EQ(history.buckets[0].sum, 59 * 60 / 2 * 10 - 5);
  std::uint32_t n = 0;
  for (const Bucket& b : history.buckets) n += b.n;
  EXPECT_EQ(n, 360u);
}

TEST(Bucketer, a_chunk_within_a_bucket_answers_from_its_head) {
  Bucketer bucketer{{roof_temperature, noon, noon + std::chrono::hours{24}, 5}};
  const ChunkHead head{.start = noon + Ms{1},
                       .end = noon + Ms{3'600'000},
                       .count = 61,
                       .min = 1,
                       .max = 9,
                       .sum = 300,
                       .marks = std::uint8_t{0}};
  ChunkHead excluded = head;
  excluded.marks = flag::excluded;
  EXPECT_FALSE(bucketer.add_whole(excluded));
  ChunkHead unknown = head;
  unknown.marks.reset();
  EXPECT_FALSE(bucketer.add_whole(unknown));
  ChunkHead wide = head;
  wide.end = noon + Ms{80'000'000};
  EXPECT_FALSE(bucketer.add_whole(wide));
  EXPECT_TRUE(bucketer.add_whole(head));
  add(bucketer, Ms{3'600'001}, 10);
  const History history = bucketer.finish();
  ASSERT_EQ(history.buckets.size(), 1u);
  EXPECT_EQ(history.buckets[0].n, 62u);
  EXPECT_EQ(history.buckets[0].max, 10);
  EXPECT_EQ(history.buckets[0].sum, 310);
}

TEST(Bucketer, buckets_between_edges) {
  using std::chrono::hours;
  const std::vector<UtcMs> edges{noon, noon + hours{23}, noon + hours{47}, noon + hours{72}};
  Bucketer bucketer{{roof_temperature, edges.front(), edges.back(), 1, {}, edges}};
  add(bucketer, Ms{-1}, 99);
  add(bucketer, Ms{0}, 1), add(bucketer, hours{23} - Ms{1}, 2), add(bucketer, hours{23}, 3);
  const auto head = [](Ms from, Ms to) {
    return ChunkHead{.start = noon + from,
                     .end = noon + to,
                     .count = 60,
                     .min = 4,
                     .max = 5,
                     .sum = 270,
                     .marks = std::uint8_t{0}};
  };
  EXPECT_FALSE(bucketer.add_whole(head(hours{46}, hours{47}))) << "its last one is in the next";
  EXPECT_TRUE(bucketer.add_whole(head(hours{46}, hours{47} - Ms{1})));
  EXPECT_TRUE(bucketer.add_whole(head(hours{47}, hours{72} - Ms{1}))) << "25 hours";
  EXPECT_FALSE(bucketer.add_whole(head(hours{71}, hours{72})));
  add(bucketer, hours{72}, 99);
  const History history = bucketer.finish();
  ASSERT_EQ(history.buckets.size(), 3u);
  EXPECT_EQ(history.buckets[0].start, noon);
  EXPECT_EQ(history.buckets[0].n, 2u);
  EXPECT_EQ(history.buckets[1].start, noon + hours{23});
  EXPECT_EQ(history.buckets[1].n, 61u);
  EXPECT_EQ(history.buckets[1].min, 3);
  EXPECT_EQ(history.buckets[2].start, noon + hours{47});
  EXPECT_EQ(history.buckets[2].n, 60u);
}

TEST(Bucketer, few_readings_come_as_they_are) {
  Bucketer bucketer{{roof_temperature, noon, noon + std::chrono::hours{1}, 2}};
  add(bucketer, Ms{3}, 2), add(bucketer, Ms{7}, 1);
  const History history = bucketer.finish();
  EXPECT_EQ(history.bucket, Ms{0});
  ASSERT_EQ(history.buckets.size(), 2u);
  EXPECT_EQ(history.buckets[0].start, noon + Ms{3});
}

}  // namespace
}  // namespace alona::store
