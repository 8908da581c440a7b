#include "alona/backup_runner.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "alona/backups_known.h"
#include "alona/download.h"
#include "alona/health_known.h"
#include "ops/requests.h"

namespace alona {
namespace {

using web::BackupKind;
constexpr std::size_t jobs_max = 32;
constexpr int look_interval_ms = 60'000;

std::string_view word(BackupKind kind) {
  return kind == BackupKind::now ? "now" : kind == BackupKind::verify ? "verify" : "drill";
}
std::string_view noun(BackupKind kind) {
  return kind == BackupKind::now      ? "a backup"
         : kind == BackupKind::verify ? "the verification of a backup"
                                      : "a drill";
}

web::BackupSet told(const backup::BackupSet& set) {
  web::BackupSet out{.name = set.name(), .state = std::string(state_word(set)), .bytes = set.bytes};
  out.verified = set.state.verified;
  out.proven = set.state.proven;
  out.failed = set.state.failed;
  if (!set.manifest) return out;
  out.taken = set.manifest->taken;
  out.newest = set.manifest->contents.newest;
  out.readings = set.manifest->contents.readings;
  out.program = set.manifest->program;
  if (set.manifest->base) out.base = set.manifest->base->set;
  return out;
}

}  // namespace

BackupRunner::BackupRunner(const ops::Config& config, std::filesystem::path config_file, const Clock& clock)
    : paths_(config),
      config_file_(std::move(config_file)),
      made_at_setup_(config.mqtt.password_file),
      age_max_(config.health.backup_age_max),
      clock_(clock),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([this] { run(); }) {}

BackupRunner::~BackupRunner() {
  stop_ = true;
  wake();
  thread_.join();
  ::close(wake_);
}

bool BackupRunner::post(std::function<void()> job) {
  {
    const std::scoped_lock lock{mutex_};
    if (jobs_.size() >= jobs_max) return false;
    jobs_.push_back(std::move(job));
  }
  wake();
  return true;
}

void BackupRunner::wake() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t told = ::write(wake_, &one, sizeof one);
}

void BackupRunner::tell(web::WebServer& page) {
  (void)post([this, &page] {
    page_ = &page;
    tell_page();
  });
}

bool BackupRunner::look(web::Done<web::BackupsPicture> done) {
  return post([this, done = std::move(done)] { done(picture()); });
}

bool BackupRunner::start(web::BackupWish wish, web::Done<void> done) {
  return post([this, wish = std::move(wish), done = std::move(done)] { done(begin(wish)); });
}

bool BackupRunner::open(std::string set, web::Done<web::BackupFile> done) {
  return post([this, set = std::move(set), done = std::move(done)] {
    const auto path = file_of(set);
    done(path ? open_download(*path, "the backup") : std::unexpected(path.error()));
  });
}

// ---- the thread ----

void BackupRunner::run() {
  while (!stop_) {
    pollfd news[2] = {{wake_, POLLIN, 0}, {output_, POLLIN, 0}};  // -1 is passed over
    ::poll(news, 2, look_interval_ms);
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t woken = ::read(wake_, &count, sizeof count);
    run_jobs();
    if (news[1].revents != 0) hear();
    if (clock_.mono() >= tell_at_) tell_page();
  }
  if (child_) spdlog::info("the core ends, and with it {}", noun(running_->what.kind));
  child_.reset();
  if (output_ >= 0) ::close(output_);
}

