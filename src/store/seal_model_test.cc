// Sealing against a plain model in memory: whatever comes late, again or corrected, by whichever clock,
// however the stretches of that clock are moved, and wherever a pass is cut off, the history is that of the
// model.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <random>
#include <string>

#include "store/reader.h"
#include "store/writer.h"

namespace alona::store {
namespace {

constexpr UtcMs noon = utc_ms(1'795'521'600'000);
constexpr int series_count = 4;
constexpr Ms second{1000};

// All that was ever written. Where two stretches of the clock say the same true time, either of the two is
// right: which one is shown depends on what is sealed (store/series_merge.h). Within a stretch, and among
// what nodes have timed, only the last written is.
class Model {
 public:
  using OfSeries = std::map<EpochNo, std::map<UtcMs, ReadingRow>>;  // as it was written
  using Claims = std::multimap<UtcMs, ReadingRow*>;                 // by true time

  void put(const ReadingRow& row) { all_[row.series][row.epoch][row.ts] = row; }
  void move(EpochNo epoch, Ms shift) { shifts_[epoch] = shift; }
  [[nodiscard]] UtcMs true_time(const ReadingRow& row) { return row.ts + shifts_[row.epoch]; }
  [[nodiscard]] const std::map<UtcMs, ReadingRow>& of(SeriesNo series, EpochNo epoch) {
    return all_[series][epoch];
  }
  [[nodiscard]] Claims claims(SeriesNo series, UtcMs from = UtcMs::min(), UtcMs to = UtcMs::max()) {
    Claims found;
    for (auto& [epoch, rows] : all_[series]) {
      for (auto& [ts, row] : rows) {
        if (const UtcMs at = true_time(row); at >= from && at < to) found.emplace(at, &row);
      }
    }
    return found;
  }
  // Which of them is that one; null: none.
  [[nodiscard]] static ReadingRow* claim_of(const Claims& claims, UtcMs at, double value) {
    const auto [begin, end] = claims.equal_range(at);
    const auto it = std::find_if(begin, end, [&](const auto& claim) { return claim.second->value == value; });
    return it == end ? nullptr : it->second;
  }
  [[nodiscard]] static std::size_t times(const Claims& claims) {
    std::size_t n = 0;
    for (auto it = claims.begin(); it != claims.end(); it = claims.upper_bound(it->first)) ++n;
    return n;
  }

 private:
  std::map<SeriesNo, OfSeries> all_;
  std::map<EpochNo, Ms> shifts_;
};

class Box {
 public:
  explicit Box(std::uint64_t seed) : random_(seed) {
    // In memory: a hundred thousand commits are synced.
    std::string name =
        ::access("/dev/shm", W_OK) == 0 ? "/dev/shm/alona-seal-XXXXXX" : "/tmp/alona-seal-XXXXXX";
    folder_ = mkdtemp(name.data());
    open(Open::create);
    Batch catalog;
    catalog.received = noon;
    catalog.nodes = {{NodeNo{1}, "roof", "", "", noon}};
    for (int n = 1; n <= series_count; ++n)
      catalog.series.push_back({SeriesNo{n}, NodeNo{1}, fmt::format("s{}", n), "m", "", {}});
    EXPECT_TRUE(writer_->commit(catalog));
    begin_epoch();
  }
  ~Box() { std::filesystem::remove_all(folder_); }
  Box(const Box&) = delete;
  Box& operator=(const Box&) = delete;

  std::uint64_t draw(std::uint64_t below) { return random_() % below; }
  Ms draw_ms(std::int64_t below) {
    return Ms{static_cast<std::int64_t>(draw(static_cast<std::uint64_t>(below)))};
  }

