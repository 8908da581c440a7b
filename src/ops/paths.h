// Where everything lies (docs/operations.md). `live/` is what a restore exchanges as a whole, so what must
// fit together lies in it: the database, the broker's files and the passwords of Alona's own checks.
#pragma once

#include <filesystem>

#include "ops/config.h"

namespace alona::ops {

class Paths {
 public:
  explicit Paths(const Config& config) : data_(config.core.data_dir), run_(config.core.runtime_dir) {}

  [[nodiscard]] const std::filesystem::path& data() const { return data_; }
  [[nodiscard]] const std::filesystem::path& runtime() const { return run_; }
  [[nodiscard]] std::filesystem::path backups() const { return data_ / "backups"; }
  [[nodiscard]] std::filesystem::path live() const { return data_ / "live"; }
  [[nodiscard]] std::filesystem::path database() const { return live() / "db/alona.sqlite3"; }
  [[nodiscard]] std::filesystem::path broker() const { return live() / "broker"; }
  [[nodiscard]] std::filesystem::path broker_passwords() const { return broker() / "passwd"; }
  [[nodiscard]] std::filesystem::path broker_acl() const { return broker() / "acl"; }
  // Held by whoever changes the broker's files; outside the broker's folder, which the broker's group reads.
  [[nodiscard]] std::filesystem::path broker_lock() const { return live() / "broker.lock"; }
  // The password of one of Alona's own broker users, other than the core's.
  [[nodiscard]] std::filesystem::path check_password(std::string_view user) const {
    return live() / "checks" / user;
  }
  // Of this machine, so outside what a restore exchanges.
  [[nodiscard]] std::filesystem::path saved_time() const { return data_ / "time"; }
  // Where the core asks root for something (ops/requests.h); made by the package alone.
  [[nodiscard]] std::filesystem::path requests() const { return run_ / "request"; }
  [[nodiscard]] std::filesystem::path core_socket() const { return run_ / "core.sock"; }

 private:
  std::filesystem::path data_, run_;
};

}  // namespace alona::ops
