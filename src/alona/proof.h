// Looks after the proof that the database is sound, on a thread of its own: the quick check after an unclean
// end, paced; and the findings of every check, of salvage and of chunks that are set aside. It reads; what is
// to be kept goes to the writer as a command.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "ingest/service.h"
#include "ops/paths.h"
#include "web/server.h"

namespace alona {

class Proof {
 public:
  struct Start {
    bool unclean = false;
    std::optional<Error> damaged;  // known already
    std::string second_target;     // of the backups
    std::optional<UtcMs> box_since;
  };
  // All of them outlive it.
  Proof(ops::Paths paths, ingest::Service& service, web::WebServer& page, const Clock& clock, Start start);
  ~Proof();  // ends a check under way
  Proof(const Proof&) = delete;
  Proof& operator=(const Proof&) = delete;

  // Any thread: a check's outcome was stored.
  void look_again();

 private:
  void run();
  void check_after_unclean_end();
  void note_damage(const std::string& found);
  void tell();
  void tell_second_copy();

  const ops::Paths paths_;
  ingest::Service& service_;
  web::WebServer& page_;
  const Clock& clock_;
  Start start_;
  std::string damage_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool looked_for_ = false;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace alona
