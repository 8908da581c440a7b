// A little working core for tests of the web: a backend that keeps what it is told and an archive that
// answers from it.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "web/backend.h"

namespace alona::web {

struct FakeCore {
  std::mutex mutex;
  std::map<std::string, store::UserRow> users;
  std::map<std::string, store::SessionRow> sessions;
  std::vector<store::NodeRow> renamed;
  std::vector<std::string> removed;
  std::vector<std::pair<UtcMs, std::string>> times;
  std::vector<std::pair<BoxWish, std::string>> asked_box;
  std::vector<ExclusionWish> excluded;
  std::vector<CounterWish> counters;
  std::vector<std::pair<std::string, std::string>> notes;
  std::optional<HealthKnown> health;
  std::vector<store::Start> starts;
  Versions versions;
  BackupsPicture backups;
  std::vector<BackupWish> backups_started;
  std::map<std::string, std::string> backup_files;
  std::atomic<bool> full = false;    // commands find no room
  std::atomic<bool> broken = false;  // the database can't be opened
  std::atomic<int> export_rows = 3;
  std::atomic<int> asked_trends = 0;
  std::atomic<std::int64_t> canary = 0;
  store::SeriesNo rises{};  // a series that never falls
};

class FakeBackend final : public Backend {
 public:
  explicit FakeBackend(FakeCore& core) : core_(core) {}
  bool rename_node(store::NodeRow row, Done<void> done) override {
    return act([&] { core_.renamed.push_back(row); }, done);
  }
  bool put_session(store::SessionRow row, Done<void> done) override {
    return act([&] { core_.sessions[row.token_hash] = row; }, done);
  }
  bool end_session(std::string hash, Done<void> done) override {
    return act([&] { core_.sessions.erase(hash); }, done);
  }
  bool put_check(store::CheckRow, std::vector<std::int64_t>, Done<void> done) override {
    return act([] {}, done);
  }
  bool put_user(store::UserRow row, Done<void> done) override {
    return act([&] { core_.users[row.name] = row; }, done);
  }
  bool remove_user(std::string name, Done<void> done) override {
    if (core_.full) return false;
    Result<void> removed;
    {
      const std::lock_guard lock{core_.mutex};
      if (name == "owner")
        removed = fail(Errc::refused, "the last admin can't be removed");
      else if (core_.users.erase(name) == 0)
        removed = fail(Errc::not_found, "there is no user of this name");
      std::erase_if(core_.sessions, [&](const auto& one) { return one.second.user == name && removed; });
    }
    return done(std::move(removed)), true;
  }
  bool add_node(NodeWish wish, Done<NodeCredentials> done) override {
    return done(credentials(wish.id, "secret")), true;
  }
  bool rotate_node(std::string id, Done<NodeCredentials> done) override {
    return done(credentials(id, "new secret")), true;
  }
  bool replace_node(CounterWish wish, Done<NodeCredentials> done) override {
    const std::string node = wish.node;
    return act([&] { core_.counters.push_back(std::move(wish)); },
               [&](const Result<void>&) { done(credentials(node, "new secret")); });
  }
  bool change_counters(CounterWish wish, Done<std::vector<CounterBase>> done) override {
    std::vector<CounterBase> bases;
    bases.reserve(wish.changes.size());
    for (const auto& one : wish.changes)
      bases.push_back(
          {store::SeriesNo{7}, one.sensor, "kWh", one.goes_on_from.value_or(5) - one.begins_at, true});
    return act([&] { core_.counters.push_back(std::move(wish)); },
               [&](const Result<void>&) { done(std::move(bases)); });
  }
  bool remove_node(std::string id, Done<void> done) override {
    return act([&] { core_.removed.push_back(id); }, done);
  }
  bool import_readings(std::string csv, bool dry, Done<std::string> done) override {
    return done(std::string(dry ? "dry:" : "") + std::to_string(csv.size())), true;
  }
  bool exclude(ExclusionWish wish, Done<store::ExclusionCount> done) override {
    if (core_.full) return false;
    {
      const std::lock_guard lock{core_.mutex};
      core_.excluded.push_back(wish);
    }
    return done(store::ExclusionCount{3, 2}), true;
  }
  bool note(std::string who, std::string what, Done<void> done) override {
    return act([&] { core_.notes.emplace_back(who, what); }, done);
  }
  Versions versions() const override {
    const std::lock_guard lock{core_.mutex};
    return core_.versions;
  }
  Reached reached() const override { return {"alona.local", "192.168.1.2"}; }
  std::vector<BoxWish> box_can() const override { return {BoxWish::restart, BoxWish::power_off}; }
  bool ask_box(BoxWish wish, std::string who, Done<void> done) override {
    return act([&] { core_.asked_box.emplace_back(wish, who); }, done);
  }
  bool set_time(UtcMs now, std::string who, Done<void> done) override {
    return act([&] { core_.times.emplace_back(now, who); }, done);
  }
  std::optional<HealthKnown> health() const override {
    const std::lock_guard lock{core_.mutex};
    return core_.health;
  }
  bool backups(Done<BackupsPicture> done) override {
    if (core_.full) return false;
    BackupsPicture picture;
    {
      const std::lock_guard lock{core_.mutex};
      picture = core_.backups;
    }
    return done(std::move(picture)), true;
  }
  bool start_backup(BackupWish wish, Done<void> done) override {
    if (core_.full) return false;
    Result<void> begun;
    {
      const std::lock_guard lock{core_.mutex};
      if (!wish.set.empty() && !core_.backup_files.contains(wish.set))
        begun = fail(Errc::not_found, "there is no such backup");
      else if (core_.backups.running)
        begun = fail(Errc::temporary, "a backup is under way");
      else
        core_.backups_started.push_back(wish);
    }
    return done(std::move(begun)), true;
  }
  bool open_backup(std::string set, Done<BackupFile> done) override {
    if (core_.full) return false;
    const std::lock_guard lock{core_.mutex};
    const auto found = core_.backup_files.find(set);
    if (found == core_.backup_files.end())
      return done(fail(Errc::not_found, "there is no such backup")), true;
    const std::shared_ptr<const int> fd{new int{::memfd_create("set", MFD_CLOEXEC)}, [](const int* held) {
                                          ::close(*held);
                                          delete held;
                                        }};
    const ssize_t written = ::pwrite(*fd, found->second.data(), found->second.size(), 0);
    return done(BackupFile{fd, static_cast<std::uint64_t>(written)}), true;
  }
  bool make_bundle(Done<BundleFile> done) override {
    return open_backup("bundle", [done](const Result<BackupFile>& file) {
      if (!file) return done(std::unexpected(file.error()));
      done(BundleFile{*file, "alona-bundle-x.tar.zst"});
    });
  }

