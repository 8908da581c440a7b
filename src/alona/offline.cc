#include "alona/offline.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>
#include <utility>

#include "base/limits.h"
#include "ops/paths.h"

namespace alona {
namespace {

// The password is in the broker's file either way; what isn't proven comes with what to do about it.
Credentials credentials(std::string id, std::string password, const Result<void>& proof) {
  return {std::move(id), std::move(password), proof.has_value(),
          proof ? std::string{} : proof.error().text()};
}

}  // namespace

Offline::Offline(ops::Config config, store::Writer writer)
    : config_(std::move(config)),
      writer_(std::move(writer)),
      provisioner_(ops::Paths{config_}, {.host = config_.mqtt.host, .port = config_.mqtt.port}) {}

Result<Offline> Offline::open(const ops::Config& config) {
  const auto deadline = std::chrono::steady_clock::now() + limits::command_lock_max;
  while (true) {
    auto writer = store::Writer::open(ops::Paths{config}.database(), store::Open::existing);
    if (writer) return Offline{config, std::move(*writer)};
    if (writer.error().code != Errc::temporary || std::chrono::steady_clock::now() > deadline)
      return std::unexpected(writer.error());
    std::this_thread::sleep_for(limits::command_lock_retry);  // another command is at it; flock tells nobody
  }
}

Result<std::vector<store::NodeRow>> Offline::nodes() {
  auto state = writer_.load();
  if (!state) return std::unexpected(state.error());
  return std::move(state->nodes);
}

Result<void> Offline::keep(store::NodeRow row, UtcMs now) {
  store::Batch batch;
  batch.received = now;
  batch.nodes.push_back(std::move(row));
  const auto receipt = writer_.commit(batch);
  if (!receipt) return std::unexpected(receipt.error());
  return {};
}

Result<Credentials> Offline::add_node(const store::NodeRow& wanted, UtcMs now) {
  const auto known = nodes();
  if (!known) return std::unexpected(known.error());
  const auto row = ops::plan_add(*known, wanted, config_.limits.nodes, now);
  if (!row) return std::unexpected(row.error());
  const auto password = provisioner_.grant(row->id);
  if (!password) return std::unexpected(password.error());
  if (auto kept = keep(*row, now); !kept) return with_context("keeping the node", kept.error());
  auto proof = provisioner_.prove();
  if (proof) proof = provisioner_.prove_new_node(row->id, *password);
  return credentials(row->id, *password, proof);
}

Result<Credentials> Offline::rotate_node(const std::string& id) {
  const auto known = nodes();
  if (!known) return std::unexpected(known.error());
  if (const auto row = ops::find_node(*known, id); !row) return std::unexpected(row.error());
  const auto password = provisioner_.grant(id);
  if (!password) return std::unexpected(password.error());
  return credentials(id, *password, provisioner_.prove());
}

Result<void> Offline::remove_node(const std::string& id, UtcMs now) {
  const auto known = nodes();
  if (!known) return std::unexpected(known.error());
  auto row = ops::find_node(*known, id);
  if (!row) return std::unexpected(row.error());
  // A node that was discovered, or whose login is gone already, is removed all the same.
  if (auto revoked = provisioner_.revoke(id); !revoked && revoked.error().code != Errc::refused)
    return revoked;
  row->removed = true;
  if (auto kept = keep(*row, now); !kept) return kept;
  if (auto proof = provisioner_.prove(); !proof)
    return with_context(fmt::format("{} is removed, but it may still log in", id), proof.error());
  return {};
}

Result<void> Offline::put_user(const store::UserRow& user) { return writer_.put_user(user); }

}  // namespace alona
