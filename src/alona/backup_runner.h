// Backups for the page: what there is, and one at a time started and followed. The work itself is done by a
// process of its own, `alona backup …` as a person would start it, so that nothing of it can harm the core.
// When the core ends, or dies, that process gets SIGTERM and gives up, with nothing half made.
#pragma once

#include <atomic>
#include <ctime>
#include <deque>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "alona/backup_output.h"
#include "alona/child.h"
#include "backup/sets.h"
#include "ops/paths.h"
#include "web/health_findings.h"
#include "web/server.h"

namespace alona {

class BackupRunner {
 public:
  // `config_file`: empty for the default. `clock` outlives it.
  BackupRunner(const ops::Config& config, std::filesystem::path config_file, const Clock& clock);
  ~BackupRunner();  // ends the backup under way
  BackupRunner(const BackupRunner&) = delete;
  BackupRunner& operator=(const BackupRunner&) = delete;

  // Once. From now on `page`, which outlives it, is told what needs a person: of the backups, and whether the
  // rounds of `alona health` go on, which lie beside them.
  void tell(web::WebServer& page);

  // Any thread; as web::Backend describes them. `done` is called on a thread of this object's own.
  [[nodiscard]] bool look(web::Done<web::BackupsPicture> done);
  [[nodiscard]] bool start(web::BackupWish wish, web::Done<void> done);
  [[nodiscard]] bool open(std::string set, web::Done<web::BackupFile> done);

 private:
  [[nodiscard]] bool post(std::function<void()> job);
  void wake() const;

  // All below on the thread alone.
  void run();
  void run_jobs();
  [[nodiscard]] const std::vector<backup::BackupSet>& sets();
  [[nodiscard]] web::BackupsPicture picture();
  [[nodiscard]] Result<std::filesystem::path> file_of(const std::string& set) const;
  [[nodiscard]] Result<void> begin(const web::BackupWish& wish);
  void hear();
  void end();
  void tell_page();

  const ops::Paths paths_;
  const std::filesystem::path config_file_, made_at_setup_;
  const Ms age_max_;
  const Clock& clock_;
  const int wake_;  // eventfd

  std::vector<backup::BackupSet> sets_;
  std::optional<std::timespec>
      listed_;  // the folder's time when it was, unless it may still change within it
  web::WebServer* page_ = nullptr;
  web::HealthWatch health_;
  Mono tell_at_{};
  std::optional<web::BackupsPicture::Running> running_;
  std::optional<web::BackupsPicture::Ended> last_;
  std::optional<Child> child_;
  int output_ = -1;  // the child's, to be read
  BackupOutput said_;

  std::mutex mutex_;
  std::deque<std::function<void()>> jobs_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace alona
