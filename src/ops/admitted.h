// Whether the broker has a user of a name: such a node is known to the core though the database doesn't know
// it yet. A function object over the password file, read again when it changed. One thread at a time.
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

#include "ops/broker_files.h"

namespace alona::ops {

class Admitted {
 public:
  explicit Admitted(std::filesystem::path passwords) : path_(std::move(passwords)) {}
  // False as well when the file can't be read: a stranger stays one.
  [[nodiscard]] bool operator()(std::string_view node);

 private:
  std::filesystem::path path_;
  std::filesystem::file_time_type read_at_{};
  std::optional<BrokerPasswords> passwords_;
};

}  // namespace alona::ops
