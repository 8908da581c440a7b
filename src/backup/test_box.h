// For tests: a box's files with a small history, without a core.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>

#include "backup/take.h"
#include "ops/paths.h"
#include "store/reader.h"
#include "store/writer.h"

namespace alona::backup {

inline constexpr UtcMs noon = utc_ms(1'795'521'600'000);
inline constexpr auto quietly = [](std::string_view, std::uint64_t, std::uint64_t) { return true; };

inline void put_file(const std::filesystem::path& path, std::string_view text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream{path, std::ios::binary} << text;
}
inline std::string text_of(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

class TestBox {
 public:
  TestBox() {
    root = mkdtemp(name_);
    box.config.core.data_dir = root / "data";
    box.config.mqtt.password_file = root / "etc/mqtt-password";
    box.config.storage.reserve_bytes = 0;
    box.config.backup.max_share = 0.9;
    box.config_file = root / "etc/alona.toml";
    box.host = "Cabin.local";
    box.program = "0.1.0";
    std::filesystem::create_directories(sets_folder(box));
    put_file(box.config_file, "[core]\nsite = 'The cabin'\n");
    put_file(box.config.mqtt.password_file, "secret\n");
    put_file(live() / "broker/passwd", "roof:hash\n");
    put_file(live() / "broker/acl", "pattern write alona/%u/#\n");
    put_file(live() / "broker.lock", "1\n");
    put_file(live() / "checks/canary", "secret\n");
    std::filesystem::create_directories(database().parent_path());
  }
  ~TestBox() { std::filesystem::remove_all(root); }
  TestBox(const TestBox&) = delete;
  TestBox& operator=(const TestBox&) = delete;

  [[nodiscard]] std::filesystem::path live() const { return ops::Paths{box.config}.live(); }
  [[nodiscard]] std::filesystem::path database() const { return ops::Paths{box.config}.database(); }

  // 20 readings each in two series, a commit a second, from `first` on.
  void readings(int commits, int first = 0) {
    auto writer = store::Writer::open(database(), store::Open::create);
    ASSERT_TRUE(writer) << writer.error().text();
    ASSERT_TRUE(writer->load());
    for (int n = first; n < first + commits; ++n) {
      store::Batch batch{.received = noon + std::chrono::seconds{n}};
      if (n == 0) {
        batch.nodes.push_back({.no = store::NodeNo{1}, .id = "roof", .created = noon});
        for (int s : {1, 2})
          batch.series.push_back({.no = store::SeriesNo{s},
                                  .node = store::NodeNo{1},
                                  .sensor = s == 1 ? "t" : "h",
                                  .unit = s == 1 ? "°C" : "%"});
      }
      for (int i = 0; i < 20; ++i) {
        for (int s : {1, 2})
          batch.readings.push_back(
              {store::SeriesNo{s}, batch.received - std::chrono::milliseconds{i}, n + i / 20.0, 0});
      }
      ASSERT_TRUE(writer->commit(batch));
      if (n % 40 == 39) {
        ASSERT_TRUE(writer->fold({}, batch.received));
        while (*writer->seal_some(Ms{1000}, 400)) {
        }
      }
    }
  }
  [[nodiscard]] Result<Taken> take() { return take_backup(box, clock, quietly); }
  // Between any two steps of the backup more is committed: one reading in each series, all or nothing.
  [[nodiscard]] Result<Taken> take_beside_a_writer(int& commits) {
    auto writer = store::Writer::open(database(), store::Open::existing);
    EXPECT_TRUE(writer && writer->load());
    return take_backup(box, clock, [&](std::string_view, std::uint64_t, std::uint64_t) {
      const int n = 1000 + ++commits;
      store::Batch batch{.received = noon + std::chrono::seconds{n}};
      for (int s : {1, 2}) batch.readings.push_back({store::SeriesNo{s}, batch.received, 1.0 * n, 0});
      EXPECT_TRUE(writer->commit(batch));
      return true;
    });
  }

  std::filesystem::path root;
  Box box;
  ManualClock clock{noon + std::chrono::hours{1}};

 private:
  char name_[32] = "/tmp/alona-backup-XXXXXX";
};

// Every reading, as text.
inline std::string history_of(const std::filesystem::path& database) {
  auto reader = store::Reader::open(database);
  EXPECT_TRUE(reader);
  std::string all;
  EXPECT_TRUE(reader->export_readings({}, [&](const store::NamedReading& r) {
    all += r.node + r.sensor + iso8601(r.ts) + std::to_string(r.value) + "\n";
    return true;
  }));
  return all;
}

}  // namespace alona::backup
