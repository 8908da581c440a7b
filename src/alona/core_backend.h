// What the page asks of the rest of the core: changes go to the writer thread, provisioning to a thread of
// its own, for it waits for the broker. Owned by the core; called on the web thread, never blocks it.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "alona/backup_runner.h"
#include "alona/bundle_runner.h"
#include "alona/health_known.h"
#include "alona/versions_known.h"
#include "ingest/service.h"
#include "ops/clock_setter.h"
#include "ops/provisioning.h"
#include "web/backend.h"

namespace alona {

class CoreBackend final : public web::Backend {
 public:
  CoreBackend(ingest::Service& service, const ops::Config& config, const Clock& clock, BackupRunner& backups,
              BundleRunner& bundles);
  // Called on the writer thread once a check's outcome is stored.
  void on_checked(std::function<void()> listener) { checked_ = std::move(listener); }
  ~CoreBackend() override;  // ends what is under way first
  CoreBackend(const CoreBackend&) = delete;
  CoreBackend& operator=(const CoreBackend&) = delete;

  bool rename_node(store::NodeRow changed, web::Done<void> done) override;
  bool put_session(store::SessionRow session, web::Done<void> done) override;
  bool end_session(std::string token_hash, web::Done<void> done) override;
  bool put_user(store::UserRow user, web::Done<void> done) override;
  bool remove_user(std::string name, web::Done<void> done) override;
  bool put_check(store::CheckRow check, std::vector<std::int64_t> damaged_chunks,
                 web::Done<void> done) override;
  bool add_node(web::NodeWish wish, web::Done<web::NodeCredentials> done) override;
  bool rotate_node(std::string id, web::Done<web::NodeCredentials> done) override;
  bool remove_node(std::string id, web::Done<void> done) override;
  bool replace_node(web::CounterWish wish, web::Done<web::NodeCredentials> done) override;
  bool change_counters(web::CounterWish wish, web::Done<std::vector<web::CounterBase>> done) override;
  bool import_readings(std::string csv, bool dry, web::Done<std::string> done) override;
  bool exclude(web::ExclusionWish wish, web::Done<store::ExclusionCount> done) override;
  bool note(std::string who, std::string what, web::Done<void> done) override;
  bool set_time(UtcMs now, std::string who, web::Done<void> done) override;
  std::optional<web::HealthKnown> health() const override { return health_known(paths_, clock_); }
  web::Reached reached() const override;
  web::Versions versions() const override { return versions_.look(); }
  std::vector<web::BoxWish> box_can() const override;
  bool ask_box(web::BoxWish wish, std::string who, web::Done<void> done) override;
  bool backups(web::Done<web::BackupsPicture> done) override { return backups_.look(std::move(done)); }
  bool start_backup(web::BackupWish wish, web::Done<void> done) override {
    return backups_.start(std::move(wish), std::move(done));
  }
  bool open_backup(std::string set, web::Done<web::BackupFile> done) override {
    return backups_.open(std::move(set), std::move(done));
  }
  bool make_bundle(web::Done<web::BundleFile> done) override { return bundles_.make(std::move(done)); }

 private:
  using Change = std::function<Result<void>(ingest::Ingest&)>;
  [[nodiscard]] bool post(Change change, web::Done<void> done);
  // On the provisioning thread: the same, and waits for its end.
  [[nodiscard]] Result<void> change(Change change);
  [[nodiscard]] bool provision(std::function<void()> job);
  void provision_all();
  [[nodiscard]] Result<web::NodeCredentials> add(const web::NodeWish& wish);
  [[nodiscard]] Result<web::NodeCredentials> rotate(const std::string& id);
  [[nodiscard]] Result<web::NodeCredentials> replace(const web::CounterWish& wish);
  [[nodiscard]] Result<void> remove(const std::string& id);
  [[nodiscard]] web::NodeCredentials credentials(const std::string& id, const std::string& password) const;

  ingest::Service& service_;
  const ops::Paths paths_;
  const ops::BrokerAddress broker_;
  const std::size_t nodes_max_;
  ops::Provisioner provisioner_;
  const Clock& clock_;
  BackupRunner& backups_;
  BundleRunner& bundles_;
  std::function<void()> checked_;
  const bool stick_;  // the second target is one
  VersionsKnown versions_;
  ops::ClockSetter setter_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace alona
