#include "alona/proof.h"
#include "backup/drill.h"
#include "backup/second_state.h"
#include "backup/sets.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <map>
#include <system_error>

#include "store/check.h"
#include "store/migrate.h"
#include "store/opening.h"
#include "store/reader.h"
#include "web/proof_findings.h"
#include "web/second_findings.h"

namespace alona {
namespace {

using namespace std::chrono_literals;
constexpr double check_share = 0.2;  // of one processor and the disk: the sensors come first
constexpr auto look_interval = 10min;
constexpr auto try_again = 1h;

std::map<store::SeriesNo, std::string> series_names(store::Reader& reader) {
  std::map<store::SeriesNo, std::string> names;
  const auto nodes = reader.nodes();
  const auto series = reader.series();
  if (!nodes || !series) return names;
  std::map<store::NodeNo, std::string> node_names;
  for (const auto& node : *nodes) node_names[node.no] = node.name.empty() ? node.id : node.name;
  for (const auto& one : *series)
    names[one.no] = node_names[one.node] + " " + (one.label.empty() ? one.sensor : one.label);
  return names;
}

// A backup reads and checks the database as a whole before it keeps it.
std::optional<UtcMs> last_whole(const std::optional<store::CheckRow>& quick,
                                const std::optional<store::CheckRow>& full,
                                const std::filesystem::path& backups) {
  std::optional<UtcMs> last;
  for (const auto* check : {&quick, &full}) {
    if (*check && (*check)->whole) last = std::max(last, std::optional{(*check)->at});
  }
  const auto sets = backup::list_sets(backups);
  if (!sets) return last;
  for (const backup::BackupSet& set : *sets) {
    if (set.counts()) last = std::max(last, std::optional{set.manifest->taken});
  }
  return last;
}

}  // namespace

Proof::Proof(ops::Paths paths, ingest::Service& service, web::WebServer& page, const Clock& clock,
             Start start)
    : paths_(std::move(paths)),
      service_(service),
      page_(page),
      clock_(clock),
      start_(std::move(start)),
      damage_(start_.damaged ? start_.damaged->what : std::string{}),
      thread_([this] { run(); }) {}

Proof::~Proof() {
  stop_ = true;
  look_again();
  thread_.join();
}

void Proof::look_again() {
  {
    const std::scoped_lock lock{mutex_};
    looked_for_ = true;
  }
  wake_.notify_one();
}

void Proof::run() {
  auto next_check = clock_.mono();
  while (!stop_) {
    tell();
    if (start_.unclean && clock_.mono() >= next_check) {
      check_after_unclean_end();
      next_check = clock_.mono() + try_again;
      tell();
    }
    std::unique_lock lock{mutex_};
    wake_.wait_for(lock, look_interval, [&] { return looked_for_; });
    looked_for_ = false;
  }
}

void Proof::check_after_unclean_end() {
  const auto report = store::quick_check(paths_.database(), {.share = check_share, .stop = &stop_});
  if (!report) {
    if (!stop_) spdlog::warn("{}", report.error().text());
    return;
  }
  start_.unclean = false;
  spdlog::info("quick check after an unclean end: {}",
               report->whole ? "the database is whole" : report->found);
  if (!report->whole) note_damage(report->found);
  ingest::Service::Command command{
      [row = store::CheckRow{clock_.utc(), "quick", report->whole, report->found}](ingest::Ingest& ingest) {
        return ingest.writer().put_check(row, {});
      },
      [this](const Result<void>& done) {
        if (!done) spdlog::warn("the check's outcome isn't kept: {}", done.error().text());
        look_again();
      }};
  if (!service_.post(command)) spdlog::warn("the check's outcome isn't kept: too much waits");
}

// The next start salvages.
void Proof::note_damage(const std::string& found) {
  if (!damage_.empty()) return;
  damage_ = found;
  if (auto marked = store::mark_damaged(paths_.database(), damage_); !marked)
    spdlog::error("{}", marked.error().text());
}

void Proof::tell_second_copy() {
  const backup::SecondState state = backup::second_state(paths_.backups());
  std::vector<web::Finding> found;
  if (auto amiss = web::second_finding({start_.second_target, state.trouble_since(),
                                        state.missing.has_value(), state.why, state.copied, state.name},
                                       clock_.utc()))
    found.push_back(std::move(*amiss));
  page_.post_notices("second_copy", std::move(found));
}

void Proof::tell() {
  tell_second_copy();
  web::ProofPicture picture;
  auto reader = store::Reader::open(paths_.database());
  if (!reader) return;
  if (auto proof = reader->proof()) picture.proof = std::move(*proof);
  const auto& quick = picture.proof.quick;
  const auto& full = picture.proof.full;
  const auto& last = !full || (quick && quick->at > full->at) ? quick : full;
  if (last && !last->whole) note_damage(last->detail);
  picture.damage = damage_;
  picture.looked = last_whole(quick, full, paths_.backups());
  picture.box_since = start_.box_since;
  picture.now = web::surely(clock_.utc(), clock_.trusted());
  std::error_code ec;
  picture.salvage_kept =
      picture.proof.salvaged && std::filesystem::exists(picture.proof.salvaged->kept_as, ec);
  if (const auto proven = backup::newest_proven(paths_.backups()))
    picture.restore = backup::way_back(*proven);
  picture.name = [names = series_names(*reader)](store::SeriesNo no) {
    const auto found = names.find(no);
    return found == names.end() ? fmt::format("series {}", static_cast<int>(no)) : found->second;
  };
  page_.post_notices("proof", web::proof_findings(picture));
  store::drop_old_snapshots(paths_.database(), picture.proof.upgraded_at, count(clock_.utc()));
}

}  // namespace alona
