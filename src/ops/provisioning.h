// Adding, rotating and removing nodes. Two halves: the rules, pure functions over the rows, which the owner
// of the database applies; and the broker's side, which Provisioner does. Whoever provisions does the
// broker's side first: a login without a row is a node that the core learns at its first message; a row
// without a login would be a node that nobody can be.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "ops/broker_login.h"
#include "ops/paths.h"
#include "store/rows.h"

namespace alona::ops {

// Whether the id, name and place can be a node's, whatever nodes there are. usage: no, and why.
[[nodiscard]] Result<void> check_wish(const store::NodeRow& wanted);
// The row of a node to add; a removed node of this id comes back with its number and history. usage: a bad id
// or name. refused: it exists already, or there are `nodes_max`.
[[nodiscard]] Result<store::NodeRow> plan_add(const std::vector<store::NodeRow>& nodes,
                                              const store::NodeRow& wanted, std::size_t nodes_max, UtcMs now);
// The row of a node that is there. not_found, with the nearest id as a hint.
[[nodiscard]] Result<store::NodeRow> find_node(const std::vector<store::NodeRow>& nodes, std::string_view id);
// A name or place as people read it: at most 64 characters of UTF-8 without control characters; may be empty.
[[nodiscard]] Result<void> check_label(std::string_view label);

class Provisioner {
 public:
  Provisioner(Paths paths, BrokerAddress broker) : paths_(std::move(paths)), broker_(std::move(broker)) {}

  // A new password for the node, in the broker's file when this returns. For a node that exists this is the
  // rotation: the broker ends its connection once it has read the file. On failure the file is as it was.
  [[nodiscard]] Result<std::string> grant(std::string_view node);
  // The node's login is gone from the file. refused: it had none.
  [[nodiscard]] Result<void> revoke(std::string_view node);

  // Waits until the broker has read the file as it is now, by logging in as Alona's own probe, whose password
  // is new in every version of the file: an old login that still works would prove nothing, and a node is
  // never impersonated. Blocks for up to limits::broker_reload_max. temporary, saying how to reload it: it
  // hasn't.
  [[nodiscard]] Result<void> prove() const;
  // After prove(), and before the node's first connect: the new node's own login.
  [[nodiscard]] Result<void> prove_new_node(const std::string& node, const std::string& password) const;

 private:
  Paths paths_;
  BrokerAddress broker_;
};

}  // namespace alona::ops
