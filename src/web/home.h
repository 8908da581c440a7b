// Brings the backend's callbacks, which come from any thread at any time, home to the web thread; once that
// has ended they go nowhere.
#pragma once

#include "http/server.h"
#include "web/backend.h"

namespace alona::web {

class HomeBackend final : public Backend {
 public:
  HomeBackend(Backend& far, http::Server::Poster poster) : far_(far), poster_(std::move(poster)) {}

  bool rename_node(store::NodeRow changed, Done<void> done) override {
    return far_.rename_node(std::move(changed), home(std::move(done)));
  }
  bool put_session(store::SessionRow session, Done<void> done) override {
    return far_.put_session(std::move(session), home(std::move(done)));
  }
  bool end_session(std::string hash, Done<void> done) override {
    return far_.end_session(std::move(hash), home(std::move(done)));
  }
  bool put_user(store::UserRow user, Done<void> done) override {
    return far_.put_user(std::move(user), home(std::move(done)));
  }
  bool remove_user(std::string name, Done<void> done) override {
    return far_.remove_user(std::move(name), home(std::move(done)));
  }
  bool put_check(store::CheckRow check, std::vector<std::int64_t> damaged_chunks, Done<void> done) override {
    return far_.put_check(std::move(check), std::move(damaged_chunks), home(std::move(done)));
  }
  bool add_node(NodeWish wish, Done<NodeCredentials> done) override {
    return far_.add_node(std::move(wish), home(std::move(done)));
  }
  bool rotate_node(std::string id, Done<NodeCredentials> done) override {
    return far_.rotate_node(std::move(id), home(std::move(done)));
  }
  bool replace_node(CounterWish wish, Done<NodeCredentials> done) override {
    return far_.replace_node(std::move(wish), home(std::move(done)));
  }
  bool change_counters(CounterWish wish, Done<std::vector<CounterBase>> done) override {
    return far_.change_counters(std::move(wish), home(std::move(done)));
  }
  bool remove_node(std::string id, Done<void> done) override {
    return far_.remove_node(std::move(id), home(std::move(done)));
  }
  bool import_readings(std::string csv, bool dry, Done<std::string> done) override {
    return far_.import_readings(std::move(csv), dry, home(std::move(done)));
  }
  bool exclude(ExclusionWish wish, Done<store::ExclusionCount> done) override {
    return far_.exclude(std::move(wish), home(std::move(done)));
  }
  bool note(std::string who, std::string what, Done<void> done) override {
    return far_.note(std::move(who), std::move(what), home(std::move(done)));
  }
  bool set_time(UtcMs now, std::string who, Done<void> done) override {
    return far_.set_time(now, std::move(who), home(std::move(done)));
  }
  std::optional<HealthKnown> health() const override { return far_.health(); }
  Versions versions() const override { return far_.versions(); }
  Reached reached() const override { return far_.reached(); }
  std::vector<BoxWish> box_can() const override { return far_.box_can(); }
  bool ask_box(BoxWish wish, std::string who, Done<void> done) override {
    return far_.ask_box(wish, std::move(who), home(std::move(done)));
  }
  bool backups(Done<BackupsPicture> done) override { return far_.backups(home(std::move(done))); }
  bool start_backup(BackupWish wish, Done<void> done) override {
    return far_.start_backup(std::move(wish), home(std::move(done)));
  }
  bool open_backup(std::string set, Done<BackupFile> done) override {
    return far_.open_backup(std::move(set), home(std::move(done)));
  }
  bool make_bundle(Done<BundleFile> done) override { return far_.make_bundle(home(std::move(done))); }

 private:
  template <class T>
  Done<T> home(Done<T> done) const {
    return [poster = poster_, done = std::move(done)](Result<T> result) {
      poster([done, result = std::move(result)]() mutable { done(std::move(result)); });
    };
  }

  Backend& far_;
  http::Server::Poster poster_;
};

}  // namespace alona::web