 private:
  static NodeCredentials credentials(const std::string& id, const std::string& password) {
    NodeCredentials given;
    given.id = given.user = id, given.password = password;
    given.host = "192.168.1.2", given.host_name = "alona.local", given.port = 1883;
    given.snippet = "c", given.esphome = "yaml", given.nvs_csv = "csv", given.uri = "alona:node";
    given.qr = {"10", "01"};
    return given;
  }
  template <class Work>
  bool act(Work work, const Done<void>& done) {
    if (core_.full) return false;
    {
      const std::lock_guard lock{core_.mutex};
      work();
    }
    done({});
    return true;
  }
  FakeCore& core_;
};

class FakeArchive final : public Archive {
 public:
  explicit FakeArchive(FakeCore& core) : core_(core) {}
  void set_time_limit(Ms) override {}
  Result<store::History> history(const store::HistoryQuery& query) override {
    store::History out;
    out.bucket = Ms{60'000};
    out.buckets = {{query.from, 1, 3, 6.5, 3}, {query.from + Ms{60'000}, 2.5, 2.5, 2.5, 1}};
    if (query.series == core_.rises) out.buckets.back() = {query.from + Ms{60'000}, 3, 4, 7, 2};
    out.gaps = {{query.from, query.to, "the core was \"away\""}};
    if (query.edges.size() > 1) {
      out.bucket = std::chrono::days{1}, out.gaps.clear(), out.buckets.clear();
      for (std::size_t i = 0; i + 1 < query.edges.size(); ++i)
        out.buckets.push_back({query.edges[i], 1, 1, 1, 1});
    }
    return out;
  }
  Result<std::vector<store::History>> histories(const std::vector<store::HistoryQuery>& queries) override {
    ++core_.asked_trends;
    std::vector<store::History> all;
    all.reserve(queries.size());
    for (const auto& query : queries) all.push_back(*history(query));
    return all;
  }
  Result<std::vector<store::EventRow>> events(std::optional<store::NodeNo>, UtcMs from, UtcMs,
                                              std::size_t) override {
    return std::vector<store::EventRow>{{store::NodeNo{1}, from, 0, "door", R"({"open":true})"},
                                        {store::NodeNo{1}, from, 0, "odd", "no json"}};
  }
  Result<std::vector<store::ErrorRow>> errors(std::optional<store::NodeNo>, UtcMs from, UtcMs,
                                              std::size_t) override {
    return std::vector<store::ErrorRow>{{store::NodeNo{1}, from, 0, "sht3x", "<b>no answer</b>"}};
  }
  Result<std::vector<store::HeartbeatRow>> heartbeats(store::NodeNo no, UtcMs from, UtcMs,
                                                      std::size_t) override {
    return std::vector<store::HeartbeatRow>{{no, from, 60, -70, "1.0", 12'345, {}, {}, "power"}};
  }
  Result<std::vector<store::PresenceRow>> presence(std::optional<store::NodeNo>, UtcMs from, UtcMs,
                                                   std::size_t) override {
    return std::vector<store::PresenceRow>{{store::NodeNo{1}, from, store::Presence::online, from}};
  }
  Result<std::vector<store::DayCount>> counts(store::NodeNo no, std::int32_t from_day,
                                              std::int32_t) override {
    return std::vector<store::DayCount>{{from_day, {.node = no, .day = from_day, .stored = 7}}};
  }
  Result<store::Completeness> completeness(store::NodeNo, std::int32_t from_day, std::int32_t,
                                           UtcMs) override {
    return store::Completeness{true, {{from_day + 1, 2.6, {{"power", Ms{60'000}}}}}};
  }
  Result<std::vector<store::RejectItem>> rejects(std::size_t, std::optional<std::int64_t>) override {
    store::RejectItem item;
    item.id = 4;
    item.row = {
        .topic = "alona/roof/telemetry", .reason = "json", .payload = "<script>\xff\"", .payload_bytes = 10};
    item.count = 2;
    return std::vector<store::RejectItem>{item};
  }
  Result<void> export_readings(const store::ExportFilter&,
                               const std::function<bool(const store::NamedReading&)>& sink) override {
    for (int i = 0; i < core_.export_rows; ++i) {
      if (!sink({utc_ms(1'795'545'727'250 + i), "roof", "temperature", "°C, \"x\"", 21.5, 1})) return {};
    }
    return {};
  }
  Result<std::vector<store::Start>> starts(std::size_t) override {
    const std::lock_guard lock{core_.mutex};
    return core_.starts;
  }
  Result<std::int64_t> canary() override { return core_.canary.load(); }
  Result<std::optional<store::UserRow>> user(const std::string& name) override {
    const std::lock_guard lock{core_.mutex};
    const auto found = core_.users.find(name);
    return found == core_.users.end() ? std::nullopt : std::optional{found->second};
  }
  Result<std::vector<store::UserRow>> users() override {
    const std::lock_guard lock{core_.mutex};
    std::vector<store::UserRow> all;
    all.reserve(core_.users.size());
    for (const auto& [name, row] : core_.users) all.push_back(row);
    return all;
  }
  Result<std::optional<store::SessionRow>> session(const std::string& hash) override {
    const std::lock_guard lock{core_.mutex};
    const auto found = core_.sessions.find(hash);
    return found == core_.sessions.end() ? std::nullopt : std::optional{found->second};
  }

 private:
  FakeCore& core_;
};

inline ArchiveFactory fake_archive(FakeCore& core) {
  return [&core]() -> Result<std::unique_ptr<Archive>> {
    if (core.broken) return fail(Errc::corrupt, "the database is damaged");
    return std::make_unique<FakeArchive>(core);
  };
}

}  // namespace alona::web
