#include "ops/provisioning.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <functional>

#include "base/files.h"
#include "base/limits.h"
#include "ops/broker_files.h"
#include "ops/units.h"
#include "protocol/decode.h"
#include "protocol/text.h"
#include "protocol/topic.h"

namespace alona::ops {
namespace {

constexpr std::string_view how_to_reload =
    "Reload it with `sudo systemctl reload mosquitto` (or send the broker SIGHUP); the change holds from "
    "then on.";

Result<void> change_passwords(const Paths& paths,
                              const std::function<Result<void>(BrokerPasswords&)>& change) {
  const auto lock = files::Lock::take(paths.broker_lock());
  if (!lock) return std::unexpected(lock.error());
  auto passwords = BrokerPasswords::read(paths.broker_passwords());
  if (!passwords) return std::unexpected(passwords.error());
  if (auto changed = change(*passwords); !changed) return changed;
  // The probe's password first: cut here, the broker's file still has the old one and only the proof fails,
  // which the next change or `alona setup` mends.
  const std::string probe = new_password();
  if (auto kept = files::replace(paths.check_password(probe_user), probe + "\n", 0600); !kept) return kept;
  passwords->set(probe_user, probe);
  return passwords->write(paths.broker_passwords());
}

}  // namespace

Result<void> check_label(std::string_view label) {
  if (protocol::valid_label(label)) return {};
  return fail(
      Errc::usage, "a name or place must be one line of UTF-8",
      fmt::format("At most {} characters, none of them a control character.", limits::label_chars_max));
}

Result<store::NodeRow> find_node(const std::vector<store::NodeRow>& nodes, std::string_view id) {
  std::size_t best = 3;
  std::string nearest;
  for (const auto& node : nodes) {
    if (node.removed) continue;
    if (node.id == id) return node;
    const std::size_t distance = edit_distance(node.id, id);
    if (distance < best) best = distance, nearest = node.id;
  }
  return fail(Errc::not_found, fmt::format("there is no node {}", id),
              nearest.empty() ? "`alona node list` shows all." : fmt::format("Did you mean {}?", nearest));
}

Result<void> check_wish(const store::NodeRow& wanted) {
  if (!protocol::valid_node_id(wanted.id)) {
    return fail(Errc::usage,
                fmt::format("{} can't be a node's id",
                            protocol::valid_utf8(wanted.id) ? protocol::shown(wanted.id) : "this"),
                "Lower-case letters, digits, _ and -, at most 32, a letter or digit first; core, canary and "
                "names that begin with alona are Alona's own.");
  }
  for (const std::string& label : {wanted.name, wanted.place}) {
    if (auto good = check_label(label); !good) return good;
  }
  return {};
}

Result<store::NodeRow> plan_add(const std::vector<store::NodeRow>& nodes, const store::NodeRow& wanted,
                                std::size_t nodes_max, UtcMs now) {
  if (auto good = check_wish(wanted); !good) return std::unexpected(good.error());
  std::size_t present = 0;
  store::NodeRow row{
      .no = store::NodeNo{1}, .id = wanted.id, .name = wanted.name, .place = wanted.place, .created = now};
  for (const auto& node : nodes) {
    if (node.id == wanted.id && !node.removed) {
      return fail(Errc::refused, fmt::format("there is a node {} already", wanted.id),
                  fmt::format("`alona node rotate {}` gives it a new password.", wanted.id));
    }
    present += node.removed ? 0 : 1;
    row.no = std::max(row.no, store::NodeNo{static_cast<std::int32_t>(node.no) + 1});
  }
  if (present >= nodes_max) {
    return fail(Errc::refused, fmt::format("there are {} nodes, as many as are allowed", present),
                "Raise nodes in [limits] of alona.toml, or remove one.");
  }
  const auto before = std::ranges::find(nodes, wanted.id, &store::NodeRow::id);
  if (before == nodes.end()) return row;
  // It comes back: what isn't said anew is as it was.
  row.no = before->no, row.created = before->created;
  if (row.name.empty()) row.name = before->name;
  if (row.place.empty()) row.place = before->place;
  return row;
}

Result<std::string> Provisioner::grant(std::string_view node) {
  std::string password = new_password();
  const auto changed = change_passwords(paths_, [&](BrokerPasswords& passwords) -> Result<void> {
    passwords.set(node, password);
    return {};
  });
  if (!changed) return with_context(fmt::format("giving {} a password", node), changed.error());
  return password;
}

Result<void> Provisioner::revoke(std::string_view node) {
  auto changed = change_passwords(paths_, [&](BrokerPasswords& passwords) -> Result<void> {
    if (passwords.remove(node)) return {};
    return fail(Errc::refused, fmt::format("the broker has no login {}", node));
  });
  if (!changed) return with_context(fmt::format("taking {}'s login away", node), changed.error());
  return {};
}

Result<void> Provisioner::prove() const {
  auto password = files::read(paths_.check_password(probe_user), limits::password_bytes_max);
  if (!password) return std::unexpected(password.error());
  while (password->ends_with('\n')) password->pop_back();
  const auto log_in = [&] {
    return log_in_within(broker_, std::string(probe_user), *password, limits::broker_reload_max / 2);
  };
  auto proven = log_in();
  // systemd doesn't look at a path while what it starts still runs, so that of two changes in a row the
  // second may go unseen: touched, the file is a change once more.
  if (!proven && proven.error().code == Errc::auth)
    (void)::utimensat(AT_FDCWD, paths_.broker_passwords().c_str(), nullptr, 0);
  if (!proven) proven = log_in();
  if (proven) return {};
  if (proven.error().code == Errc::auth) {
    return fail(Errc::temporary, "the broker still uses its old password file", std::string(how_to_reload));
  }
  return with_context("asking the broker", proven.error());
}

Result<void> Provisioner::prove_new_node(const std::string& node, const std::string& password) const {
  const auto proven = log_in_once(broker_, node, password, limits::broker_login_max);
  if (proven) return {};
  return fail(Errc::temporary, fmt::format("the broker doesn't admit {}: {}", node, proven.error().what),
              std::string(how_to_reload));
}

}  // namespace alona::ops
