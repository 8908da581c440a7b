#include "alona/core_backend.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <future>

#include "alona/import_piece.h"
#include "ops/lan.h"
#include "ops/snippet.h"

namespace alona {
namespace {

constexpr std::size_t jobs_max = 8;  // each waits a few seconds for the broker; a person makes one at a time

std::vector<ingest::CounterWish> wishes_of(const web::CounterWish& wish) {
  std::vector<ingest::CounterWish> wishes;
  wishes.reserve(wish.changes.size());
  for (const auto& c : wish.changes)
    wishes.push_back({c.sensor, c.unit, c.goes_on_from, c.begins_at, c.undo});
  return wishes;
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
  std::error_code ec;
  if (!std::filesystem::is_directory(paths_.requests(), ec)) return {};
  std::vector<web::BoxWish> can{web::BoxWish::restart, web::BoxWish::power_off};
  if (stick_) can.push_back(web::BoxWish::eject);
  return can;
}

bool CoreBackend::ask_box(web::BoxWish wish, std::string who, web::Done<void> done) {
  using ops::Request;
  const Request request = wish == web::BoxWish::restart     ? Request::restart
                          : wish == web::BoxWish::power_off ? Request::power_off
                                                            : Request::eject;
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

bool CoreBackend::replace_node(web::CounterWish wish, web::Done<web::NodeCredentials> done) {
  return provision([this, wish = std::move(wish), done = std::move(done)] { done(replace(wish)); });
}

bool CoreBackend::change_counters(web::CounterWish wish, web::Done<std::vector<web::CounterBase>> done) {
  const auto bases = std::make_shared<std::vector<web::CounterBase>>();
  return post(
      [wish = std::move(wish), bases](ingest::Ingest& ingest) -> Result<void> {
        const auto states = ingest.change_counters(wish.node, wishes_of(wish), wish.who);
        if (!states) return std::unexpected(states.error());
        for (const auto& s : *states) bases->push_back({s.series, s.sensor, s.unit, s.base, s.changed});
        return {};
      },
      [bases, done = std::move(done)](const Result<void>& outcome) {
        done(outcome ? Result<std::vector<web::CounterBase>>{*bases} : std::unexpected(outcome.error()));
      });
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

web::NodeCredentials CoreBackend::credentials(const std::string& id, const std::string& password) const {
  const ops::NodeAccess access{.id = id,
                               .password = password,
                               .host = ops::lan_address(),
                               .port = broker_.port,
                               .name = ops::lan_name()};
  web::NodeCredentials given;
  given.id = given.user = id;
  given.password = password;
  given.host = access.host, given.host_name = access.name, given.port = access.port;
  given.snippet = ops::c_header(access);
  given.esphome = ops::esphome_yaml(access);
  given.nvs_csv = ops::nvs_csv(access);
  given.uri = ops::access_uri(access);
  given.qr = ops::qr_rows(given.uri).value_or(std::vector<std::string>{});
  return given;
}

// The broker's files first, then the row: a login without a row is a node that the core learns at its first
// message; a row without a login would be a node that nobody can be.
Result<web::NodeCredentials> CoreBackend::add(const web::NodeWish& wish) {
  store::NodeRow wanted;
  wanted.id = wish.id, wanted.name = wish.name, wanted.place = wish.place;
  const auto plan = [this, wanted](ingest::Ingest& ingest) {
    return ops::plan_add(ingest.nodes(), wanted, nodes_max_, clock_.utc());
  };
  const auto allowed = change([plan](ingest::Ingest& ingest) -> Result<void> {
    if (auto row = plan(ingest); !row) return std::unexpected(row.error());
    return {};
  });
  if (!allowed) return std::unexpected(allowed.error());
  const auto password = provisioner_.grant(wish.id);
  if (!password) return std::unexpected(password.error());
  const auto kept = change([plan](ingest::Ingest& ingest) -> Result<void> {
    auto row = plan(ingest);
    if (!row) return std::unexpected(row.error());
    return ingest.put_node(*row);
  });
  if (!kept) return std::unexpected(kept.error());
  web::NodeCredentials given = credentials(wish.id, *password);
  given.proven = provisioner_.prove() && provisioner_.prove_new_node(wish.id, *password);
  return given;
}

Result<web::NodeCredentials> CoreBackend::rotate(const std::string& id) {
  const auto found = change([id](ingest::Ingest& ingest) -> Result<void> {
    if (auto row = ops::find_node(ingest.nodes(), id); !row) return std::unexpected(row.error());
    return {};
  });
  if (!found) return std::unexpected(found.error());
  const auto password = provisioner_.grant(id);
  if (!password) return std::unexpected(password.error());
  web::NodeCredentials given = credentials(id, *password);
  given.proven = provisioner_.prove().has_value();
  return given;
}

// The counters last, for what the old device still says before it is out is its own; behind the proof nobody
// can log in until the new password is known. Cut off anywhere, the same again does it.
Result<web::NodeCredentials> CoreBackend::replace(const web::CounterWish& wish) {
  const auto wishes = wishes_of(wish);
  const auto sound = [node = wish.node, wishes](ingest::Ingest& ingest) {
    return ingest.check_counters(node, wishes);
  };
  if (!wishes.empty()) {
    if (auto checked = change(sound); !checked) return std::unexpected(checked.error());
  }
  auto given = rotate(wish.node);
  if (!given || wishes.empty()) return given;
  const auto none_changed = [&](Error why) {
    why.what = fmt::format("{} has a new password, but no counter was carried on: {}", wish.node, why.what);
    why.next += " Then replace it again: it gets another password.";
    return std::unexpected(std::move(why));
  };
  if (!given->proven) {
    return none_changed({Errc::temporary,
                         "the broker hasn't been seen to accept it, and the old device may still be in",
                         "Reload the broker with `systemctl reload mosquitto`."});
  }
  // Twice: what the broker had handed on before the proof is read between the two.
  auto done = change(sound);
  if (done) {
    done = change([wish, wishes](ingest::Ingest& ingest) -> Result<void> {
      if (auto set = ingest.change_counters(wish.node, wishes, wish.who); !set)
        return std::unexpected(set.error());
      return {};
    });
  }
  if (!done) return none_changed(done.error());
  return given;
}

Result<void> CoreBackend::remove(const std::string& id) {
  // A node that was discovered, or whose login is gone already, is removed all the same.
  const auto revoked = provisioner_.revoke(id);
  if (!revoked && revoked.error().code != Errc::refused) return revoked;
  const auto kept = change([id](ingest::Ingest& ingest) -> Result<void> {
    auto row = ops::find_node(ingest.nodes(), id);
    if (!row) return std::unexpected(row.error());
    row->removed = true;
    return ingest.put_node(*row);
  });
  if (!kept) return kept;
  if (auto proof = provisioner_.prove(); !proof)
    return with_context(fmt::format("{} is removed, but it may still log in", id), proof.error());
  return {};
}

}  // namespace alona
