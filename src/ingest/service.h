// The writer thread: the poll loop that reads from the broker, commits, and only then acknowledges. It owns
// the broker's connection, the ingest and with it the only read-write connection to the database. Other
// threads talk to it through post() alone.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "base/mailbox.h"
#include "ingest/diary.h"
#include "ingest/ingest.h"
#include "ingest/room_duty.h"
#include "mqtt/client.h"

namespace alona::ingest {

struct ServiceOptions {
  mqtt::Options mqtt;
  IngestOptions ingest;
  std::string program_version;
  std::string boot = boot_id();
  std::shared_ptr<room::Keeper> room;  // may be null: nobody looks at the disk
};

// What the writer thread tells the others; called on it, must not block.
struct Listener {
  // Everything there is: at the start, and when the database had to be looked at again.
  std::function<void(const Ingest&)> started;
  std::function<void(std::shared_ptr<const store::Batch>)> changed;  // after each commit
  std::function<void(bool connected)> broker;
  std::function<void(const Error*)> storing;  // what keeps it from storing; nullptr: it stores again
  std::function<void(std::shared_ptr<const room::Picture>)> room;  // of the disk, with each look
};

class Service final : private mqtt::Handler {
 public:
  // `change` runs on the writer thread between two commits; `done` hears, also there, once the change is on
  // disk, or why it isn't.
  struct Command {
    std::function<Result<void>(Ingest&)> change;
    std::function<void(const Result<void>&)> done;
  };

  Service(store::Writer writer, const Clock& clock, ServiceOptions options, Listener listener);
  ~Service() override;
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // Reads what the disk knows. Before run().
  [[nodiscard]] Result<void> prepare();
  // The writer thread's whole life; returns after stop(), with everything taken committed and acknowledged.
  void run();

  // Any thread. False: the queue is full, and the command is still the caller's.
  [[nodiscard]] bool post(Command& command);
  void stop();
  // Counts the loop's rounds: it stands still when the loop is stuck. Any thread.
  [[nodiscard]] std::uint64_t rounds() const { return rounds_.load(std::memory_order_relaxed); }

 private:
  void on_connected(bool session_present) override;
  void on_disconnected(const Error& why) override;
  void on_message(const mqtt::Message& message) override;

  void round();
  void connect_if_due(Mono now);
  [[nodiscard]] Ms sleep_for(Mono now) const;
  void wait_for_work(Mono now, bool& readable);
  void read_until_due();
  void settle();
  void acknowledge(const Committed& committed);
  void start_again();
  void storing_failed(const Error& why);
  void recover();
  void run_commands();
  void end_commands(const Result<void>& outcome);
  void every_second(Mono now);
  void seal_if_due(bool busy);
  void look_at_room();
  void make_room(bool busy);
  void fold_if_due();
  [[nodiscard]] bool may_import() const;
  void import_some();
  void publish_time();
  void say_status(bool online);
  void shut_down();

  const Clock& clock_;
  const ServiceOptions options_;
  Listener listener_;
  store::Writer writer_;
  Ingest ingest_;
  Diary diary_;
  std::unique_ptr<mqtt::Connection> connection_;
  bool connected_ = false;
  bool healthy_ = true;  // false between a failed commit and a database that takes changes again
  bool paused_ = false;  // no room on the disk: what is on it can still be changed, but no message is taken
  RoomDuty room_;
  Mono next_recovery_{};
  Ms recovery_pause_{};  // doubles from try to try, until a message is stored
  std::uint64_t taken_ = 0;
  Mono connected_at_{};
  Mono next_connect_{};
  Ms backoff_{};
  std::string last_complaint_;  // said once, not at every try
  Mono next_second_{};
  Mono next_time_{};
  Mono next_fold_{};
  Mono next_seal_{};
  bool sealing_ = false;  // a pass has begun
  Mailbox<Command> commands_;
  std::vector<std::function<void(const Result<void>&)>>
      uncommitted_;  // commands whose change waits for its commit
  int wake_fd_ = -1;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::uint64_t> rounds_ = 0;
};

}  // namespace alona::ingest
