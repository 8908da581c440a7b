// For tests: a core without a broker. Messages go in by hand, commits happen when told.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "ingest/ingest.h"
#include "store/reader.h"

namespace alona::ingest {

inline constexpr UtcMs noon = utc_ms(1'795'521'600'000);

class TestBox {
 public:
  TestBox() {
    folder = mkdtemp(name);
    open();
  }
  ~TestBox() {
    ingest.reset();
    writer.reset();
    std::filesystem::remove_all(folder);
  }
  // As after a kill: nothing is said goodbye to.
  void restart() {
    ingest.reset();
    writer.reset();
    open();
  }
  void open() {
    auto opened = store::Writer::open(db(), store::Open::create);
    ASSERT_TRUE(opened) << opened.error().text();
    writer = std::make_unique<store::Writer>(std::move(*opened));
    ingest = std::make_unique<Ingest>(
        *writer, clock,
        IngestOptions{.admitted = [](std::string_view id) { return id != "stranger"; },
                      .saved_time = [this] { return saved; }});
    ASSERT_TRUE(ingest->load());
  }
  void send(std::string_view topic, std::string_view payload, std::uint16_t packet_id = 1,
            bool retained = false) {
    ingest->take({.topic = topic,
                  .payload = payload,
                  .packet_id = packet_id,
                  .qos = packet_id == 0 ? std::uint8_t{0} : std::uint8_t{1},
                  .retained = retained});
  }
  void temperature(std::uint32_t seq, double value, std::uint32_t boot = 7, std::uint32_t low = 1,
                   std::uint16_t packet_id = 1) {
    send("alona/roof/telemetry/temperature",
         fmt::format(
             R"({{"v":1,"sensor":"temperature","value":{},"unit":"°C","ts":{},"boot":{},"seq":{},"low":{}}})",
             value, 1'795'521'600 + seq, boot, seq, low),
         packet_id);
  }
  Committed commit() {
    auto committed = ingest->commit();
    EXPECT_TRUE(committed) << committed.error().text();
    return committed ? *committed : Committed{};
  }
  [[nodiscard]] std::vector<store::NamedReading> exported() const {
    std::vector<store::NamedReading> rows;
    auto reader = store::Reader::open(db());
    EXPECT_TRUE(reader->export_readings({}, [&](const store::NamedReading& r) {
      rows.push_back(r);
      return true;
    }));
    return rows;
  }
  [[nodiscard]] store::CountRow counted() const {
    auto reader = store::Reader::open(db());
    auto days = reader->counts(static_cast<store::NodeNo>(1), 0, 1'000'000);
    return days && !days->empty() ? days->back().total : store::CountRow{};
  }
  [[nodiscard]] std::vector<store::RejectItem> rejects() const {
    return *store::Reader::open(db())->rejects(100);
  }
  [[nodiscard]] std::filesystem::path db() const { return folder / "alona.sqlite3"; }

  std::filesystem::path folder;
  ManualClock clock{noon};
  std::optional<UtcMs> saved;  // beside the database
  std::unique_ptr<store::Writer> writer;
  std::unique_ptr<Ingest> ingest;

 private:
  char name[32] = "/tmp/alona-ingest-XXXXXX";
};

}  // namespace alona::ingest
