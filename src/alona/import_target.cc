#include "alona/import_target.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <thread>

#include "alona/export_rows.h"
#include "alona/offline.h"
#include "ingest/ingest.h"

namespace alona {
namespace {

using namespace std::chrono_literals;

class CoreTarget final : public ImportTarget {
 public:
  CoreTarget(const ops::Config& config, bool dry) : paths_(config), dry_(dry) {}

  Result<void> add(const store::NamedReading& reading) override {
    if (body_.empty()) body_ = csv_header;
    body_ += csv_row(reading);
    return body_.size() < limits::import_piece_bytes ? Result<void>{} : send();
  }
  Result<void> finish() override { return body_.empty() ? Result<void>{} : send(); }
  Result<void> note(const std::string& who, const std::string& what) override {
    const auto noted =
        ask("/api/v1/audit", boost::json::serialize(boost::json::object{{"who", who}, {"what", what}}));
    if (!noted) return std::unexpected(noted.error());
    return {};
  }

 private:
  Result<void> send() {
    const auto answer = ask(dry_ ? "/api/v1/import?dry=1" : "/api/v1/import", body_);
    if (!answer) return std::unexpected(answer.error());
    const auto counts = read_counts(*answer);
    if (!counts) return std::unexpected(counts.error());
    return sum(*counts), body_.clear(), Result<void>{};
  }
  // A core that is busy or just restarting is asked again: a piece may come twice.
  Result<std::string> ask(const char* path, const std::string& body) {
    const auto deadline = std::chrono::steady_clock::now() + limits::import_core_wait;
    while (true) {
      auto answer = ask_core(paths_, "POST", path, body);
      if (answer && *answer) return std::move(**answer);
      Error why = answer ? core_is_stopped(paths_) : answer.error();
      if (why.code != Errc::temporary && why.code != Errc::outcome_unknown && why.code != Errc::closed)
        return std::unexpected(why);
      if (std::chrono::steady_clock::now() > deadline) {
        why.code = Errc::temporary;
        return std::unexpected(why);
      }
      std::this_thread::sleep_for(limits::import_core_retry);  // nobody tells when it is back
    }
  }

  ops::Paths paths_;
  bool dry_;
  std::string body_;
};

class DatabaseTarget final : public ImportTarget {
 public:
  DatabaseTarget(const ops::Config& config, bool dry, Offline offline)
      : offline_(std::move(offline)),
        ingest_(offline_.writer(), clock_,
                {.nodes_max = config.limits.nodes, .series_max = config.limits.series, .admitted = {}}),
        dry_(dry) {}
  Result<void> load() { return ingest_.load(); }

  Result<void> add(const store::NamedReading& reading) override {
    readings_.push_back(reading);
    return readings_.size() < limits::import_slice_max ? Result<void>{} : store();
  }
  Result<void> finish() override {
    if (auto stored = store(); !stored || dry_) return stored;
    return ingest_.fold();
  }
  Result<void> note(const std::string& who, const std::string& what) override {
    ingest_.note(who, what);
    if (auto committed = ingest_.commit(); !committed) return std::unexpected(committed.error());
    return {};
  }

 private:
  Result<void> store() {
    Result<void> outcome;
    auto queued = ingest_.import({.readings = std::exchange(readings_, {}),
                                  .dry = dry_,
                                  .done = [&](const Result<std::vector<ingest::ImportCount>>& counts) {
                                    if (counts)
                                      sum(*counts);
                                    else
                                      outcome = std::unexpected(counts.error());
                                  }});
    if (!queued) return queued;
    while (ingest_.importing()) {
      if (auto some = ingest_.import_some(); !some) return std::unexpected(some.error());
    }
    while (outcome && !dry_) {
      const auto more = ingest_.seal_some();
      if (!more) return std::unexpected(more.error());
      if (!*more) break;
    }
    return outcome;
  }

  SystemClock clock_;
  Offline offline_;
  ingest::Ingest ingest_;
  bool dry_;
  std::vector<store::NamedReading> readings_;
};

}  // namespace

void ImportTarget::sum(const std::vector<ingest::ImportCount>& counts) {
  for (const auto& c : counts) {
    auto found = std::ranges::find_if(counts_, [&](const auto& one) {
      return one.node == c.node && one.sensor == c.sensor && one.unit == c.unit;
    });
    if (found == counts_.end()) {
      counts_.push_back(c);
      continue;
    }
    found->fresh += c.fresh, found->known += c.known, found->corrected += c.corrected;
    found->node_made |= c.node_made, found->series_made |= c.series_made;
  }
}

Result<std::unique_ptr<ImportTarget>> ImportTarget::open(const ops::Config& config, bool dry) {
  const auto runs = ask_core(ops::Paths{config}, "GET", "/api/v1/session");
  if (!runs && runs.error().code != Errc::temporary) return std::unexpected(runs.error());
  if (!runs || *runs) return std::make_unique<CoreTarget>(config, dry);
  auto offline = Offline::open(config);
  if (!offline) return std::unexpected(offline.error());
  auto target = std::make_unique<DatabaseTarget>(config, dry, std::move(*offline));
  if (auto loaded = target->load(); !loaded) return std::unexpected(loaded.error());
  return target;
}

}  // namespace alona
