#include "alona/rescue.h"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include <array>
#include <charconv>
#include <system_error>

#include "alona/fill_from_backup.h"
#include "backup/drill.h"
#include "base/files.h"
#include "web/rescue.h"

namespace alona {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
constexpr auto look_again = 10s;

// What a restart by systemd, or another command, can't cure by itself.
bool needs_rescue(Errc code) {
  return code == Errc::not_found || code == Errc::corrupt || code == Errc::newer || code == Errc::io ||
         code == Errc::disk_full;
}

std::string sentence(Errc code) {
  switch (code) {
    case Errc::not_found:
      return "The box’s database isn’t there.";
    case Errc::corrupt:
      return "The box’s database is damaged.";
    case Errc::newer:
      return "The box’s database was written by a newer Alona than the one that runs.";
    case Errc::disk_full:
      return "The box’s disk is full.";
    default:
      return "The box’s disk doesn’t let the database be read.";
  }
}

// What tells that somebody has put something else there. Made after a try, which may leave things behind.
using Trace = std::array<std::int64_t, 8>;
Trace trace_of(const fs::path& database) {
  Trace trace{};
  std::size_t at = 0;
  for (const char* tail : {"", "-wal"}) {
    struct stat s{};
    if (::stat((database.string() + tail).c_str(), &s) == 0)
      trace[at] = s.st_size, trace[at + 1] = static_cast<std::int64_t>(s.st_ino),
      trace[at + 2] = s.st_mtim.tv_sec, trace[at + 3] = s.st_mtim.tv_nsec;
    at += 4;
  }
  return trace;
}

// True: a signal came.
bool wait_for_signal(int signals, std::chrono::milliseconds time) {
  pollfd fd{signals, POLLIN, 0};
  return ::poll(&fd, 1, static_cast<int>(time.count())) > 0;
}

class Rescue {
 public:
  Rescue(const ops::Paths& paths, const web::WebOptions& with_web, const Clock& clock)
      : with_web_(with_web), clock_(clock), since_file_(paths.data() / "health/rescue_since") {
    if (const auto proven = backup::newest_proven(paths.backups())) {
      state_.backup = backup::told(*proven);
      state_.command = backup::way_back(*proven);
    }
  }

  [[nodiscard]] Result<void> stand_by(const Error& why) {
    if (std::exchange(said_, why.text()) != why.text()) spdlog::error("{}", why.text());
    state_.work = web::RescueWork::none;
    state_.wrong = sentence(why.code), state_.detail = why.what, state_.todo = why.next;
    if (why.code == Errc::corrupt && !state_.backup) {
      state_.todo =
          "Leave the file as it is: other tools may read more of it. If there is a backup elsewhere, bring "
          "it back. To "
          "begin a new history, move the file away and run, on the box: sudo alona setup";
    }
    return show();
  }

  // Something that takes long. Also where a page can't be shown: that is told later.
  void work(const std::string& doing) {
    if (std::exchange(said_, std::string("working")) != "working")
      spdlog::warn("the database is damaged: {}", doing);
    state_.work = web::RescueWork::mending;
    state_.wrong = "The box’s database is damaged. What can be read of it is being copied into a fresh one.";
    state_.detail = doing;
    (void)show();
    sd_notify(0, "EXTEND_TIMEOUT_USEC=60000000");
    sd_notify(0, "WATCHDOG=1");
  }

  // It takes as long as the disk needs to write all of it; whoever waits for the core hears that it goes on.
  void upgrade(const std::string& doing) {
    if (std::exchange(said_, doing) != doing)
      spdlog::info("the database is brought to this version: {}", doing);
    state_.work = web::RescueWork::upgrading;
    state_.wrong = "The box’s history is being brought to the form that this version of Alona keeps.";
    state_.detail = doing;
    (void)show();
    sd_notify(0, "EXTEND_TIMEOUT_USEC=600000000");  // the copy's way to a slow card is one step
  }

  void over() {
    page_.reset();
    std::error_code ec;
    fs::remove(since_file_, ec);
  }

 private:
  [[nodiscard]] Result<void> show() {
    if (state_.since == UtcMs{}) state_.since = since();
    if (page_) return page_->update(state_), Result<void>{};
    auto page = web::RescueServer::start(with_web_, state_);
    if (!page) return std::unexpected(page.error());
    page_ = std::move(*page);
    return {};
  }

  // Kept over restarts where the disk takes it.
  [[nodiscard]] UtcMs since() {
    if (const auto text = files::read(since_file_, 64)) {
      std::int64_t ms = 0;
      if (std::from_chars(text->data(), text->data() + text->size(), ms).ec == std::errc{}) return utc_ms(ms);
    }
    const UtcMs now = clock_.utc();
    if (files::make_folder(since_file_.parent_path(), 0750))
      (void)files::replace(since_file_, std::to_string(count(now)), 0640);
    return now;
  }

  const web::WebOptions& with_web_;
  const Clock& clock_;
  const fs::path since_file_;
  web::RescueState state_;
  std::unique_ptr<web::RescueServer> page_;
  std::string said_;
};

}  // namespace

Result<std::optional<store::Opened>> open_or_rescue(const CoreOptions& options, const ops::Paths& paths,
                                                    const web::WebOptions& with_web, int signals,
                                                    const Clock& clock) {
  Rescue rescue{paths, with_web, clock};
  const auto doing = [&](const std::string& what) {
    return rescue.work(what), !wait_for_signal(signals, 0ms);
  };
  const store::OpenRules rules{
      .quarantine = paths.data() / "quarantine",
      .salvage = options.config.storage.on_corruption == ops::OnCorruption::keep_going,
      .how = options.create ? store::Open::create : store::Open::existing,
      .doing = doing,
      .upgrading = [&](const std::string& what) { rescue.upgrade(what); },
      .fill =
          [&](const fs::path& fresh, const store::SalvageReport& lost) {
            return fill_from_backup(options.config, fresh, lost, doing);
          }};
  clear_filling(options.config);
  while (true) {
    auto opened = store::open_by_rules(paths.database(), rules);
    if (opened) {
      rescue.over();
      return std::optional{std::move(*opened)};
    }
    if (wait_for_signal(signals, 0ms)) return std::nullopt;
    const Error why = opened.error();
    if (!needs_rescue(why.code)) return std::unexpected(why);
    if (auto shown = rescue.stand_by(why); !shown) return std::unexpected(shown.error());
    sd_notify(0, "READY=1\nSTATUS=no database to go on with: see the page");
    const Trace found = trace_of(paths.database());
    for (auto again = clock.mono() + look_again;;) {
      if (wait_for_signal(signals, 1s)) return std::nullopt;
      sd_notify(0, "WATCHDOG=1");
      if (clock.mono() < again) continue;
      again = clock.mono() + look_again;
      // A full disk, and one that doesn't answer, change without a trace in the file.
      if (why.code == Errc::disk_full || why.code == Errc::io || trace_of(paths.database()) != found) break;
    }
  }
}

}  // namespace alona
