// What the web needs of the rest of the core, as two interfaces: commands that change something, and
// questions to the database. The program implements the first; store_archive.h is the second over
// store::Reader.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "store/reader.h"
#include "store/rows.h"

namespace alona::web {

// Called once, from any thread: the web brings it home to its own.
template <class T>
using Done = std::function<void(Result<T>)>;

struct NodeWish {
  std::string id, name, place;
};

struct ExclusionWish {
  store::Exclusion what;
  std::string note, who;
};

// Counters of one node that go on behind a new meter, or a change that is taken back (ingest/counters.h).
struct CounterChange {
  std::string sensor, unit;            // unit: may be empty where the sensor has one alone
  std::optional<double> goes_on_from;  // nothing: the last that is stored
  double begins_at = 0;
  bool undo = false;
};
struct CounterWish {
  std::string node, who;
  std::vector<CounterChange> changes;
};
struct CounterBase {
  store::SeriesNo series{};
  std::string sensor, unit;
  double base = 0;       // is added to each reading from now on
  bool changed = false;  // false: it was so already
};

struct NodeCredentials {
  std::string id, user, password;
  std::optional<Error> unproven;  // why no login with them was seen to work; nothing: one has worked
  // The broker as the node reaches it; host_name: by the box's name, for software that knows mDNS.
  std::string host, host_name;
  int port = 0;
  std::string snippet, esphome, nvs_csv;  // ops/snippet.h
  std::string uri;
  std::vector<std::string> qr;  // of the uri: a row a string, '1' is dark; empty: it would be too large
};

// One backup set, as the program tells of it.
struct BackupSet {
  std::string name, state;  // "proven", "verified", "not verified", "failed"
  std::uint64_t bytes = 0, readings = 0;
  std::optional<UtcMs> taken, newest, verified, proven;  // newest: the latest reading in it
  std::string program, failed;                           // failed: why; empty: nothing is wrong
  std::string base;                                      // the set that it builds on; empty: it is whole
};
enum class BackupKind { now, verify, drill };
struct BackupWish {
  BackupKind kind = BackupKind::now;
  std::string set;  // for verify and drill
};
struct BackupsPicture {
  struct Proven {
    std::string set;
    UtcMs at{};
  };
  struct Running {
    BackupWish what;
    UtcMs since{};
    std::string doing;
    std::uint64_t done = 0, all = 0;  // all 0: nobody knows
  };
  struct Ended {
    BackupWish what;  // with the set that was made
    UtcMs at{};
    std::string failed, next;  // why, and what to do; empty: it went well
  };
  std::vector<BackupSet> sets;  // newest first
  std::optional<Proven> proven;
  std::optional<Running> running;
  std::optional<Ended> last;  // since the core's start
};
struct BackupFile {
  std::shared_ptr<const int> fd;  // open, and closed with this: the file may be removed meanwhile
  std::uint64_t bytes = 0;
};

// What the machine itself can be asked for, where Alona's package made that possible.
enum class BoxWish { restart, power_off, eject, upgrade, roll_back };

// The last round of `alona health`, which is another process. Times by the core's clock.
struct HealthKnown {
  struct Check {
    std::string id, state, what, next;  // "ok", "failing", "unknown"
    UtcMs since{};
  };
  UtcMs at{};
  std::vector<Check> checks;
};

// How the box is reached on its LAN. name: empty where nobody answers for one.
struct Reached {
  std::string name, address;
};

// Other versions of Alona that the box could run, and how the last change of version ended.
struct Versions {
  struct Last {
    UtcMs at{};
    bool back = false;
    std::string state, text;  // "running", "done", "failed"
  };
  std::string offer, trouble;  // on a stick: a later version; else why what is there isn't one
  std::string former;          // the way back leads there; empty: there is none
  std::optional<Last> last;
};

struct BundleFile {
  BackupFile file;
  std::string name;
};

// Called on the web thread; none may block. False: too much waits already, `done` will not be called, and the
// client hears 503. Only the writer thread and the provisioning change anything, and `done` comes after it is
// on disk.
class Backend {
 public:
  virtual ~Backend() = default;
  [[nodiscard]] virtual bool rename_node(store::NodeRow changed, Done<void> done) = 0;
  [[nodiscard]] virtual bool put_session(store::SessionRow session, Done<void> done) = 0;
  [[nodiscard]] virtual bool end_session(std::string token_hash, Done<void> done) = 0;
  [[nodiscard]] virtual bool put_user(store::UserRow user, Done<void> done) = 0;
  [[nodiscard]] virtual bool put_check(store::CheckRow check, std::vector<std::int64_t> damaged_chunks,
                                       Done<void> done) = 0;
  // Its sessions end, too. refused: nobody would be left who may change anything. not_found: no such user.
  [[nodiscard]] virtual bool remove_user(std::string name, Done<void> done) = 0;
  // refused: the id exists, is reserved or too many are known. The broker's files and the node's row, in that
  // order.
  [[nodiscard]] virtual bool add_node(NodeWish wish, Done<NodeCredentials> done) = 0;
  [[nodiscard]] virtual bool rotate_node(std::string id, Done<NodeCredentials> done) = 0;
  // A new password, and once the broker has proven that the old one is out, the counters; all or nothing of
  // them is looked at first. temporary: the broker hasn't taken it up, and no counter was changed.
  [[nodiscard]] virtual bool replace_node(CounterWish wish, Done<NodeCredentials> done) = 0;
  // All of them or none.
  [[nodiscard]] virtual bool change_counters(CounterWish wish, Done<std::vector<CounterBase>> done) = 0;
  [[nodiscard]] virtual bool remove_node(std::string id, Done<void> done) = 0;
  // A piece of a file as `alona export` writes it, at most a request's body; `dry`: only looks. What became
  // of it, series by series, as JSON. Idempotent.
  [[nodiscard]] virtual bool import_readings(std::string csv, bool dry, Done<std::string> done) = 0;
  // Marks readings as excluded by hand, or no more. refused: too many at once.
  [[nodiscard]] virtual bool exclude(ExclusionWish wish, Done<store::ExclusionCount> done) = 0;
  // For the audit: what the command line has done.
  [[nodiscard]] virtual bool note(std::string who, std::string what, Done<void> done) = 0;
  // What time it is, by the visitor's own device. refused: the box has its time from the network.
  [[nodiscard]] virtual bool set_time(UtcMs now, std::string who, Done<void> done) = 0;
  // Reads a small file, so on the pool; the only question that is answered at once. Nothing: no round was
  // made yet, or its record can't be read.
  [[nodiscard]] virtual std::optional<HealthKnown> health() const = 0;
  // Asks avahi, so on the pool; bounded.
  [[nodiscard]] virtual Reached reached() const = 0;
  // Reads what is on a stick, so on the pool.
  [[nodiscard]] virtual Versions versions() const = 0;
  // On any thread; what ask_box can do here. Upgrades aren't in it: versions() says.
  [[nodiscard]] virtual std::vector<BoxWish> box_can() const = 0;
  // `done`: root has been asked, and the audit says by whom. refused: it can't be done here.
  [[nodiscard]] virtual bool ask_box(BoxWish wish, std::string who, Done<void> done) = 0;
  [[nodiscard]] virtual bool backups(Done<BackupsPicture> done) = 0;
  // `done`: it has begun, in a process of its own. temporary: another is under way; not_found: no such set.
  [[nodiscard]] virtual bool start_backup(BackupWish wish, Done<void> done) = 0;
  // not_found: no such set, or what was asked for isn't a set's name.
  [[nodiscard]] virtual bool open_backup(std::string set, Done<BackupFile> done) = 0;
  // A debug bundle, made now by a process of its own: within limits::http_answer_timeout. temporary: one is
  // being made.
  [[nodiscard]] virtual bool make_bundle(Done<BundleFile> done) = 0;
};

// store::Reader's questions that the web asks, so that a test can answer them. One thread at a time.
class Archive {
 public:
  virtual ~Archive() = default;
  virtual void set_time_limit(Ms limit) = 0;
  [[nodiscard]] virtual Result<store::History> history(const store::HistoryQuery& query) = 0;
  [[nodiscard]] virtual Result<std::vector<store::History>> histories(
      const std::vector<store::HistoryQuery>& queries) = 0;
  [[nodiscard]] virtual Result<std::vector<store::EventRow>> events(std::optional<store::NodeNo> node,
                                                                    UtcMs from, UtcMs to,
                                                                    std::size_t max) = 0;
  [[nodiscard]] virtual Result<std::vector<store::ErrorRow>> errors(std::optional<store::NodeNo> node,
                                                                    UtcMs from, UtcMs to,
                                                                    std::size_t max) = 0;
  [[nodiscard]] virtual Result<std::vector<store::HeartbeatRow>> heartbeats(store::NodeNo node, UtcMs from,
                                                                            UtcMs to, std::size_t max) = 0;
  [[nodiscard]] virtual Result<std::vector<store::PresenceRow>> presence(std::optional<store::NodeNo> node,
                                                                         UtcMs from, UtcMs to,
                                                                         std::size_t max) = 0;
  [[nodiscard]] virtual Result<std::vector<store::DayCount>> counts(store::NodeNo node, std::int32_t from_day,
                                                                    std::int32_t to_day) = 0;
  [[nodiscard]] virtual Result<store::Completeness> completeness(store::NodeNo node, std::int32_t from_day,
                                                                 std::int32_t to_day, UtcMs now) = 0;
  [[nodiscard]] virtual Result<std::vector<store::RejectItem>> rejects(
      std::size_t max, std::optional<std::int64_t> before_id) = 0;
  [[nodiscard]] virtual Result<void> export_readings(
      const store::ExportFilter& filter, const std::function<bool(const store::NamedReading&)>& sink) = 0;
  [[nodiscard]] virtual Result<std::vector<store::Start>> starts(std::size_t max) = 0;
  [[nodiscard]] virtual Result<std::int64_t> canary() = 0;  // 0: none yet
  [[nodiscard]] virtual Result<std::optional<store::UserRow>> user(const std::string& name) = 0;
  [[nodiscard]] virtual Result<std::vector<store::UserRow>> users() = 0;  // by name
  [[nodiscard]] virtual Result<std::optional<store::SessionRow>> session(const std::string& token_hash) = 0;
};

using ArchiveFactory = std::function<Result<std::unique_ptr<Archive>>()>;

}  // namespace alona::web
