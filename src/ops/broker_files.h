// Mosquitto's files, written by us: who may log in (passwd) and what each may say (acl). Both are replaced by
// rename, so the broker reads wholly the old or the new; it reads them at its start and on SIGHUP. Not
// thread-safe: whoever changes the password file holds Paths::broker_lock().
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace alona::ops {

// Alona's own users. Nobody but the core logs in as core_user: a second login of a name ends the first, and
// with a clean session it destroys what the broker holds for it. So the checks have users of their own.
inline constexpr std::string_view core_user = "alona-core";
inline constexpr std::string_view canary_user = "canary";
inline constexpr std::string_view probe_user = "alona-probe";
// The doctor's two (broker_rules.h): one with a node's rights, and one that hears everything.
inline constexpr std::string_view doctor_user = "alona-doctor";
inline constexpr std::string_view witness_user = "alona-witness";

// 128 bits from the kernel, as 32 hexadecimal digits: no character that a shell, YAML or C would read
// differently.
[[nodiscard]] std::string new_password();

// Mosquitto's own form, `$7$iterations$salt$hash` (PBKDF2-SHA512).
[[nodiscard]] std::string broker_hash(std::string_view password);
[[nodiscard]] bool broker_hash_matches(std::string_view hash, std::string_view password);

// The password file as a value. Lines of users that Alona doesn't know stay as they are.
class BrokerPasswords {
 public:
  // An absent file is an empty one. corrupt: a line is no `user:hash`.
  [[nodiscard]] static Result<BrokerPasswords> read(const std::filesystem::path& path);

  void set(std::string_view user, std::string_view password);
  bool remove(std::string_view user);  // false: there was none
  [[nodiscard]] bool has(std::string_view user) const;
  [[nodiscard]] bool matches(std::string_view user, std::string_view password) const;

  // Old or new after a power cut, never half. On failure the old file stays.
  [[nodiscard]] Result<void> write(const std::filesystem::path& path) const;

 private:
  struct Line {
    std::string user, hash;
  };
  std::vector<Line> lines_;
};

// The same for every box: a node is told apart by its user name (%u), so it never changes with the nodes.
[[nodiscard]] std::string broker_acl();

struct BrokerConf {
  std::string listen;  // an address; empty: all
  std::uint16_t port = 1883;
  std::filesystem::path passwords, acl;
  std::filesystem::path
      persistence;           // a folder of the broker's own; empty: its configuration says where already
  bool run_as_root = false;  // a private broker started by root, which would else give that up
};
// mosquitto.conf with every limit that docs/operations.md names.
[[nodiscard]] std::string broker_conf(const BrokerConf& conf);

}  // namespace alona::ops
