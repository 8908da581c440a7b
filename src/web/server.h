// The web part of the core, whole: its thread, its pool, the picture and the API. The rest of the core starts
// it, posts what each commit changed, and stops it.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "base/zone.h"
#include "http/assets.h"
#include "room/keeper.h"
#include "store/rows.h"
#include "web/backend.h"
#include "web/finding.h"
#include "web/model.h"

namespace alona::web {

struct WebOptions {
  std::string address = "0.0.0.0";
  std::uint16_t port = 4000;  // 0: a free one, see port()
  std::filesystem::path unix_socket;
  std::vector<std::string> allowed_hosts;
  bool public_read = false;
  bool accept_browser = true;
  int session_days = limits::session_days_default;
  std::string site = "Alona", timezone = "UTC", version;
  Zone zone;                                                   // that `timezone` names
  std::vector<std::pair<std::string, std::string>> libraries;  // name and version, for people
};

class WebServer {
 public:
  // Listens and serves; /health says failing and lists are empty until post_start. failed: names the port and
  // what to do; refused: another core runs. `clock` and `backend` outlive it; the backend's callbacks may
  // come later still.
  [[nodiscard]] static Result<std::unique_ptr<WebServer>> start(WebOptions options, const Clock& clock,
                                                                Backend& backend,
                                                                const ArchiveFactory& archive,
                                                                std::span<const http::Asset> assets);
  ~WebServer();  // stops

  // All of these from any thread; they never wait. The web keeps up with the writer: what it must do for a
  // batch is bounded by the batch. Once: all nodes, series, last readings, presence and today's counts, as if
  // one commit had brought them. `readings_stored`: ever.
  void post_start(std::shared_ptr<const store::Batch> everything, std::uint64_t readings_stored,
                  std::map<store::NodeNo, Ms> intervals);
  void post(std::shared_ptr<const store::Batch> batch);  // after each commit
  void post_broker(bool connected);
  void post_storing(const Error* why);  // what keeps the writer from storing; nullptr: it stores again
  void post_room(std::shared_ptr<const room::Picture> disk);  // with each look at it
  // What `source` has found that needs a person; replaces what it said before.
  void post_notices(std::string source, std::vector<Finding> notices);
  // What is known of the backups, with what needs a person.
  void post_backups(BackupNews news, std::vector<Finding> notices);
  void post_intervals(std::map<store::NodeNo, Ms> intervals);

  // Ends streams, lets answers under way out, joins the threads. Any thread but the web's own.
  void stop();

  [[nodiscard]] std::uint16_t port() const;
  // When the web thread's loop last turned (once a second), for the watchdog. Any thread.
  [[nodiscard]] Mono last_turn() const;

 private:
  struct Impl;
  explicit WebServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace alona::web