void BackupRunner::run_jobs() {
  while (!stop_) {
    std::function<void()> job;
    {
      const std::scoped_lock lock{mutex_};
      if (jobs_.empty()) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
  }
}

// A set's state is replaced by a rename, so whatever changes, the folder's time does. Times are coarse: what
// has changed just now may change again within the same one.
const std::vector<backup::BackupSet>& BackupRunner::sets() {
  struct stat folder{};
  const bool there = ::stat(paths_.backups().c_str(), &folder) == 0;
  if (there && listed_ && listed_->tv_sec == folder.st_mtim.tv_sec &&
      listed_->tv_nsec == folder.st_mtim.tv_nsec)
    return sets_;
  auto found = backup::list_sets(paths_.backups());
  sets_ = found ? std::move(*found) : std::vector<backup::BackupSet>{};
  listed_.reset();
  if (found && folder.st_mtim.tv_sec + 2 <= std::time(nullptr)) listed_ = folder.st_mtim;
  return sets_;
}

web::BackupsPicture BackupRunner::picture() {
  web::BackupsPicture out;
  for (const backup::BackupSet& set : sets()) {
    if (!out.proven && set.counts() && set.state.proven) out.proven = {set.name(), *set.state.proven};
    out.sets.push_back(told(set));
  }
  out.running = running_;
  if (out.running) {
    out.running->doing = said_.doing;
    out.running->done = said_.done, out.running->all = said_.all;
  }
  out.last = last_;
  return out;
}

Result<std::filesystem::path> BackupRunner::file_of(const std::string& set) const {
  std::error_code ec;
  auto path = paths_.backups() / set;
  if (!backup::is_set_name(set) || !std::filesystem::is_regular_file(path, ec))
    return fail(Errc::not_found, "there is no such backup",
                "Look at the list again: it may have been removed.");
  return path;
}

Result<void> BackupRunner::begin(const web::BackupWish& wish) {
  if (running_)
    return fail(Errc::temporary,
                fmt::format("{} is under way since {}", noun(running_->what.kind), iso8601(running_->since)),
                "Wait until it is done.");
  if (wish.kind != BackupKind::now)
    if (auto file = file_of(wish.set); !file) return std::unexpected(file.error());
  std::vector<std::string> arguments{"/proc/self/exe", "backup", std::string(word(wish.kind))};
  if (!wish.set.empty()) arguments.push_back(wish.set);
  arguments.insert(arguments.end(), {"--json", "--background"});
  if (!config_file_.empty()) arguments.insert(arguments.end(), {"--config", config_file_.string()});
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC | O_NONBLOCK) != 0) return fail(Errc::failed, "cannot make a pipe");
  ::fcntl(pipe[1], F_SETFL, 0);  // the child may wait for us
  auto child = Child::start("backup", arguments, pipe[1]);
  ::close(pipe[1]);
  if (!child) return ::close(pipe[0]), std::unexpected(child.error());
  output_ = pipe[0];
  child_ = std::move(*child);
  said_ = {};
  running_ = web::BackupsPicture::Running{.what = wish, .since = clock_.utc(), .doing = {}};
  spdlog::info("started {} from the page", noun(wish.kind));
  return {};
}

// What the child has written; nothing more to come: it has ended.
void BackupRunner::hear() {
  char bytes[4096];
  while (true) {
    const ssize_t n = ::read(output_, bytes, sizeof bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) return end();
    said_.take({bytes, static_cast<std::size_t>(n)});
  }
}

void BackupRunner::end() {
  ::close(std::exchange(output_, -1));
  const int code = child_->wait();
  child_.reset();
  web::BackupsPicture::Ended ended{.what = running_->what, .at = clock_.utc(), .failed = {}, .next = {}};
  if (!said_.set.empty()) ended.what.set = said_.set;
  if (code != 0) {
    ended.failed = said_.failed(), ended.next = said_.next();
    if (ended.failed.empty()) ended.failed = fmt::format("it ended unexpectedly, with {}", code);
    spdlog::warn("{} from the page failed: {}", noun(ended.what.kind), ended.failed);
  } else {
    spdlog::info("{} from the page is done: {}", noun(ended.what.kind), ended.what.set);
  }
  last_ = std::move(ended);
  running_.reset();
  tell_page();
}

void BackupRunner::tell_page() {
  tell_at_ = clock_.mono() + Ms{look_interval_ms};
  if (page_ == nullptr) return;
  const web::BackupsKnown known = backups_known(sets(), made_at_setup_, age_max_);
  page_->post_backups(known.news, web::backup_findings(known, clock_.utc(), clock_.trusted()));
  const bool due = ops::takes_requests(paths_);  // where those units are, the timer is
  page_->post_notices("health", health_.look(health_round_at(paths_), due, clock_.mono(), clock_.utc()));
}

}  // namespace alona
