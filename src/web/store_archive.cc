#include "web/store_archive.h"

#include <utility>

namespace alona::web {
namespace {
using store::Reader;

class StoreArchive final : public Archive {
 public:
  explicit StoreArchive(Reader reader) : reader_(std::move(reader)) {}

  void set_time_limit(Ms limit) override { reader_.set_time_limit(limit); }
  Result<store::History> history(const store::HistoryQuery& query) override { return reader_.history(query); }
  Result<std::vector<store::History>> histories(const std::vector<store::HistoryQuery>& queries) override {
    return reader_.histories(queries);
  }
  Result<std::vector<store::EventRow>> events(std::optional<store::NodeNo> node, UtcMs from, UtcMs to,
                                              std::size_t max) override {
    return reader_.events(node, from, to, max);
  }
  Result<std::vector<store::ErrorRow>> errors(std::optional<store::NodeNo> node, UtcMs from, UtcMs to,
                                              std::size_t max) override {
    return reader_.errors(node, from, to, max);
  }
  Result<std::vector<store::HeartbeatRow>> heartbeats(store::NodeNo node, UtcMs from, UtcMs to,
                                                      std::size_t max) override {
    return reader_.heartbeats(node, from, to, max);
  }
  Result<std::vector<store::PresenceRow>> presence(std::optional<store::NodeNo> node, UtcMs from, UtcMs to,
                                                   std::size_t max) override {
    return reader_.presence(node, from, to, max);
  }
  Result<std::vector<store::DayCount>> counts(store::NodeNo node, std::int32_t from_day,
                                              std::int32_t to_day) override {
    return reader_.counts(node, from_day, to_day);
  }
  Result<store::Completeness> completeness(store::NodeNo node, std::int32_t from_day, std::int32_t to_day,
                                           UtcMs now) override {
    return reader_.completeness(node, from_day, to_day, now);
  }
  Result<std::vector<store::RejectItem>> rejects(std::size_t max,
                                                 std::optional<std::int64_t> before_id) override {
    return reader_.rejects(max, before_id);
  }
  Result<void> export_readings(const store::ExportFilter& filter,
                               const std::function<bool(const store::NamedReading&)>& sink) override {
    return reader_.export_readings(filter, sink);
  }
  Result<std::vector<store::Start>> starts(std::size_t max) override { return reader_.starts(max); }
  Result<std::int64_t> canary() override { return reader_.canary(); }
  Result<std::optional<store::UserRow>> user(const std::string& name) override { return reader_.user(name); }
  Result<std::vector<store::UserRow>> users() override { return reader_.users(); }
  Result<std::optional<store::SessionRow>> session(const std::string& hash) override {
    return reader_.session(hash);
  }

 private:
  Reader reader_;
};
}  // namespace

ArchiveFactory store_archive(std::filesystem::path database) {
  return [database = std::move(database)]() -> Result<std::unique_ptr<Archive>> {
    auto reader = Reader::open(database);
    if (!reader) return std::unexpected(reader.error());
    return std::make_unique<StoreArchive>(std::move(*reader));
  };
}

}  // namespace alona::web