  // Some readings in one commit, timed by their node or by the core: mostly newer than all before, sometimes
  // late, again, or corrected.
  void insert() {
    Batch batch;
    batch.received = noon;
    batch.epoch = epochs_.back().no;
    now_ += second * static_cast<int>(draw(3));
    for (std::uint64_t n = 1 + draw(12); n > 0; --n) {
      const auto series = static_cast<SeriesNo>(1 + draw(series_count));
      batch.readings.push_back(draw(2) == 0 ? by_node(series) : by_core(series));
      model_.put(batch.readings.back());
      ++inserted;
    }
    ASSERT_TRUE(writer_->commit(batch));
  }
  // The core's clock changes: somebody else says what time it is, or the box boots.
  void begin_epoch() {
    Batch batch;
    batch.received = noon;
    const auto source = static_cast<ClockSource>(draw(4));
    error_ = source >= ClockSource::visitor ? second * static_cast<int>(draw(3)) : draw_shift();
    if (!epochs_.empty()) {
      epochs_.back().ended = now_;
      batch.epochs.push_back(epochs_.back());
    }
    if (draw(3) == 0) ++boot_;
    epochs_.push_back({.no = static_cast<EpochNo>(epochs_.size() + 1),
                       .boot = fmt::format("boot{}", boot_),
                       .source = source,
                       .begun = now_ + error_,
                       .mono = {},
                       .ended = {},
                       .shift = {}});
    batch.epochs.push_back(epochs_.back());
    batch.epoch = epochs_.back().no;
    ASSERT_TRUE(writer_->commit(batch));
    begun_ = now_;
  }
  // Any stretch that may still be moved: where the time was right, or anywhere else, over another's.
  void move_epoch() {
    EpochRow& epoch = epochs_[draw(epochs_.size())];
    if (writer_->settled(epoch.no)) return;
    epoch.shift = draw(4) == 0 ? Ms{0} : draw_shift();
    epoch.truth = Truth::known;
    Batch batch;
    batch.received = noon;
    batch.epochs = {epoch};
    ASSERT_TRUE(writer_->commit(batch));
    model_.move(epoch.no, epoch.shift);
    ++moved;
  }
  // Some taken out by hand, or brought back.
  void exclude() {
    const auto series = static_cast<SeriesNo>(1 + draw(series_count));
    const UtcMs from = noon + draw_ms(3'000'000);
    const UtcMs to = from + Ms{1} + draw_ms(draw(4) == 0 ? 2'000'000 : 20'000);
    const bool out = draw(3) != 0;
    const auto claims = model_.claims(series, from, to);
    std::vector<ReadingRow> asked;
    for (auto it = claims.begin(); it != claims.end(); it = claims.upper_bound(it->first))
      asked.push_back({series, it->first, 0, 0});
    const auto standing = writer_->known(asked);
    ASSERT_TRUE(standing);
    std::size_t changed = 0;
    for (std::size_t i = 0; i < asked.size(); ++i) {
      ASSERT_TRUE((*standing)[i]);
      ReadingRow* row = Model::claim_of(claims, asked[i].ts, (*standing)[i]->value);
      ASSERT_NE(row, nullptr);
      if (((row->flags & flag::excluded) != 0) == out) continue;
      row->flags ^= flag::excluded;
      ++changed;
    }
    Batch batch;
    batch.received = noon;
    batch.epoch = epochs_.back().no;
    batch.audit = {{noon, "someone", "test"}};
    const auto done = writer_->exclude({series, from, to, out}, batch);
    ASSERT_TRUE(done) << done.error().text();
    EXPECT_EQ(done->readings, asked.size());
    EXPECT_EQ(done->changed, changed);
  }
  void fold() { ASSERT_TRUE(writer_->fold({}, noon)); }
  // One slice of a pass: a few commits, one series, or a commit's deletion.
  void seal() { ASSERT_TRUE(writer_->seal_some(Ms{0}, hot_max)); }
  void seal_all() {
    fold();
    for (int slices = 0; slices < 100'000; ++slices) {
      const auto more = writer_->seal_some(Ms{20}, hot_max);
      ASSERT_TRUE(more) << more.error().text();
      if (!*more) return;
    }
    FAIL() << "it doesn't end";
  }
  void reopen() {
    writer_ = fail(Errc::failed, "closed");
    open(Open::existing);
  }
  // All that the disk holds at this moment, taken over by the next life; as after a kill.
  void crash() {
    const std::filesystem::path next = folder_ / "next";
    std::filesystem::create_directory(next);
    for (const char* end : {"", "-wal"}) {
      const std::string name = db().string() + end;
      if (std::filesystem::exists(name))
        std::filesystem::copy_file(name, next / std::filesystem::path{name}.filename());
    }
    writer_ = fail(Errc::failed, "killed");
    for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(db().string() + end);
    for (const auto& file : std::filesystem::directory_iterator{next})
      std::filesystem::rename(file.path(), folder_ / file.path().filename());
    std::filesystem::remove(next);
    open(Open::existing);
  }

  void check() {
    auto reader = Reader::open(db());
    ASSERT_TRUE(reader);
    shown_.clear();
    const auto done = reader->export_readings({}, [&](const NamedReading& r) {
      auto& of_series = shown_[static_cast<SeriesNo>(r.sensor[1] - '0')];
      EXPECT_TRUE(of_series.empty() || of_series.rbegin()->first < r.ts);
      of_series.emplace_hint(of_series.end(), r.ts, r);
      return !::testing::Test::HasFailure();
    });
    ASSERT_TRUE(done) << done.error().text();
    for (int n = 1; n <= series_count; ++n) check_shown(SeriesNo{n});
    for (int n = 0; n < 4; ++n) check_history(*reader);
    check_known();
    ++checks;
  }

  static constexpr std::size_t hot_max = 300;
  std::size_t inserted = 0, moved = 0, checks = 0, shared_times = 0;
  [[nodiscard]] std::size_t stretches() const { return epochs_.size(); }
  [[nodiscard]] std::size_t settled() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(epochs_, [&](const EpochRow& e) { return writer_->settled(e.no); }));
  }

