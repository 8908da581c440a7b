// What the page asks for its nodes: adding, replacing, new passwords, counters. On the provisioning thread,
// which waits for the broker, but for what is said otherwise.
#include <fmt/format.h>

#include "alona/core_backend.h"
#include "ops/lan.h"
#include "ops/snippet.h"

namespace alona {
namespace {

std::vector<ingest::CounterWish> wishes_of(const web::CounterWish& wish) {
  std::vector<ingest::CounterWish> wishes;
  wishes.reserve(wish.changes.size());
  for (const auto& c : wish.changes)
    wishes.push_back({c.sensor, c.unit, c.goes_on_from, c.begins_at, c.undo});
  return wishes;
}

}  // namespace

// ---- on the web thread ----

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

// ---- on the provisioning thread ----

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
  auto proof = provisioner_.prove();
  if (proof) proof = provisioner_.prove_new_node(wish.id, *password);
  if (!proof) given.unproven = proof.error();
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
  if (const auto proof = provisioner_.prove(); !proof) given.unproven = proof.error();
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
  if (given->unproven) {
    Error why = *given->unproven;
    why.what += ", and the old device may still be in";
    return none_changed(std::move(why));
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
