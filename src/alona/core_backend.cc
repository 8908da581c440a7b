#include "alona/core_backend.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <future>

#include "alona/import_piece.h"
#include "ops/lan.h"

namespace alona {
namespace {

constexpr std::size_t jobs_max = 8;  // each waits a few seconds for the broker; a person makes one at a time

ops::Request request_of(web::BoxWish wish) {
  switch (wish) {
    case web::BoxWish::restart:
      return ops::Request::restart;
    case web::BoxWish::power_off:
      return ops::Request::power_off;
    case web::BoxWish::eject:
      return ops::Request::eject;
    case web::BoxWish::upgrade:
      return ops::Request::upgrade;
    case web::BoxWish::roll_back:
      return ops::Request::roll_back;
  }
  return ops::Request::restart;
}

}  // namespace

CoreBackend::CoreBackend(ingest::Service& service, const ops::Config& config, const Clock& clock,
                         BackupRunner& backups, BundleRunner& bundles)
    : service_(service),
      paths_(config),
      broker_{config.mqtt.host, config.mqtt.port},
      nodes_max_(config.limits.nodes),
      provisioner_(paths_, broker_),
      clock_(clock),
      backups_(backups),
      bundles_(bundles),
      stick_(config.backup.second_target.starts_with("label:")),
      versions_(paths_, clock),
      setter_(paths_, clock),
      thread_([this] { provision_all(); }) {}

CoreBackend::~CoreBackend() {
  {
    const std::scoped_lock lock{mutex_};
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

bool CoreBackend::post(Change change, web::Done<void> done) {
  ingest::Service::Command command{std::move(change),
                                   [done = std::move(done)](const Result<void>& outcome) { done(outcome); }};
  return service_.post(command);
}

bool CoreBackend::rename_node(store::NodeRow changed, web::Done<void> done) {
  return post([row = std::move(changed)](ingest::Ingest& ingest) { return ingest.put_node(row); },
              std::move(done));
}

bool CoreBackend::put_session(store::SessionRow session, web::Done<void> done) {
  return post([row = std::move(session)](ingest::Ingest& ingest) { return ingest.writer().put_session(row); },
              std::move(done));
}

bool CoreBackend::end_session(std::string token_hash, web::Done<void> done) {
  return post(
      [hash = std::move(token_hash)](ingest::Ingest& ingest) { return ingest.writer().end_session(hash); },
      std::move(done));
}

bool CoreBackend::put_user(store::UserRow user, web::Done<void> done) {
  return post([row = std::move(user)](ingest::Ingest& ingest) { return ingest.writer().put_user(row); },
              std::move(done));
}

bool CoreBackend::remove_user(std::string name, web::Done<void> done) {
  return post([name = std::move(name)](ingest::Ingest& ingest) { return ingest.writer().remove_user(name); },
              std::move(done));
}

bool CoreBackend::put_check(store::CheckRow check, std::vector<std::int64_t> damaged_chunks,
                            web::Done<void> done) {
  return post([row = std::move(check), ids = std::move(damaged_chunks)](
                  ingest::Ingest& ingest) { return ingest.writer().put_check(row, ids); },
              [checked = checked_, done = std::move(done)](Result<void> outcome) {
                if (outcome && checked) checked();
                done(std::move(outcome));
              });
}

bool CoreBackend::exclude(web::ExclusionWish wish, web::Done<store::ExclusionCount> done) {
  const auto counted = std::make_shared<store::ExclusionCount>();
  return post(
      [wish = std::move(wish), counted](ingest::Ingest& ingest) -> Result<void> {
        const auto marked = ingest.exclude(wish.what, wish.who, wish.note);
        if (!marked) return std::unexpected(marked.error());
        *counted = *marked;
        return {};
      },
      [counted, done = std::move(done)](const Result<void>& outcome) {
        done(outcome ? Result<store::ExclusionCount>{*counted} : std::unexpected(outcome.error()));
      });
}

bool CoreBackend::note(std::string who, std::string what, web::Done<void> done) {
  return post(
      [who = std::move(who), what = std::move(what)](ingest::Ingest& ingest) -> Result<void> {
        ingest.note(who, what);
        return {};
      },
      std::move(done));
}

// By the monotonic clock the word stays true while it waits for the writer.
bool CoreBackend::set_time(UtcMs now, std::string who, web::Done<void> done) {
  const Mono said = clock_.mono();
  return post(
      [this, now, said, who = std::move(who)](ingest::Ingest& ingest) -> Result<void> {
        const UtcMs then = now + (clock_.mono() - said);
        if (auto set = ingest.set_time(then, who); !set) return set;
        spdlog::info("{} has set the time to {}", who, iso8601(then));
        if (auto machine = setter_.set(then); !machine) spdlog::info("{}", machine.error().text());
        return {};
      },
      std::move(done));
}

web::Reached CoreBackend::reached() const { return {ops::lan_name(), ops::lan_address()}; }

std::vector<web::BoxWish> CoreBackend::box_can() const {
  if (!ops::takes_requests(paths_)) return {};
  std::vector<web::BoxWish> can{web::BoxWish::restart, web::BoxWish::power_off};
  if (stick_) can.push_back(web::BoxWish::eject);
  return can;
}

bool CoreBackend::ask_box(web::BoxWish wish, std::string who, web::Done<void> done) {
  using ops::Request;
  const Request request = request_of(wish);
  return post(
      [this, request, who = std::move(who)](ingest::Ingest& ingest) -> Result<void> {
        if (auto asked = ops::put_request(paths_, request); !asked) return asked;
        spdlog::info("{} has asked for {}", who, ops::word(request));
        ingest.note(who, fmt::format("box {}", ops::word(request)));
        return {};
      },
      std::move(done));
}

bool CoreBackend::add_node(web::NodeWish wish, web::Done<web::NodeCredentials> done) {
  return provision([this, wish = std::move(wish), done = std::move(done)] { done(add(wish)); });
}

bool CoreBackend::rotate_node(std::string id, web::Done<web::NodeCredentials> done) {
  return provision([this, id = std::move(id), done = std::move(done)] { done(rotate(id)); });
}

bool CoreBackend::remove_node(std::string id, web::Done<void> done) {
  return provision([this, id = std::move(id), done = std::move(done)] { done(remove(id)); });
}

bool CoreBackend::import_readings(std::string csv, bool dry, web::Done<std::string> done) {
  auto readings = read_piece(csv);
  if (!readings) return done(std::unexpected(readings.error())), true;
  const auto heard = std::make_shared<web::Done<std::string>>(std::move(done));
  const auto job = std::make_shared<ingest::ImportJob>(ingest::ImportJob{
      .readings = std::move(*readings), .dry = dry, .done = [heard](const auto& counts) {
        (*heard)(counts ? Result<std::string>{counts_json(*counts)} : std::unexpected(counts.error()));
      }});
  return post([job](ingest::Ingest& ingest) { return ingest.import(std::move(*job)); },
              [heard](const Result<void>& queued) {
                if (!queued) (*heard)(std::unexpected(queued.error()));
              });
}

// ---- the provisioning thread ----

bool CoreBackend::provision(std::function<void()> job) {
  {
    const std::scoped_lock lock{mutex_};
    if (stopping_ || jobs_.size() == jobs_max) return false;
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
  return true;
}

void CoreBackend::provision_all() {
  while (true) {
    std::function<void()> job;
    {
      std::unique_lock lock{mutex_};
      wake_.wait(lock, [&] { return stopping_ || !jobs_.empty(); });
      if (stopping_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
  }
}

// The writer's loop turns at least once a second, and at its end it still runs what was posted: the wait has
// an end.
Result<void> CoreBackend::change(Change change) {
  auto outcome = std::make_shared<std::promise<Result<void>>>();
  auto future = outcome->get_future();
  if (!post(std::move(change), [outcome](const Result<void>& result) { outcome->set_value(result); })) {
    return fail(Errc::temporary, "too many changes wait already", "Try again in a few seconds.");
  }
  if (future.wait_for(limits::command_answer_max) != std::future_status::ready) {
    return fail(Errc::temporary, "the writer did not answer in time",
                "Look whether it was done before trying again.");
  }
  return future.get();
}

}  // namespace alona