 private:
  void open(Open how) {
    writer_ = Writer::open(db(), how);
    ASSERT_TRUE(writer_) << writer_.error().text();
    const auto state = writer_->load();
    ASSERT_TRUE(state);
    ASSERT_EQ(state->epochs.size(), epochs_.size());
    for (std::size_t i = 0; i < epochs_.size(); ++i) EXPECT_EQ(state->epochs[i].shift, epochs_[i].shift);
  }
  [[nodiscard]] std::filesystem::path db() const { return folder_ / "alona.sqlite3"; }
  // No two alike, so that it says which one it is.
  double value() {
    return draw(3) == 0 ? static_cast<double>(random_()) / 3 : static_cast<double>(++values_) / 10;
  }
  Ms draw_shift() { return second * (static_cast<int>(draw(4'000)) - 2'000); }
  std::optional<ReadingRow> random_known(SeriesNo series, EpochNo epoch) {
    const auto& rows = model_.of(series, epoch);
    if (rows.empty()) return {};
    const auto it = rows.lower_bound(rows.begin()->first +
                                     draw_ms(1 + (rows.rbegin()->first - rows.begin()->first).count()));
    return it->second;
  }
  ReadingRow by_node(SeriesNo series) {
    UtcMs& newest = newest_.try_emplace(series, noon).first->second;
    UtcMs ts = newest += Ms{1} + second * static_cast<int>(draw(3));
    if (draw(10) == 0) ts = noon + draw_ms(1 + (newest - noon).count());
    if (draw(15) == 0) {
      if (const auto known = random_known(series, EpochNo{})) ts = known->ts;
    }
    // At a time that some clock has said.
    if (draw(15) == 0) {
      if (const auto known = random_known(series, epochs_[draw(epochs_.size())].no))
        ts = model_.true_time(*known);
    }
    return {series, ts, value(), 0, EpochNo{}};
  }
  ReadingRow by_core(SeriesNo series) {
    UtcMs ts = now_ + error_;
    if (draw(5) == 0)
      ts = begun_ + error_ +
           second * static_cast<int>(draw(1 + static_cast<std::uint64_t>((now_ - begun_) / second)));
    if (draw(15) == 0) {
      if (const auto known = random_known(series, epochs_.back().no)) ts = known->ts;
    }
    const bool trusted = epochs_.back().source >= ClockSource::visitor;
    return {series, ts, value(), static_cast<std::uint8_t>(trusted ? 0x01 : 0x22), epochs_.back().no};
  }

  // Each true time once, and what is there is what one of them wrote there last.
  void check_shown(SeriesNo series) {
    const auto claims = model_.claims(series);
    const auto& shown = shown_[series];
    ASSERT_EQ(shown.size(), Model::times(claims));
    shared_times = std::max(shared_times, claims.size() - shown.size());
    for (const auto& [ts, r] : shown) {
      const ReadingRow* row = Model::claim_of(claims, ts, r.value);
      ASSERT_NE(row, nullptr) << "series " << static_cast<int>(series) << " at " << count(ts);
      ASSERT_EQ(r.flags, row->flags);
    }
  }
  // Buckets of a random stretch.
  void check_history(Reader& reader) {
    const auto series = static_cast<SeriesNo>(1 + draw(series_count));
    const UtcMs from = noon - Ms{2'000'000} + draw_ms(4'000'000);
    const UtcMs to = from + Ms{1} + draw_ms(draw(2) == 0 ? 100'000 : 10'000'000);
    const auto history = reader.history({.series = series, .from = from, .to = to, .points_max = 50});
    ASSERT_TRUE(history);
    std::map<UtcMs, Bucket> expected;
    const auto& readings = shown_[series];
    for (auto it = readings.lower_bound(from); it != readings.end() && it->first < to; ++it) {
      const NamedReading& r = it->second;
      if ((r.flags & flag::excluded) != 0) continue;
      const UtcMs start = history->bucket == Ms{0} ? r.ts : r.ts - r.ts.time_since_epoch() % history->bucket;
      Bucket& b = expected.try_emplace(start, Bucket{start, r.value, r.value, 0, 0}).first->second;
      b.min = std::min(b.min, r.value), b.max = std::max(b.max, r.value);
      b.sum += r.value, ++b.n;
    }
    ASSERT_EQ(history->buckets.size(), expected.size());
    for (const Bucket& b : history->buckets) {
      EXPECT_EQ(b.n, expected[b.start].n);
      EXPECT_EQ(b.min, expected[b.start].min);
      EXPECT_EQ(b.max, expected[b.start].max);
      // A chunk's sum is summed up apart.
      EXPECT_NEAR(b.sum, expected[b.start].sum, 1e-12 * std::abs(b.sum));
    }
  }
  // The writer says of a time what a reader shows.
  void check_known() {
    std::vector<ReadingRow> asked;
    for (int n = 0; n < 10; ++n) {
      const auto series = static_cast<SeriesNo>(1 + draw(series_count));
      const auto known = random_known(series, draw(2) == 0 ? EpochNo{} : epochs_[draw(epochs_.size())].no);
      asked.push_back(
          {series, known && n % 2 == 0 ? model_.true_time(*known) : noon + draw_ms(3'000'000), 0, 0});
    }
    const auto known = writer_->known(asked);
    ASSERT_TRUE(known);
    for (std::size_t i = 0; i < asked.size(); ++i) {
      const auto& readings = shown_[asked[i].series];
      const auto it = readings.find(asked[i].ts);
      ASSERT_EQ((*known)[i].has_value(), it != readings.end());
      if ((*known)[i]) {
        EXPECT_EQ((*known)[i]->value, it->second.value);
      }
    }
  }

  std::mt19937_64 random_;
  std::filesystem::path folder_;
  Result<Writer> writer_ = fail(Errc::failed, "not open yet");
  std::vector<EpochRow> epochs_;
  int boot_ = 0;
  UtcMs now_ = noon, begun_ = noon;  // true time, and when the present stretch began
  Ms error_{};                       // of its clock
  std::map<SeriesNo, UtcMs> newest_;
  std::uint64_t values_ = 0;
  Model model_;
  std::map<SeriesNo, std::map<UtcMs, NamedReading>> shown_;
};

// ALONA_SEED repeats one; ALONA_LONG=1 does a hundred thousand operations.
TEST(Seal, agrees_with_a_plain_model) {
  const char* given = std::getenv("ALONA_SEED");    // NOLINT(concurrency-mt-unsafe): nobody sets it
  const char* is_long = std::getenv("ALONA_LONG");  // NOLINT(concurrency-mt-unsafe)
  const std::uint64_t seed = given != nullptr ? std::stoull(given) : std::random_device{}();
  const int operations = is_long != nullptr ? 100'000 : 6'000;
  SCOPED_TRACE(fmt::format("ALONA_SEED={}", seed));
  Box box{seed};
  int n = 0;
  for (; n < operations && !::testing::Test::HasFailure(); ++n) {
    switch (box.draw(40)) {
      case 0:
        box.fold();
        break;
      case 1:
        box.reopen();
        break;
      case 2:
        box.crash();
        break;
      case 3:
        box.exclude();
        break;
      case 4:
        if (box.draw(8) == 0) box.begin_epoch();
        break;
      case 5:
        box.move_epoch();
        break;
      default:
        box.draw(2) == 0 ? box.insert() : box.seal();
    }
    if (n % 500 == 0) box.check();
  }
  box.seal_all();
  box.check();
  box.reopen();
  box.check();
  fmt::print(
      "seed {}: {} operations, {} readings, {} stretches of the clock ({} settled), {} moves, {} times said "
      "by two, {} checks\n",
      seed, n, box.inserted, box.stretches(), box.settled(), box.moved, box.shared_times, box.checks);
}

}  // namespace
}  // namespace alona::store
