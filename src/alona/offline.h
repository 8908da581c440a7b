// What the core does with nodes and users, done by a command while the core is stopped. The database's lock
// makes sure that it is; it is held from the first look to the commit. One object, one thread.
#pragma once

#include <string>

#include "base/error.h"
#include "ops/config.h"
#include "ops/provisioning.h"
#include "store/writer.h"

namespace alona {

struct Credentials {
  std::string id;
  std::string password;
  bool proven = false;
  std::string advice;  // when it isn't proven: what to do
};

class Offline {
 public:
  // Waits a while for another command. temporary: the core or a command still holds the database. not_found:
  // there is none; `alona setup` makes one.
  [[nodiscard]] static Result<Offline> open(const ops::Config& config);

  [[nodiscard]] Result<Credentials> add_node(const store::NodeRow& wanted, UtcMs now);
  [[nodiscard]] Result<Credentials> rotate_node(const std::string& id);
  [[nodiscard]] Result<void> remove_node(const std::string& id, UtcMs now);
  [[nodiscard]] store::Writer& writer() { return writer_; }
  [[nodiscard]] Result<void> put_user(const store::UserRow& user);

 private:
  Offline(ops::Config config, store::Writer writer);
  [[nodiscard]] Result<std::vector<store::NodeRow>> nodes();
  [[nodiscard]] Result<void> keep(store::NodeRow row, UtcMs now);

  ops::Config config_;
  store::Writer writer_;
  ops::Provisioner provisioner_;
};

}  // namespace alona
